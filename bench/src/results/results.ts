/**
 * The results of a run of the bench; the form of its JSON. Times in seconds or, if the name says so, milliseconds;
 * memory in bytes.
 */

import type { CurveResult } from '../curves/curve.ts'
import type { Limit } from '../limits/script.ts'
import type { Measured } from '../measure.ts'
import type { Plan } from '../options.ts'
import type { SoakResult } from '../soak.ts'

export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly memory: number
  readonly node: string
  readonly pinned: boolean
}

/** One server's result as a share of another's. */
export type Goal = {
  readonly own: string
  readonly of: string
  readonly by: 'perSecond' | 'perCpuSecond'
  readonly share: number
}

export type RowResult = {
  readonly name: string
  readonly goals: readonly Goal[]
  readonly servers: readonly {
    readonly name: string
    readonly runs: readonly Measured[]
    /** Requests per second of CPU time, the median of each time that the table was measured. */
    readonly medians?: readonly number[]
    /** Why it has no runs. */
    readonly leftOut?: string
  }[]
}

export type StartResult = {
  readonly name: string
  readonly startMs: readonly number[]
  /** Resident one second after the start. */
  readonly rss: readonly number[]
}

/** A server at four fifths of its maximum load. */
export type SteadyResult = {
  /** The row's. */
  readonly name: string
  readonly server: string
  readonly rate: number
  readonly runs: readonly Measured[]
}

/** The results that each part of the bench adds. */
export type Found = {
  readonly rows?: readonly RowResult[]
  readonly steady?: readonly SteadyResult[]
  readonly limits?: readonly Limit[]
  readonly starts?: readonly StartResult[]
  readonly workers?: readonly RowResult[]
  readonly postgres?: readonly RowResult[]
  readonly curves?: readonly CurveResult[]
  readonly soak?: SoakResult
}

export type Results = Found & {
  readonly format: 1
  /** The day. */
  readonly measured: string
  readonly machine: Machine
  readonly plan: Plan
  readonly servers: readonly { readonly name: string; readonly note: string }[]
}
