/** What the whole installation has: keys, settings, clients, and who stands. Ports, one for each noun. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable } from '../../runtime/ports.ts'
import type { StoredKey } from '../authorization.ts'
import type { RegisteredClient } from '../registered-client.ts'

export type Keys = {
  readonly all: () => Awaitable<readonly StoredKey[]>
  /** Adds a key unless the newest of its algorithm is another than the caller saw (two processes rotating at once); answers whether it was added. */
  readonly add: (key: StoredKey, newestSeen: string | undefined) => Promise<boolean>
  readonly remove: (kid: string) => Promise<void>
  /** Calls back when another process has changed them, where the store can tell at once; answers how to stop that. */
  readonly watch?: (changed: () => void) => () => void
}

/** Single values of the whole installation, such as the master key's check value. */
export type Settings = {
  readonly get: (name: string) => Awaitable<string | undefined>
  /** Writes it if there is none; answers the value that stands. */
  readonly initialise: (name: string, value: string) => Promise<string>
  /** Writes it, whatever stood there. */
  readonly put: (name: string, value: string) => Promise<void>
}

/** Clients that registered themselves. Whether one stands for `commit` is written with it. */
export type RegisteredClients = {
  /** Also finds one that has expired and was not cleaned up yet: the caller checks. */
  readonly find: (clientId: string) => Awaitable<RegisteredClient | undefined>
  /** Whether a living one has this origin among its `allowed_cors_origins`. */
  readonly hasOrigin: (origin: string, at: Seconds) => Awaitable<boolean>
  /** The same of a moment ago, a few seconds at most, where a store has a place beside it to read from. */
  readonly copy?: Pick<RegisteredClients, 'find' | 'hasOrigin'>
  /**
   * Adds a client unless there are `most` already, or as many that were never used as `unused` allows. Where there are, the
   * oldest that were never used are deleted first, if they registered at or before `unused.since`: a few more than must
   * be where there are many. Returns whether it was added.
   */
  readonly add: (client: RegisteredClient, most: number, unused?: UnusedClients) => Promise<boolean>
  /** Puts it in the place of the version before it; answers false when that is not the one that stands. */
  readonly replace: (client: RegisteredClient) => Promise<boolean>
  /** Writes that it was used, and moves its end. */
  readonly prolong: (clientId: string, usedAt: Seconds, expiresAt: Seconds | undefined) => Promise<void>
  /** Answers whether there was one. */
  readonly remove: (clientId: string) => Promise<boolean>
}

/** How many registered clients that nobody used there may be. */
export type UnusedClients = {
  readonly most: number
  /** One that registered later is not deleted for another: its first user may be on the way. */
  readonly since: Seconds
}

/** Which clients and users are enabled, so that `commit` can require it in its own write. */
export type Principals = {
  /** Stores the clients and users that the configuration names. Those that an earlier one named and this one does not are disabled. Returns whether that changed anything. */
  readonly sync: (configured: ConfiguredPrincipals) => Promise<boolean>
  /** Returns the ids that some configuration named and that are disabled. */
  readonly disabled: () => Awaitable<DisabledPrincipals>
  /** Calls back when another process has changed them, if the store can tell at once. Returns a function that stops it. */
  readonly watch?: (changed: () => void) => () => void
}

export type ConfiguredPrincipals = {
  readonly clients: readonly Principal[]
  readonly users: readonly Principal[]
}

export type DisabledPrincipals = {
  readonly clients: ReadonlySet<string>
  readonly users: ReadonlySet<string>
}

export type Principal = { readonly id: string; readonly enabled: boolean }

export type InstallationStores = {
  readonly keys: Keys
  readonly settings: Settings
  readonly registeredClients: RegisteredClients
  readonly principals: Principals
}
