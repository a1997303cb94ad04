/**
 * The ports to what is stored: one interface for each noun, in groups, and `commit`, the one write of a token request.
 * Reads may return at once. A write is durable when its promise resolves. Each of them may reject with `StoreUnavailable`.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable } from '../../runtime/ports.ts'
import type { AuthorizationStores } from './authorizations.ts'
import type { Commit, CommitOutcome } from './commit.ts'
import type { FederationStores } from './federation.ts'
import type { InstallationStores } from './installation.ts'
import type { SessionStores } from './sessions.ts'
import type { UserStores } from './users.ts'
import type { WebhookStores } from './webhooks.ts'

export type * from './authorizations.ts'
export type * from './commit.ts'
export type * from './federation.ts'
export type * from './installation.ts'
export type * from './sessions.ts'
export type * from './users.ts'
export type * from './webhooks.ts'

export type Stores = AuthorizationStores &
  SessionStores &
  UserStores &
  FederationStores &
  InstallationStores &
  WebhookStores & {
    readonly commit: (commit: Commit) => Promise<CommitOutcome>
    /** Deletes expired rows in small batches that no request waits for. Returns how many rows were deleted. */
    readonly cleanUp: (at: Seconds) => Promise<number>
    /** Returns whether it can read and write now. */
    readonly ready: () => Awaitable<boolean>
    /** Finishes the work in progress and releases every file and thread. */
    readonly close: () => Promise<void>
  }

/**
 * A store for each issuer. A store finds only what it stored itself, whatever it is asked for. No noun has an issuer, so
 * no query can forget to compare it.
 */
export type TenantStores = {
  /** The store of the server's own issuer. */
  readonly main: Stores
  /** Returns the store of a tenant's own issuer, the same each time; creates it if there is none. The name must be usable as a file name. */
  readonly forTenant: (name: string) => Promise<Stores>
  /** Returns the tenants that have a store, open or not. */
  readonly list: () => Awaitable<readonly string[]>
  /** The time of the store's own clock, in milliseconds since 1970, if machines share the store. */
  readonly now?: () => Promise<number>
  /** Whether the next process finds what was stored. */
  readonly outlivesProcess?: boolean
  /** Why this process can't work with the stored data, as the last `ready` found; undefined if it can. */
  readonly fault?: () => object | undefined
  /** How many writes wait, if the stores keep a queue of their own. */
  readonly waiting?: () => number
  /** Closes every store. */
  readonly close: () => Promise<void>
}
