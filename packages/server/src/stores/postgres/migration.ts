/** Brings an issuer's schema to the newest version: by one node at a time, in one transaction, forward only. */

import { type Pool, quoted } from './database.ts'
import { migrations as known } from './schema.ts'

/**
 * Makes the schema if there is none. Rejects, and changes nothing, where the database is ahead of this version of
 * Tessera: it does not know what its rows mean.
 */
export async function migrate(
  pool: Pool,
  schema: string,
  migrations: readonly string[] = known,
): Promise<void> {
  const table = `${quoted(schema)}.tessera_schema`
  await pool.script(async execute => {
    const [encoding] = (await execute('show server_encoding')).rows[0] ?? []
    if (encoding !== 'UTF8')
      throw new Error(`the database is encoded in ${encoding}: make one with encoding 'UTF8'`)
    const there = await execute(
      `select 1 from pg_namespace where nspname = '${schema.replaceAll("'", "''")}'`,
    )
    // Asked first: `if not exists` alone needs the right to make schemas where there is one already.
    if (there.count === 0) await execute(`create schema ${quoted(schema)}`)
    await execute(`create table if not exists ${table} (version bigint primary key)`)
    const version = Number((await execute(`select coalesce(max(version), 0) from ${table}`)).rows[0]?.[0])
    if (version > migrations.length)
      throw new Error(
        `the database has schema ${version}, newer than the ${migrations.length} that this version of Tessera knows`,
      )
    if (version === migrations.length) return
    await execute(`set local search_path = ${quoted(schema)}`)
    for (const [index, migration] of migrations.slice(version).entries()) {
      await execute(migration)
      await execute(`insert into ${table} (version) values (${version + index + 1})`)
    }
  })
}
