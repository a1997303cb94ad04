/**
 * Clients that were made while the server runs. Their ids are held in memory, so that an unknown id costs no read of
 * the store; a client itself is read and parsed when it is first used.
 */

import type { Client } from '../../model/client.ts'
import type { ClientIndex, ClientNeeds, StoredEntry } from '../../model/entry.ts'
import type { Entries } from '../../model/ports/stores.ts'
import type { Awaitable } from '../../runtime/ports.ts'

export type StoredClients = {
  /** Returns disabled clients too, as `Clients` does. */
  readonly find: (clientId: string) => Awaitable<Client | undefined>
  readonly hasOrigin: (origin: string) => boolean
  readonly needs: () => readonly ClientNeeds[]
  /** Takes over what is stored now. A client of another version is read again. */
  readonly update: (index: ClientIndex) => void
}

type StoredClientsPorts = {
  readonly entries: Pick<Entries, 'find'>
  /** Returns undefined if the client no longer fits the configuration. */
  readonly parse: (entry: StoredEntry) => Client | undefined
}

/** Parsed clients in memory. Beyond it, the least recently used is dropped. */
const capacity = 1000

export function createStoredClients(
  first: ClientIndex,
  { entries, parse }: StoredClientsPorts,
): StoredClients {
  let index = first
  let origins = originsOf(first)
  const ready = new Map<string, { readonly version: number; readonly client: Client | undefined }>()

  function keep(row: StoredEntry | undefined): Client | undefined {
    if (!row) return undefined
    const client = parse(row)
    ready.set(row.id, { version: row.version, client })
    const oldest = ready.size > capacity ? ready.keys().next().value : undefined
    if (oldest !== undefined) ready.delete(oldest)
    return client
  }

  return {
    find(clientId) {
      const version = index.versions.get(clientId)
      if (version === undefined) return undefined
      const kept = ready.get(clientId)
      ready.delete(clientId)
      // The row may be newer than the index.
      if (kept && kept.version >= version) {
        ready.set(clientId, kept)
        return kept.client
      }
      const row = entries.find('clients', clientId)
      return row instanceof Promise ? row.then(keep) : keep(row)
    },
    hasOrigin: origin => origins.has(origin),
    needs: () => index.needs,
    update(next) {
      index = next
      origins = originsOf(next)
      for (const id of ready.keys()) if (!next.versions.has(id)) ready.delete(id)
    },
  }
}

const originsOf = ({ needs }: ClientIndex): ReadonlySet<string> =>
  new Set(needs.flatMap(({ origins = [] }) => origins))
