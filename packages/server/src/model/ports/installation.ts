/** Ports to data of the whole installation: keys, settings, registered clients and principals. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable } from '../../runtime/ports.ts'
import type { StoredKey } from '../authorization.ts'
import type { Block } from '../client-blocks.ts'
import type { RegisteredClient } from '../registered-client.ts'
import type { Messages } from './sessions.ts'

export type Keys = {
  readonly all: () => Awaitable<readonly StoredKey[]>
  /**
   * Adds a key only if the newest key of its algorithm is still the one that the caller saw, because two processes may
   * rotate at the same time. Returns whether it was added.
   */
  readonly add: (key: StoredKey, newestSeen: string | undefined) => Promise<boolean>
  readonly remove: (kid: string) => Promise<void>
  /** Replaces the sealed bytes if they are still `before`. Returns whether they were. */
  readonly reseal: (kid: string, before: Uint8Array, after: Uint8Array) => Promise<boolean>
  /**
   * Calls `changed` when another process has changed them, if the store supports notifications. Returns a function that
   * stops this.
   */
  readonly watch?: (changed: () => void) => () => void
}

/** Single values of the whole installation, such as the master key's check value. */
export type Settings = {
  readonly get: (name: string) => Awaitable<string | undefined>
  /** Writes the value if there is none. Returns the value that is stored afterwards. */
  readonly initialise: (name: string, value: string) => Promise<string>
  /** Writes the value, whatever was stored before. */
  readonly put: (name: string, value: string) => Promise<void>
  /** Writes the value if `before` is stored. Returns whether it was. */
  readonly replace: (name: string, before: string, value: string) => Promise<boolean>
}

/** Clients that registered themselves. Each write also enables or disables the client for `commit`. */
export type RegisteredClients = {
  /** Also finds an expired client that clean-up has not deleted yet. The caller checks. */
  readonly find: (clientId: string) => Awaitable<RegisteredClient | undefined>
  /** Returns clients in the order of their ids, from the one after `after`, and expired ones as `find` does. */
  readonly list: (page: {
    readonly after?: string | undefined
    readonly limit: number
  }) => Awaitable<readonly RegisteredClient[]>
  /** Returns whether an unexpired client has this origin among its `allowed_cors_origins`. */
  readonly hasOrigin: (origin: string, at: Seconds) => Awaitable<boolean>
  /** The same from a replica, if the store has one. What it returns is at most a few seconds old. */
  readonly replica?: Pick<RegisteredClients, 'find' | 'hasOrigin'>
  /**
   * Adds a client unless there are already `most`, or as many never-used ones as `unused` allows. To make room, the
   * oldest never-used clients that registered at or before `unused.since` are deleted first: possibly a few more than
   * necessary, if there are many. If there are still `most`, clients of the users with the most clients are deleted,
   * the least recently used first. `keptPerUser` says how many each user keeps. Returns whether the client was added,
   * which it is not if a stored user has its `client_id` as `sub` (RFC 9700 §4.15).
   */
  readonly add: (client: RegisteredClient, most: number, unused?: UnusedClients) => Promise<boolean>
  /** Replaces the previous version. Returns false if another version is stored. */
  readonly replace: (client: RegisteredClient) => Promise<boolean>
  /** Records that it was used, and extends its expiry. Leaves undefined fields unchanged. */
  readonly extend: (
    clientId: string,
    use: Pick<RegisteredClient, 'used_at' | 'used_by' | 'expires_at'>,
  ) => Promise<void>
  /** Returns whether there was one. */
  readonly remove: (clientId: string) => Promise<boolean>
}

/** How many registered clients may exist that were never used. */
export type UnusedClients = {
  readonly most: number
  /** A client that registered later is not deleted to make room: its first user may be about to sign in. */
  readonly since: Seconds
}

/** Which clients and users are enabled, so that `commit` can require it in its own write. */
export type Principals = {
  /**
   * Stores the configured clients and users. Those that an earlier configuration contained and this one does not are
   * disabled. Returns whether that changed anything.
   */
  readonly sync: (configured: ConfiguredPrincipals) => Promise<boolean>
  /**
   * Returns the disabled ids of clients and users that an earlier configuration contained, those of removed or blocked
   * clients that need no row, and what was revoked and blocked.
   */
  readonly disabled: () => Awaitable<DisabledPrincipals>
  /**
   * Revokes everything that was issued to the client until `at`, in one write, however much it is. Returns false if no
   * such client was ever configured or registered. Any client that needs no row may have been served.
   */
  readonly revokeClient: (clientId: string, at: Seconds) => Promise<boolean>
  /**
   * Revokes everything that was issued to users of the tenant until `at`, or, without a tenant, everything that was
   * issued at all. In one write, however much it is.
   */
  readonly revokeTenant: (tenant: string | undefined, at: Seconds) => Promise<void>
  /**
   * Blocks it, or ends the block. Returns whether that changed anything. If it did, the messages are stored in the same
   * write.
   */
  readonly block: (block: Block, isBlocked: boolean, messages?: Messages) => Promise<boolean>
  /**
   * Calls `changed` when another process has changed them, if the store supports notifications. Returns a function that
   * stops this.
   */
  readonly watch?: (changed: () => void) => () => void
}

export type ConfiguredPrincipals = {
  readonly clients: readonly Principal[]
  readonly users: readonly Principal[]
}

export type DisabledPrincipals = {
  readonly clients: ReadonlySet<string>
  /** Those of `clients` that an operator removed or blocked, and no configuration contained since. */
  readonly blockedClients: ReadonlySet<string>
  readonly users: ReadonlySet<string>
  /** By client: when everything that it had been issued was last revoked. */
  readonly revokedClients: ReadonlyMap<string, Seconds>
  /** By tenant: when everything that its users had been issued was last revoked. The empty name means everything. */
  readonly revokedTenants: ReadonlyMap<string, Seconds>
  readonly blockedRedirects: readonly string[]
  /** Whether all sealed ids are blocked. */
  readonly sealedBlocked: boolean
}

export type Principal = { readonly id: string; readonly enabled: boolean }

export type InstallationStores = {
  readonly keys: Keys
  readonly settings: Settings
  readonly registeredClients: RegisteredClients
  readonly principals: Principals
}
