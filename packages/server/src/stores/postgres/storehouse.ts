/** The storehouse in PostgreSQL: a schema for the server's own issuer, one for each tenant's, and one pool of connections for all. */

import { createHash } from 'node:crypto'
import type { Storehouse, Stores } from '../../core/stores.ts'
import { openPool, type PostgresOptions } from './database.ts'
import { migrate } from './migration.ts'
import { createPostgresStores } from './stores.ts'

export type StorehouseOptions = PostgresOptions & {
  /** Those of another version, where tests have two side by side. */
  readonly migrations?: readonly string[]
}

const mainSchema = 'tessera'

/** Rejects where the database can't be reached, is ahead of this version, or may not be written. */
export async function openPostgresStorehouse({
  migrations,
  ...options
}: StorehouseOptions): Promise<Storehouse> {
  const pool = openPool(options)
  const tenants = new Map<string, Promise<Stores>>()
  const main = pool.of(mainSchema)
  let closed = false

  const open = async (name: string): Promise<Stores> => {
    const schema = schemaOf(name)
    await main.run('insert into tenants (name, schema) values ($1, $2) on conflict do nothing', [
      name,
      schema,
    ])
    await migrate(pool, schema, migrations)
    return createPostgresStores(pool.of(schema), async () => void tenants.delete(name))
  }

  try {
    await migrate(pool, mainSchema, migrations)
  } catch (error) {
    await pool.close()
    throw error
  }
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    await pool.close()
  }
  return {
    main: createPostgresStores(main, close),
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

/** An identifier of PostgreSQL has 63 bytes at most; what is longer would be cut, and two become one. */
function schemaOf(tenant: string): string {
  const readable = `${mainSchema}_${tenant}`
  if (Buffer.byteLength(readable) <= 63) return readable
  return `${mainSchema}.${createHash('sha256').update(tenant).digest('hex').slice(0, 40)}`
}
