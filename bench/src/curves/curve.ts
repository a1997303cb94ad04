/** How the cost of a request grows with something else: the same work at several sizes, Tessera alone. */

import type { Measured } from '../measure.ts'
import type { Plan } from '../options.ts'

export type Point = {
  /** The size. */
  readonly at: number
  readonly work: string
  readonly runs: readonly Measured[]
  /** Milliseconds of what the curve's `waited` says. */
  readonly waitedMs?: number
}

export type CurveResult = {
  readonly name: string
  /** What grows. */
  readonly along: string
  /** What had to be waited for before the load, where that grows too. */
  readonly waited?: string
  readonly points: readonly Point[]
}

export type Curve = Omit<CurveResult, 'points'> & {
  readonly measure: (plan: Plan) => Promise<readonly Point[]>
}

/** Few and small ones where the figures do not count. */
export const sizesFor =
  (sizes: { readonly quick: readonly number[]; readonly full: readonly number[] }) =>
  ({ fresh }: Plan): readonly number[] =>
    fresh ? sizes.full : sizes.quick
