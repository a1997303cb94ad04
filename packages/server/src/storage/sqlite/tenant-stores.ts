/** The embedded stores: one SQLite file for the server's own issuer, and one for each tenant's in a folder beside it. One thread writes them all. */

import type { Stores, TenantStores } from '../../model/ports/stores.ts'
import { openSqliteStores, type SqliteOptions, startWriter } from './stores.ts'
import { placeOfTenant, tenantsBeside } from './tenant-files.ts'

/** Rejects when the server's own file can't be opened or has a newer schema. */
export async function openSqliteTenantStores(options: SqliteOptions): Promise<TenantStores> {
  const thread = startWriter(options)
  const main = await openSqliteStores({ ...options, thread })
  const tenants = new Map<string, Promise<Stores>>()

  const open = async (name: string): Promise<Stores> => {
    const stores = await openSqliteStores({ ...options, thread, file: placeOfTenant(options.file, name) })
    return {
      ...stores,
      close() {
        tenants.delete(name)
        return stores.close()
      },
    }
  }

  return {
    main,
    forTenant(name) {
      const before = tenants.get(name)
      if (before) return before
      const opening = open(name)
      tenants.set(name, opening)
      // Whoever asks next tries again.
      opening.catch(() => tenants.delete(name))
      return opening
    },
    outlivesProcess: true,
    waiting: thread.waiting,
    list: () => tenantsBeside(options.file),
    async close() {
      const opened = await Promise.allSettled(tenants.values())
      const stores = opened.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
      await Promise.all([main, ...stores].map(one => one.close()))
      await thread.close()
    },
  }
}
