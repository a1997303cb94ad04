/** Brings an issuer's schema to the newest version: by one node at a time, forward only, while others read and write. */

import { setTimeout } from 'node:timers/promises'
import { type Connection, openConnection, type PostgresOptions, quoted } from './connection.ts'
import { causeOf } from './failure.ts'
import { migrations as known, type Migration } from './schema.ts'

/** How long one migration may take, and how long to try for a lock, in milliseconds. */
const longest = 3_600_000

/** For one lock: whoever asks for a table's after a migration that waits for it, waits behind it. In milliseconds. */
const lockTimeout = 2000

/** Between two trials, in milliseconds. */
const retryDelay = 100

/**
 * Makes the schema if there is none. Rejects, and changes nothing, where the database is ahead of this version of
 * Tessera: it does not know what its rows mean. A migration that fails leaves nothing of itself; those before it stay.
 */
export async function migrate(
  options: PostgresOptions,
  schema: string,
  migrations: readonly Migration[] = known,
): Promise<void> {
  const connection = await openConnection(options)
  try {
    await requireUtf8(connection)
    if ((await versionOf(connection, schema, migrations)) === migrations.length) return
    await begin(connection, schema)
    await connection.script(`set search_path = ${quoted(schema)}; set statement_timeout = ${longest}`)
    await aloneIn(options, schema, async () => {
      for (const [index, migration] of migrations.entries()) {
        const version = await versionOf(connection, schema, migrations)
        if (version <= index) await apply(connection, migration, index + 1)
      }
    })
  } finally {
    await connection.close()
  }
}

async function requireUtf8({ run }: Connection): Promise<void> {
  const [encoding] = (await run('show server_encoding', [])).rows[0] ?? []
  if (encoding !== 'UTF8')
    throw new Error(`the database is encoded in ${encoding}: make one with encoding 'UTF8'`)
}

/** How many migrations were applied. */
async function versionOf(
  { run }: Connection,
  schema: string,
  { length }: readonly Migration[],
): Promise<number> {
  const table = `${quoted(schema)}.tessera_schema`
  const [there] = (await run('select to_regclass($1)::text', [table])).rows
  if (typeof there?.[0] !== 'string') return 0
  const [counted] = (await run(`select coalesce(max(version), 0) from ${table}`, [])).rows
  const version = Number(counted?.[0])
  if (version > length)
    throw new Error(
      `the database has schema ${version}, newer than the ${length} that this version of Tessera knows`,
    )
  return version
}

/** Makes the schema and the table that counts; of many nodes that do so at once some are told that it is there already. */
async function begin({ run, script }: Connection, schema: string): Promise<void> {
  const table = `${quoted(schema)}.tessera_schema`
  await persistently(madeMeanwhile, async () => {
    const there = await run('select 1 from pg_namespace where nspname = $1', [schema])
    // Asked first: `if not exists` alone needs the right to make schemas where there is one already.
    if (there.count === 0) await script(`create schema ${quoted(schema)}`)
    await script(`create table if not exists ${table} (version bigint primary key)`)
    await run(`insert into ${table} (version) values (0) on conflict do nothing`, [])
  })
}

/**
 * Does the work while no other node does: whoever holds the row of version 0, over a connection of its own, whose end
 * gives it up. It is tried, not waited for: an index that is built concurrently waits for everybody who waits with a
 * snapshot. And every engine has locks of rows.
 */
async function aloneIn(options: PostgresOptions, schema: string, work: () => Promise<void>): Promise<void> {
  const holder = await openConnection(options)
  const take = `begin; set local idle_in_transaction_session_timeout = 0;
    select 1 from ${quoted(schema)}.tessera_schema where version = 0 for update nowait`
  try {
    await persistently(isLocked, async () => {
      try {
        await holder.script(take)
      } catch (error) {
        await holder.script('rollback')
        throw error
      }
    })
    await work()
  } finally {
    await holder.close()
  }
}

/** Beside the other settings: a column of `tessera_schema` could not be added while a node holds its row. */
const keepOldest = `insert into settings (name, value) values ('oldest_schema', $1)
  on conflict (name) do update set value = excluded.value`

async function apply(connection: Connection, migration: Migration, version: number): Promise<void> {
  const { run, script } = connection
  if (typeof migration !== 'string' && 'index' in migration) {
    await build(connection, migration)
    await run('insert into tessera_schema (version) values ($1)', [version])
    return
  }
  await persistently(isLocked, async () => {
    try {
      const statements = typeof migration === 'string' ? migration : migration.script
      await script(`begin; set local lock_timeout = ${lockTimeout}; ${statements}`)
      await run('insert into tessera_schema (version) values ($1)', [version])
      if (typeof migration !== 'string') await run(keepOldest, [String(migration.oldest)])
      await script('commit')
    } catch (error) {
      await script('rollback')
      throw error
    }
  })
}

/** Builds an index while its table is written. What a node that was killed left of it is not valid, and goes first. */
async function build(
  { run, script }: Connection,
  { index, on, unique = false }: Extract<Migration, { readonly index: string }>,
): Promise<void> {
  const [there] = (
    await run(
      `select indisvalid from pg_index join pg_class on pg_class.oid = indexrelid
      where relname = $1 and relnamespace = quote_ident(current_schema())::regnamespace`,
      [index],
    )
  ).rows
  if (there?.[0] === true) return
  if (there) await script(`drop index concurrently if exists ${quoted(index)}`)
  await script(`create ${unique ? 'unique ' : ''}index concurrently ${quoted(index)} on ${on}`)
}

/** 55P03: a lock that is another's. */
const isLocked = (state: string | undefined): boolean => state === '55P03'

/** 23505, 42710, 42P06, 42P07, 40001: another node made it, in a transaction that this one did not see. */
const madeMeanwhile = (state: string | undefined): boolean =>
  /^(23505|42710|42P06|42P07|40001)$/.test(state ?? '')

async function persistently(
  again: (state: string | undefined) => boolean,
  work: () => Promise<void>,
): Promise<void> {
  for (let left = longest / retryDelay; ; left--) {
    try {
      return await work()
    } catch (error) {
      if (left <= 0 || !again(causeOf(error))) throw error
      await setTimeout(retryDelay)
    }
  }
}
