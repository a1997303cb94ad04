/** Measures how the cost of a request grows with another quantity: the same work at several sizes, for Tessera only. */

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

/** Few and small sizes for a quick run, whose results are not published. */
export const sizesFor =
  (sizes: { readonly quick: readonly number[]; readonly full: readonly number[] }) =>
  ({ fresh }: Plan): readonly number[] =>
    fresh ? sizes.full : sizes.quick
