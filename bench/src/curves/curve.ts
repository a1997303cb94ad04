/** How the cost of a request grows with another number: the same work at several sizes, Tessera alone. */

import type { Measured } from '../measure.ts'
import type { Plan } from '../options.ts'

export type Point = {
  /** The size. */
  readonly at: number
  readonly work: string
  readonly runs: readonly Measured[]
  /** Milliseconds of the wait that the curve's `waited` describes. */
  readonly waitedMs?: number
}

export type CurveResult = {
  readonly name: string
  /** The quantity that grows. */
  readonly along: string
  /** The preparation before the load, if that grows too. */
  readonly waited?: string
  readonly points: readonly Point[]
}

export type Curve = Omit<CurveResult, 'points'> & {
  readonly measure: (plan: Plan) => Promise<readonly Point[]>
}

/** Few and small ones if the results do not count. */
export const sizesFor =
  (sizes: { readonly quick: readonly number[]; readonly full: readonly number[] }) =>
  ({ fresh }: Plan): readonly number[] =>
    fresh ? sizes.full : sizes.quick
