/**
 * Clients that were made while the server runs. Their ids are held in memory, so that an unknown id costs no read of
 * the store; a client itself is read and parsed when it is first used.
 */

import type { Client } from '../../model/client.ts'
import type { ClientIndex, ClientNeeds, ClientRow, StoredEntry } from '../../model/entry.ts'
import type { Entries } from '../../model/ports/stores.ts'
import { setBounded } from '../../runtime/bounded-map.ts'
import type { Awaitable } from '../../runtime/ports.ts'

export type StoredClients = {
  /** Returns disabled clients too, as `Clients` does. */
  readonly find: (clientId: string) => Awaitable<Client | undefined>
  readonly hasOrigin: (origin: string) => boolean
  readonly needs: () => readonly ClientNeeds[]
  /** Returns the clients that it knows. */
  readonly rows: () => ClientRows
  /** Replaces them. A client of another version is read again. */
  readonly use: (rows: ClientRows) => void
}

/** Clients by `client_id`. */
type ClientRows = ReadonlyMap<string, ClientRow>

type StoredClientsPorts = {
  readonly entries: Pick<Entries, 'find'>
  /** Returns undefined if the client no longer fits the configuration. */
  readonly parse: (entry: StoredEntry) => Client | undefined
}

/** Parsed clients in memory. Beyond it, the least recently used is dropped. */
const capacity = 1000

export function createStoredClients(
  first: ClientRows,
  { entries, parse }: StoredClientsPorts,
): StoredClients {
  let rows = first
  let origins = originsOf(rows)
  const ready = new Map<string, { readonly version: number; readonly client: Client | undefined }>()

  function keep(row: StoredEntry | undefined): Client | undefined {
    if (!row) return undefined
    const client = parse(row)
    setBounded(ready, row.id, { version: row.version, client }, capacity)
    return client
  }

  return {
    find(clientId) {
      const { version } = rows.get(clientId) ?? {}
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
    needs: () => needsIn(rows),
    rows: () => rows,
    use(next) {
      rows = next
      origins = originsOf(next)
      for (const id of ready.keys()) if (!next.has(id)) ready.delete(id)
    },
  }
}

export const clientRows = (index: ClientIndex): ClientRows => new Map(index.rows.map(row => [row.id, row]))

/**
 * Returns the clients with those that were written since. Returns undefined if that does not explain how many there are,
 * because some were removed.
 */
export function withChanges(rows: ClientRows, changes: ClientIndex): ClientRows | undefined {
  const next = new Map(rows)
  for (const row of changes.rows) next.set(row.id, row)
  return next.size === changes.count ? next : undefined
}

export function needsIn(rows: ClientRows): readonly ClientNeeds[] {
  const found: ClientNeeds[] = []
  for (const { needs } of rows.values()) if (needs) found.push(needs)
  return found
}

const originsOf = (rows: ClientRows): ReadonlySet<string> =>
  new Set(needsIn(rows).flatMap(({ origins = [] }) => origins))
