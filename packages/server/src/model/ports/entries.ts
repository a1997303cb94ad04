/** The port to entries of the configuration that are made while the server runs. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable } from '../../runtime/ports.ts'
import type { ClientIndex, EntryKind, StoredEntry } from '../entry.ts'
import type { Messages } from './sessions.ts'

export type Entries = {
  /**
   * Returns a number that every write increases. A caller that reads it, then the entries that a change depends on, and
   * passes it to the write, knows that none of them has changed meanwhile.
   */
  readonly revision: () => Awaitable<number>
  readonly find: (kind: EntryKind, id: string) => Awaitable<StoredEntry | undefined>
  /** Returns entries of one kind in the order of their ids, from the one after `after`. */
  readonly list: (
    kind: EntryKind,
    page: { readonly after?: string | undefined; readonly limit: number },
  ) => Awaitable<readonly StoredEntry[]>
  /** Returns the entries of every kind except clients, in the order of their kinds and ids. */
  readonly shared: () => Awaitable<readonly StoredEntry[]>
  /** Returns the clients that were written after this revision, and how many clients there are. Default: all of them. */
  readonly clientIndex: (after?: number) => Awaitable<ClientIndex>
  /**
   * Adds an entry or replaces it, and enables or disables a client for `commit`. Returns false, and stores nothing, if
   * there was another write since `revision` was read, or if it would add a client with the `sub` of a stored user
   * (RFC 9700 §4.15).
   */
  readonly put: (entry: StoredEntry, revision: number, messages?: Messages) => Promise<boolean>
  /**
   * Removes an entry. Disables a client and revokes what was issued to it until `at`, also for a client that is made
   * under its id later. Returns false like `put`.
   */
  readonly remove: (
    kind: EntryKind,
    id: string,
    change: { readonly revision: number; readonly at: Seconds },
    messages?: Messages,
  ) => Promise<boolean>
  /**
   * Calls `changed` when another process has changed them, if the store supports notifications. Returns a function that
   * stops this.
   */
  readonly watch?: (changed: () => void) => () => void
}

export type EntryStores = { readonly entries: Entries }
