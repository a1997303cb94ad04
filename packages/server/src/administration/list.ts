/** Finds and lists entries of the file, stored ones, and clients that registered themselves. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Configuration } from '../configuration/configuration.ts'
import type { EntryKind, StoredEntry } from '../model/entry.ts'
import type { Entries, RegisteredClients } from '../model/ports/stores.ts'
import { isRegisteredId, type RegisteredClient } from '../model/registered-client.ts'
import type { EntryPage, ListFilter, ListOptions, ShownEntry } from './interface.ts'
import type { EntrySecrets } from './secrets.ts'

export type Listing = {
  readonly find: (kind: EntryKind, id: string) => Promise<ShownEntry | undefined>
  readonly list: (kind: EntryKind, options: ListOptions) => Promise<EntryPage>
}

type ListingPorts = {
  readonly source: Configuration['entries']
  readonly entries: Entries
  readonly registeredClients: Pick<RegisteredClients, 'find' | 'list'>
  readonly secrets: EntrySecrets
}

const mostPerPage = 1000
/** Rows that one call examines for a filter that few of them match. */
const mostExamined = 5000

export function createListing({ source, entries, registeredClients, secrets }: ListingPorts): Listing {
  const ofFile = (kind: EntryKind, id: string, entry: JsonObject): ShownEntry => ({
    kind,
    id,
    version: 0,
    origin: 'file',
    entry: secrets.hide(kind, id, entry),
  })

  /** Returns at most `limit` entries in the order of their ids, each id once: an entry of the file comes first. */
  async function pageOf(kind: EntryKind, after: string | undefined, limit: number): Promise<Row[]> {
    const isAfter = (id: string): boolean => after === undefined || id > after
    const written = [...source.written(kind)]
      .filter(([id]) => isAfter(id))
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .slice(0, limit)
      .map(
        ([id, entry]): Row => ({
          id,
          name: nameIn(entry),
          origin: 'file',
          show: () => ofFile(kind, id, entry),
        }),
      )
    const stored = (await entries.list(kind, { after, limit })).map(
      (entry): Row => ({
        id: entry.id,
        name: nameIn(entry.entry),
        origin: 'stored',
        show: () => showStored(entry, secrets),
      }),
    )
    const registered =
      kind === 'clients'
        ? (await registeredClients.list({ after, limit })).map(
            (client): Row => ({
              id: client.client_id,
              name: nameIn(client.metadata),
              origin: 'registered',
              show: () => showRegistered(client),
            }),
          )
        : []
    const byId = new Map([...registered, ...stored, ...written].map(row => [row.id, row]))
    return [...byId.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1)).slice(0, limit)
  }

  return {
    async find(kind, id) {
      const written = source.written(kind).get(id)
      if (written) return ofFile(kind, id, written)
      const stored = await entries.find(kind, id)
      if (stored) return showStored(stored, secrets)
      if (kind !== 'clients' || !isRegisteredId(id)) return undefined
      const registered = await registeredClients.find(id)
      return registered && showRegistered(registered)
    },
    async list(kind, { cursor, limit = 100, filter = {} }) {
      const most = Math.max(1, Math.min(limit, mostPerPage))
      const found: Row[] = []
      let after = cursor
      for (let examined = 0; examined < mostExamined; ) {
        const rows = await pageOf(kind, after, most + 1)
        for (const row of rows) {
          if (matches(row, filter)) {
            if (found.length === most) return pageWith(found, after)
            found.push(row)
          }
          after = row.id
        }
        examined += rows.length
        if (rows.length <= most) return pageWith(found, undefined)
      }
      return pageWith(found, after)
    },
  }
}

/** An entry that is shown only if it is on the page. */
type Row = Pick<ShownEntry, 'id' | 'origin'> & {
  readonly name: string
  readonly show: () => ShownEntry
}

const pageWith = (rows: readonly Row[], cursor: string | undefined): EntryPage => ({
  entries: rows.map(row => row.show()),
  ...(cursor !== undefined && { cursor }),
})

export const showStored = (
  { kind, id, version, entry, created_at, updated_at }: StoredEntry,
  secrets: EntrySecrets,
): ShownEntry => ({
  kind,
  id,
  version,
  origin: 'stored',
  entry: secrets.hide(kind, id, entry),
  created_at,
  updated_at,
})

export const showRegistered = ({
  client_id,
  version,
  metadata,
  created_at,
}: RegisteredClient): ShownEntry => ({
  kind: 'clients',
  id: client_id,
  version,
  origin: 'registered',
  entry: { client_id, ...metadata },
  created_at,
})

function nameIn(entry: JsonObject): string {
  const { client_name, display_name } = entry
  return [client_name, display_name].find(name => typeof name === 'string') ?? ''
}

function matches({ id, name, origin }: Row, { text, origin: wanted }: ListFilter): boolean {
  if (wanted !== undefined && origin !== wanted) return false
  if (text === undefined) return true
  const part = text.toLowerCase()
  return [id, name].some(one => one.toLowerCase().includes(part))
}
