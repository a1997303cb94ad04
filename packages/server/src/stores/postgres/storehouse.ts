/** The storehouse in PostgreSQL: a schema for the server's own issuer, one for each tenant's, and one pool of connections for all. */

import type { Storehouse, Stores } from '../../core/stores.ts'
import { createChanges } from './changes.ts'
import { isExposed, type PostgresOptions } from './connection.ts'
import { openPool } from './database.ts'
import { migrate } from './migration.ts'
import { mainSchema, schemaOf } from './names.ts'
import type { Migration } from './schema.ts'
import { createPostgresStores } from './stores.ts'

export type StorehouseOptions = PostgresOptions & {
  /** Those of another version, where tests have two side by side. */
  readonly migrations?: readonly Migration[]
}

/** Rejects where the database can't be reached, is ahead of this version, or may not be written. */
export async function openPostgresStorehouse({
  migrations,
  ...options
}: StorehouseOptions): Promise<Storehouse> {
  if (isExposed(options))
    options.log?.warn('database_without_tls', { advice: 'add sslmode=verify-full to the address' })
  const pool = openPool(options)
  const changes = createChanges(options)
  const tenants = new Map<string, Promise<Stores>>()
  const main = pool.of(mainSchema)
  let closed = false

  const open = async (name: string): Promise<Stores> => {
    const schema = schemaOf(name)
    await main.run('insert into tenants (name, schema) values ($1, $2) on conflict do nothing', [
      name,
      schema,
    ])
    await migrate(options, schema, migrations)
    return createPostgresStores(pool.of(schema), { changes, close: async () => void tenants.delete(name) })
  }

  try {
    await migrate(options, mainSchema, migrations)
  } catch (error) {
    await pool.close()
    throw error
  }
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    await Promise.all([changes.close(), pool.close()])
  }
  return {
    main: createPostgresStores(main, { changes, close }),
    ofTenant(name) {
      const before = tenants.get(name)
      if (before) return before
      const opening = open(name)
      tenants.set(name, opening)
      // Whoever asks next tries again.
      opening.catch(() => tenants.delete(name))
      return opening
    },
    begun: async () =>
      (await main.run('select name from tenants order by name', [])).rows.map(([name]) => String(name)),
    close,
  }
}
