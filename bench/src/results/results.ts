/** What a run of the bench finds out; the form of its JSON. Times in seconds or, where the name says so, milliseconds; memory in bytes. */

import type { Limit } from '../limits/script.ts'
import type { Measured } from '../measure.ts'
import type { Plan } from '../options.ts'

export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly memory: number
  readonly node: string
  readonly pinned: boolean
}

export type RowResult = {
  readonly name: string
  readonly servers: readonly {
    readonly name: string
    readonly runs: readonly Measured[]
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

/** Tessera at four fifths of the load that it can take. */
export type SteadyResult = { readonly name: string; readonly rate: number; readonly run: Measured }

export type Results = {
  readonly format: 1
  /** The day. */
  readonly measured: string
  readonly machine: Machine
  readonly plan: Plan
  readonly servers: readonly { readonly name: string; readonly note: string }[]
  readonly rows: readonly RowResult[]
  readonly limits: readonly Limit[]
  readonly steady: readonly SteadyResult[]
  readonly starts: readonly StartResult[]
}
