/**
 * Migrates an issuer's schema to the newest version: by one node at a time, forward only, while other nodes read and
 * write.
 */

import { setTimeout } from 'node:timers/promises'
import { type Connection, openConnection, type PostgresOptions, quoted } from './connection.ts'
import { causeOf } from './failure.ts'
import { migrations as known, type Migration } from './schema.ts'

/** The maximum duration of one migration, and of the attempts to acquire a lock, in milliseconds. */
const longest = 3_600_000

/** Milliseconds to wait for one lock. Short, because requests that need the table queue behind a waiting migration. */
const lockTimeout = 2000

/** Milliseconds between two attempts. */
const retryDelay = 100

/**
 * Creates the schema if there is none. Rejects, and changes nothing, if the database is newer than this version of
 * Tessera. A migration that fails is rolled back, and those before it are kept.
 */
export async function migrate(
  options: PostgresOptions,
  schema: string,
  migrations: readonly Migration[] = known,
): Promise<void> {
  const connection = await openConnection(options)
  try {
    await requireUtf8(connection)
    const before = await versionOf(connection, schema, migrations)
    if (before === migrations.length) return
    await begin(connection, schema)
    await connection.script(`set search_path = ${quoted(schema)}; set statement_timeout = ${longest}`)
    await aloneIn(options, schema, async () => {
      for (const [index, migration] of migrations.entries()) {
        const version = await versionOf(connection, schema, migrations)
        if (version <= index) await apply(connection, migration, index + 1)
      }
    })
    if (before > 0)
      options.log?.info('schema_upgraded', { store: schema, from: before, to: migrations.length })
  } finally {
    await connection.close()
  }
}

async function requireUtf8({ run }: Connection): Promise<void> {
  const [encoding] = (await run('show server_encoding', [])).rows[0] ?? []
  if (encoding !== 'UTF8')
    throw new Error(`the database has encoding ${encoding}; create one with encoding 'UTF8'`)
}

/** Returns how many migrations were applied. */
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

/**
 * Creates the schema and the table of its versions. If several nodes do so at the same time, some get an error because
 * it exists.
 */
async function begin({ run, script }: Connection, schema: string): Promise<void> {
  const table = `${quoted(schema)}.tessera_schema`
  await persistently(madeMeanwhile, async () => {
    const there = await run('select 1 from pg_namespace where nspname = $1', [schema])
    // Checked first: `if not exists` needs the privilege to create schemas even if the schema exists.
    if (there.count === 0) await script(`create schema ${quoted(schema)}`)
    await script(`create table if not exists ${table} (version bigint primary key)`)
    await run(`insert into ${table} (version) values (0) on conflict do nothing`, [])
  })
}

/**
 * Runs the work on one node at a time: the node that has locked the row of version 0, on a separate connection. The end
 * of that connection releases the lock. Nodes retry instead of waiting, because building an index concurrently waits
 * for every transaction with a snapshot. Unlike advisory locks, row locks work in every compatible database.
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

/** Stored as a setting, because a column can't be added to `tessera_schema` while a node holds a lock on its row. */
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

/** Builds an index without blocking writes. First drops an invalid one that a killed node left behind. */
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

/** 55P03: another transaction has the lock. */
const isLocked = (state: string | undefined): boolean => state === '55P03'

/**
 * 23505, 42710, 42P06, 42P07, 40001: another node created the object, in a transaction that was not visible to this
 * one.
 */
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
