/** A server that is measured: how it is started, what it offers, how it ends. */

import type { Credential, Paths } from '../rows/row.ts'
import type { Cores } from './cores.ts'

export type Server = {
  readonly port: number
  readonly paths: Paths
  /** Of the process that all others of it come from. */
  readonly pid: number
  /** From the start of its process until it listens. */
  readonly startMs: number
  /** Makes what the load is going to use. */
  readonly prepare: (kind: Credential, count: number) => Promise<readonly string[]>
  readonly stop: () => Promise<void>
}

export type Candidate = {
  readonly name: string
  /** What it is, in a line for whoever reads the figures. */
  readonly note: string
  /** Rows that it has the endpoint for, but does not do the work of; with the reason. */
  readonly leavesOut?: Readonly<Record<string, string>>
  readonly paths: Paths
  readonly start: (options?: { readonly cores?: Cores }) => Promise<Server>
}
