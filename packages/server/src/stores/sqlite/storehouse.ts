/** The embedded storehouse: one SQLite file for the server's own issuer, and one for each tenant's in a folder beside it. One thread writes them all. */

import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Storehouse, Stores } from '../../core/stores.ts'
import { openSqliteStores, type SqliteOptions, startWriter } from './stores.ts'

const ending = '.db'

/** Rejects when the server's own file can't be opened or has a newer schema. */
export async function openSqliteStorehouse(options: SqliteOptions): Promise<Storehouse> {
  const thread = startWriter(options)
  const main = await openSqliteStores({ ...options, thread })
  const folder = `${options.file}.tenants`
  const tenants = new Map<string, Promise<Stores>>()

  const open = async (name: string): Promise<Stores> => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const stores = await openSqliteStores({ ...options, thread, file: join(folder, name + ending) })
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
    ofTenant(name) {
      const before = tenants.get(name)
      if (before) return before
      const opening = open(name)
      tenants.set(name, opening)
      // Whoever asks next tries again.
      opening.catch(() => tenants.delete(name))
      return opening
    },
    begun() {
      const files = existsSync(folder) ? readdirSync(folder) : []
      return files.filter(file => file.endsWith(ending)).map(file => file.slice(0, -ending.length))
    },
    async close() {
      const opened = await Promise.allSettled(tenants.values())
      const stores = opened.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
      await Promise.all([main, ...stores].map(one => one.close()))
      await thread.close()
    },
  }
}
