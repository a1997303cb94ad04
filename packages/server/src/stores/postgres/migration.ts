/** Brings an issuer's schema to the newest version: by one node at a time, in one transaction, forward only. */

import { type Connection, openConnection, type PostgresOptions, quoted } from './connection.ts'
import { lockAll } from './locks.ts'
import { migrations as known } from './schema.ts'

/** How long a migration may take, in milliseconds. */
const longest = 3_600_000

/**
 * Makes the schema if there is none. Rejects, and changes nothing, where the database is ahead of this version of
 * Tessera: it does not know what its rows mean.
 */
export async function migrate(
  options: PostgresOptions,
  schema: string,
  migrations: readonly string[] = known,
): Promise<void> {
  const connection = await openConnection(options)
  try {
    await connection.script(`begin; set local statement_timeout = ${longest}; ${lockAll(['schema'])}`)
    await migrateWithin(connection, schema, migrations)
    await connection.script('commit')
  } finally {
    await connection.close()
  }
}

async function migrateWithin(
  { run, script }: Connection,
  schema: string,
  migrations: readonly string[],
): Promise<void> {
  const [encoding] = (await run('show server_encoding', [])).rows[0] ?? []
  if (encoding !== 'UTF8')
    throw new Error(`the database is encoded in ${encoding}: make one with encoding 'UTF8'`)
  const there = await run('select 1 from pg_namespace where nspname = $1', [schema])
  // Asked first: `if not exists` alone needs the right to make schemas where there is one already.
  if (there.count === 0) await script(`create schema ${quoted(schema)}`)
  await script(`set local search_path = ${quoted(schema)}`)
  await script('create table if not exists tessera_schema (version bigint primary key)')
  const [counted] = (await run('select coalesce(max(version), 0) from tessera_schema', [])).rows
  const version = Number(counted?.[0])
  if (version > migrations.length)
    throw new Error(
      `the database has schema ${version}, newer than the ${migrations.length} that this version of Tessera knows`,
    )
  for (const [index, migration] of migrations.slice(version).entries()) {
    await script(migration)
    await run('insert into tessera_schema (version) values ($1)', [version + index + 1])
  }
}
