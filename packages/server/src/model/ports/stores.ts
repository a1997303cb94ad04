/**
 * The ports to what is stored: one small interface for each noun, and `commit`, the one write of a token request.
 * Reads may answer at once. Every write is durable when its promise is fulfilled.
 * Any of them may reject with `StoreUnavailable`.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable } from '../../runtime/ports.ts'
import type {
  AuthorizationCodes,
  Authorizations,
  DeviceAuthorizations,
  PushedRequests,
  ReferenceTokens,
  RefreshFamilies,
  RevokedTokens,
  UsedAssertions,
} from './authorizations.ts'
import type { Commit, CommitOutcome } from './commit.ts'
import type { IdentityLinks, UpstreamRequests, UpstreamSessions } from './federation.ts'
import type { Keys, Principals, RegisteredClients, Settings } from './installation.ts'
import type { Consents, LogoutNotices, PendingSignIns, Sessions } from './sessions.ts'
import type {
  Attempts,
  Passkeys,
  RecoveryCodes,
  SecondFactors,
  StoredUsers,
  TotpSecrets,
  WaitingMails,
} from './users.ts'

export type * from './authorizations.ts'
export type * from './commit.ts'
export type * from './federation.ts'
export type * from './installation.ts'
export type * from './sessions.ts'
export type * from './users.ts'

export type Stores = {
  readonly authorizations: Authorizations
  readonly codes: AuthorizationCodes
  readonly devices: DeviceAuthorizations
  readonly families: RefreshFamilies
  readonly referenceTokens: ReferenceTokens
  readonly revokedTokens: RevokedTokens
  readonly usedAssertions: UsedAssertions
  readonly sessions: Sessions
  readonly logoutNotices: LogoutNotices
  readonly consents: Consents
  readonly upstreamRequests: UpstreamRequests
  readonly identityLinks: IdentityLinks
  readonly upstreamSessions: UpstreamSessions
  readonly totpSecrets: TotpSecrets
  readonly recoveryCodes: RecoveryCodes
  readonly passkeys: Passkeys
  readonly secondFactors: SecondFactors
  readonly pendingSignIns: PendingSignIns
  readonly keys: Keys
  readonly settings: Settings
  readonly registeredClients: RegisteredClients
  readonly storedUsers: StoredUsers
  readonly waitingMails: WaitingMails
  readonly attempts: Attempts
  readonly pushedRequests: PushedRequests
  readonly principals: Principals
  readonly commit: (commit: Commit) => Promise<CommitOutcome>
  /** Deletes what has expired, in small batches that no request waits for; answers how many rows went. */
  readonly cleanUp: (at: Seconds) => Promise<number>
  /** Whether it can read and write now. */
  readonly ready: () => Awaitable<boolean>
  /** Finishes what was begun and lets go of every file and thread. */
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
