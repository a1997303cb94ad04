/** Entries that are made while the server runs, in memory. */

import { type StoredEntry, sharedKinds } from '../../model/entry.ts'
import type { EntryStores } from '../../model/ports/stores.ts'
import { revisionSetting } from '../tables/entries.ts'
import type { Tables } from './tables.ts'
import { storeMessages } from './webhooks.ts'

const byId = (one: StoredEntry, other: StoredEntry): number => (one.id < other.id ? -1 : 1)

export function createEntryStores(tables: Tables): EntryStores {
  const { entries, settings, principals, storedUsers } = tables
  const revision = (): number => Number(settings.get(revisionSetting)?.value ?? 0)

  /** Returns whether nothing was written since, and counts this write. */
  function advance(since: number): boolean {
    if (revision() !== since) return false
    settings.put({ name: revisionSetting, value: String(since + 1) })
    return true
  }

  return {
    entries: {
      revision,
      find: (kind, id) => entries.get(kind, id),
      list: (kind, { after, limit }) =>
        entries
          .filter(entry => entry.kind === kind && (after === undefined || entry.id > after))
          .toSorted(byId)
          .slice(0, limit),
      shared: () => sharedKinds.flatMap(kind => entries.filter(entry => entry.kind === kind).toSorted(byId)),
      clientIndex(after = -1) {
        const clients = entries.filter(({ kind }) => kind === 'clients')
        return {
          count: clients.length,
          rows: clients
            .filter(client => client.revision > after)
            .map(({ id, version, enabled, needs }) => ({
              id,
              version,
              ...(enabled === 1 && needs && { needs }),
            })),
        }
      },
      async put(entry, since, messages) {
        const isNewClient = entry.kind === 'clients' && !entries.has('clients', entry.id)
        if (isNewClient && storedUsers.has(entry.id)) return false
        if (!advance(since)) return false
        storeMessages(tables, messages)
        entries.put({ ...entry, revision: since + 1 })
        if (entry.kind === 'clients') {
          const before = principals.get('stored_client', entry.id)
          principals.put({ ...before, kind: 'stored_client', id: entry.id, stands: entry.enabled })
          // A client that was once in the file, and no longer is.
          if (principals.get('client', entry.id)?.stands === 0) release(tables, entry.id)
        }
        return true
      },
      async remove(kind, id, { revision: since, at }, messages) {
        if (!advance(since)) return false
        storeMessages(tables, messages)
        entries.delete(kind, id)
        if (kind === 'clients') principals.put({ kind: 'stored_client', id, stands: 0, revoked_at: at })
        return true
      },
    },
  }
}

/** Deletes the principal that the file left behind. A revocation remains in force for the stored client. */
export function release({ principals }: Tables, id: string): void {
  const [left, stored] = [principals.get('client', id), principals.get('stored_client', id)]
  if (stored && left?.revoked_at !== undefined)
    principals.put({ ...stored, revoked_at: Math.max(left.revoked_at, stored.revoked_at ?? 0) })
  principals.delete('client', id)
}
