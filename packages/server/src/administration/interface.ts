/** The interface of administration: what is shown of an entry, how it is changed, and why it is not. */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import type { Configuration } from '../configuration/configuration.ts'
import type { Diagnostic } from '../configuration/diagnostic.ts'
import type { EntryKind } from '../model/entry.ts'
import type { Events } from '../model/events.ts'
import type { DerivedKeys, Sealing } from '../model/keys.ts'
import type { Entries, RegisteredClients, StoredUsers } from '../model/ports/stores.ts'
import type { Clock, Log, Random } from '../runtime/ports.ts'

/** `file`: from the configuration file; `registered`: a client that registered itself. Only stored ones can be changed. */
type EntryOrigin = 'file' | 'stored' | 'registered'

export type ShownEntry = {
  readonly kind: EntryKind
  /** The `client_id` or the `name`. */
  readonly id: string
  /** Increases with each change; 0 for an entry of the file. An entry that is removed and made again continues. */
  readonly version: number
  readonly origin: EntryOrigin
  /** As in a configuration file. Secrets are hidden: `{ "hidden": … }` keeps one when the entry is replaced. */
  readonly entry: JsonObject
  readonly created_at?: Seconds
  readonly updated_at?: Seconds
}

/**
 * Why nothing was changed. `entry_invalid` has `errors`, whose paths begin at the entry. `entry_referenced` has the
 * entries that refer to this one. `entry_has_users`: stored users belong to the tenant and would lose
 * their access; it has their number. `entry_changed` has the current version. `entries_busy`: retry.
 */
export type AdministrationRefusal = {
  readonly ok: false
  readonly problem:
    | 'entry_unknown'
    | 'entry_exists'
    | 'entry_read_only'
    | 'entry_changed'
    | 'entry_invalid'
    | 'entry_referenced'
    | 'entry_has_users'
    | 'entries_busy'
  readonly errors?: readonly Diagnostic[]
  readonly references?: readonly { readonly kind: EntryKind; readonly id: string }[]
  readonly users?: number
  readonly version?: number
}

export const refusal = (
  problem: AdministrationRefusal['problem'],
  more: Omit<AdministrationRefusal, 'ok' | 'problem'> = {},
): AdministrationRefusal => ({ ok: false, problem, ...more })

export type Outcome<Value> = { readonly ok: true; readonly value: Value } | AdministrationRefusal

/** An entry that was stored, or would be. */
export type Changed = {
  readonly entry: ShownEntry
  /** A secret that the server generated. It is not shown again. */
  readonly secret?: string
}

export type ChangeOptions = {
  /** Who makes the change, for the log and for events: a client, a user, or `command_line`. */
  readonly actor: string
  /** Checks the change without making it. */
  readonly dryRun?: boolean
  /** Whether to add a new secret to the client or API. */
  readonly generateSecret?: boolean
}

/** Refuses a change of another version than this one. Omitted: any version. */
export type VersionedOptions = ChangeOptions & { readonly version?: number | undefined }

export type RotationOptions = VersionedOptions & {
  /** How long the secrets until now remain valid. Default: 0. */
  readonly overlap?: Seconds
}

export type ListOptions = {
  /** The id of the last entry of the page before. */
  readonly cursor?: string | undefined
  /** Default: 100, at most 1000. */
  readonly limit?: number | undefined
  readonly filter?: ListFilter | undefined
}

export type ListFilter = {
  /** A part of the id or of the name, in any case. */
  readonly text?: string | undefined
  readonly origin?: EntryOrigin | undefined
}

export type EntryPage = {
  readonly entries: readonly ShownEntry[]
  /** Where the next page begins. Undefined on the last page. */
  readonly cursor?: string
}

export type EntryAdministration = {
  /** Returns entries in the order of their ids. A page may have fewer than `limit` although there are more. */
  readonly list: (options?: ListOptions) => Promise<EntryPage>
  readonly get: (id: string) => Promise<Outcome<ShownEntry>>
  /** Adds an entry. A client without a `client_id` gets a random one. */
  readonly create: (entry: JsonObject, options: ChangeOptions) => Promise<Outcome<Changed>>
  /** Replaces a stored entry. Its id can't change. */
  readonly replace: (id: string, entry: JsonObject, options: VersionedOptions) => Promise<Outcome<Changed>>
  /**
   * Removes a stored entry, or a client that registered itself. Refuses while another entry refers to it, or a stored user
   * belongs to it.
   */
  readonly remove: (id: string, options: VersionedOptions) => Promise<Outcome<ShownEntry>>
  /** Adds a new secret to a stored client or API, and lets the others expire. */
  readonly rotateSecret: (id: string, options: RotationOptions) => Promise<Outcome<Changed>>
}

export type Administration = { readonly [Kind in EntryKind]: EntryAdministration }

export type AdministrationPorts = {
  readonly source: Configuration['entries']
  /** Whether the issuer belongs to a tenant, which has no tenants. */
  readonly isTenant: boolean
  readonly entries: Entries
  readonly registeredClients: Pick<RegisteredClients, 'find' | 'list' | 'remove'>
  readonly storedUsers: Pick<StoredUsers, 'find' | 'numberInTenant'>
  readonly derived: DerivedKeys
  readonly sealing: Sealing
  readonly events: Events
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Called after each change: resolves when this process has applied it and has notified the others. */
  readonly changed: () => Promise<void>
  /** Resolves when this process refuses what was issued to a client before its removal. */
  readonly clientRemoved: () => Promise<void>
}
