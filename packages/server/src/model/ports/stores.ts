/**
 * The ports to stored data: one interface for each kind of data, in groups, and `commit`, the single write of a token
 * request. Reads may return synchronously. A write is durable when its promise resolves. All of them may reject with
 * `StoreUnavailable`.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable } from '../../runtime/ports.ts'
import type { AuditStores } from './audit.ts'
import type { AuthorizationStores } from './authorizations.ts'
import type { Commit, CommitOutcome } from './commit.ts'
import type { EntryStores } from './entries.ts'
import type { FederationStores } from './federation.ts'
import type { InstallationStores } from './installation.ts'
import type { PersonStores } from './persons.ts'
import type { SessionStores } from './sessions.ts'
import type { UserStores } from './users.ts'
import type { WebhookStores } from './webhooks.ts'

export type * from './audit.ts'
export type * from './authorizations.ts'
export type * from './commit.ts'
export type * from './entries.ts'
export type * from './federation.ts'
export type * from './installation.ts'
export type * from './persons.ts'
export type * from './sessions.ts'
export type * from './users.ts'
export type * from './webhooks.ts'

export type Stores = AuthorizationStores &
  SessionStores &
  UserStores &
  FederationStores &
  InstallationStores &
  EntryStores &
  PersonStores &
  WebhookStores &
  AuditStores & {
    readonly commit: (commit: Commit) => Promise<CommitOutcome>
    /**
     * Deletes rows that had expired at `at`, in small batches, so that requests don't wait. Returns how many rows were
     * deleted. Rows that wait to be sent become due `now` if a clock that was ahead made them wait longer than any
     * delay between attempts.
     */
    readonly cleanUp: (at: Seconds, now?: Seconds) => Promise<number>
    /** Returns whether it can currently read and write. */
    readonly ready: () => Awaitable<boolean>
    /** Finishes the work in progress and releases every file and thread. */
    readonly close: () => Promise<void>
  }

/**
 * The stores of all issuers. Each store finds only rows that it stored itself. Rows don't contain an issuer, so no
 * query can forget to compare it.
 */
export type TenantStores = {
  /** The store of the server's own issuer. */
  readonly main: Stores
  /** Returns the store of a tenant's own issuer, the same each time; creates it if there is none. The name must be usable as a file name. */
  readonly forTenant: (name: string) => Promise<Stores>
  /** Returns the tenants that have a store, open or not. */
  readonly list: () => Awaitable<readonly string[]>
  /** Returns the time of the store's own clock, in milliseconds since 1970, if several machines share the store. */
  readonly now?: () => Promise<number>
  /** Whether data outlives the process. */
  readonly outlivesProcess?: boolean
  /** Returns why this process can't work with the stored data, according to the last `ready`; undefined if it can. */
  readonly fault?: () => object | undefined
  /** Returns how many writes are waiting, for stores with their own queue. */
  readonly waiting?: () => number
  /** Closes every store. */
  readonly close: () => Promise<void>
}
