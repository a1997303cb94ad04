/** A server under measurement: how to start and stop it, and what it supports. */

import type { Credential, Paths } from '../rows/row.ts'
import type { Cores } from './cores.ts'

export type Server = {
  readonly port: number
  readonly paths: Paths
  /** The parent of all its other processes. */
  readonly pid: number
  /** From the start of its process until it listens. */
  readonly startMs: number
  /** Creates the credentials that the load will use. */
  readonly prepare: (kind: Credential, count: number) => Promise<readonly string[]>
  readonly stop: () => Promise<void>
}

export type Candidate = {
  readonly name: string
  /** A one-line description for readers of the results. */
  readonly note: string
  /** Rows whose endpoint it has but whose work it does not do, with the reason. */
  readonly leavesOut?: Readonly<Record<string, string>>
  readonly paths: Paths
  readonly start: (options?: { readonly cores?: Cores }) => Promise<Server>
}
