/** Opens connections to the database file, with the newest schema and durable commits. */

import { accessSync, closeSync, constants, existsSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { newerSchema, UnusableDatabase } from './open-file.ts'
import { migrations } from './schema.ts'
import { inTransaction } from './statements.ts'

export type OpenOptions = {
  readonly file: string
  /** How long a connection waits for another process's lock, in milliseconds. */
  readonly busyTimeout: number
  /** Whether a missing file is created; true by default. */
  readonly create?: boolean
  /** Whether an import will fill the file. The master key may then exist before the tables. */
  readonly toFill?: boolean
  /** Called after the tables of an earlier version were migrated. */
  readonly onUpgraded?: (from: number, to: number) => void
}

/**
 * Opens the file and migrates it to the newest schema. Creates it with mode 0600 if there is none. Throws for a newer
 * schema, and for a file without tables if the master key file beside it was used, because the data was then lost.
 */
export function openDatabase({
  file,
  busyTimeout,
  create = true,
  toFill = false,
  onUpgraded,
}: OpenOptions): DatabaseSync {
  // Check this before the database, because processes create the key after the tables.
  const used = !toFill && existsSync(keyFileBeside(file))
  if (used) requireNotLost(file, existsSync(file))
  if (!create && !existsSync(file)) throw new UnusableDatabase(`${file} was removed while the server runs`)
  return named(file, () => {
    createFile(file)
    requireWritable(file)
    return prepare(new DatabaseSync(file), { file, busyTimeout, used, onUpgraded })
  })
}

const keyFileBeside = (file: string): string => `${file}.key`

function requireNotLost(file: string, isThere: boolean): void {
  if (isThere) return
  throw new Error(
    `${file} is missing or empty, but ${keyFileBeside(file)} was used with it: restore the database (docs/guides/backup.md), or remove the key to start without its users, keys and tokens`,
  )
}

/** Adds the file's name to SQLite's messages, which do not contain it. */
export function named<Value>(file: string, open: () => Value): Value {
  try {
    return open()
  } catch (error) {
    if (error instanceof Error && primaryCode(error) !== 0) error.message = `${file}: ${error.message}`
    throw error
  }
}

function prepare(
  database: DatabaseSync,
  { file, busyTimeout, used, onUpgraded = () => {} }: OpenOptions & { readonly used: boolean },
): DatabaseSync {
  try {
    database.exec(`
      pragma busy_timeout = ${busyTimeout};
      pragma synchronous = full;
      pragma trusted_schema = off;
      pragma cache_size = -16384;
      pragma wal_autocheckpoint = 4000;
      pragma journal_size_limit = 67108864;
    `)
    enterWal(file, database, performance.now() + busyTimeout)
    if (used) requireNotLost(file, versionOf(database) > 0)
    const before = migrate(file, database)
    if (before > 0 && before < migrations.length) onUpgraded(before, migrations.length)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Creates the file with its mode, which SQLite also uses for the `-wal` and `-shm` files. An existing file is not
 * opened here, because closing it would drop the locks that SQLite holds on it in this process
 * (https://sqlite.org/howtocorrupt.html, §2.2).
 */
function createFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** SQLite opens a file that it may not write, and reports the first write without a name. */
function requireWritable(file: string): void {
  for (const path of [dirname(file), file, `${file}-wal`, `${file}-shm`])
    if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK)
}

/** Waits while another process opens the new file, because SQLite does not wait for the lock that enables WAL. */
function enterWal(file: string, database: DatabaseSync, deadline: number): void {
  for (;;) {
    try {
      requireOwn(file, database)
      database.exec('pragma journal_mode = wal')
      return
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}

/** Throws for a database of another application, before anything is written to it. */
function requireOwn(file: string, database: DatabaseSync): void {
  // One statement, because another process may create the tables meanwhile.
  const found = database
    .prepare('select user_version, (select count(*) from sqlite_schema) as tables from pragma_user_version')
    .get()
  if (found?.user_version === 0 && found.tables !== 0)
    throw new UnusableDatabase(
      `the database ${file} has tables that Tessera did not create: name another file in "storage"`,
    )
}

/** Returns the version before, which another process may have migrated meanwhile. */
function migrate(file: string, database: DatabaseSync): number {
  if (schemaVersion(file, database) === migrations.length) return migrations.length
  let before = migrations.length
  inTransaction(database, () => {
    before = schemaVersion(file, database)
    for (const statements of before === 0 ? newSchema() : migrations.slice(before)) database.exec(statements)
    database.exec(`pragma user_version = ${migrations.length}`)
  })
  return before
}

let usedMigrations = false
let newest: readonly string[] | undefined

/**
 * Returns what creates the tables of a new file. A process that creates many files, such as one for each tenant, copies
 * the newest schema: each change of a table rereads all of them, so the migrations take four times as long.
 */
function newSchema(): readonly string[] {
  if (!usedMigrations) {
    usedMigrations = true
    return migrations
  }
  newest ??= newestSchema()
  return newest
}

function newestSchema(): readonly string[] {
  const database = new DatabaseSync(':memory:')
  try {
    for (const migration of migrations) database.exec(migration)
    // Indexes of primary keys have no statement.
    const rows = database.prepare('select sql from sqlite_schema where sql is not null order by rowid').all()
    return rows.map(({ sql }) => String(sql))
  } finally {
    database.close()
  }
}

function schemaVersion(file: string, database: DatabaseSync): number {
  const version = versionOf(database)
  if (version > migrations.length) throw newerSchema(file, version)
  return version
}

const versionOf = (database: DatabaseSync): number =>
  Number(database.prepare('pragma user_version').get()?.user_version)

const primaryCode = (error: unknown): number => (Number((error as { errcode?: unknown }).errcode) || 0) & 0xff

// https://sqlite.org/rescode.html: BUSY and LOCKED.
export const isBusy = (error: unknown): boolean => [5, 6].includes(primaryCode(error))

// ERROR, TOOBIG, CONSTRAINT, MISMATCH and RANGE are caused by a single operation, and 0 is not an SQLite error.
const ofOneOperation: ReadonlySet<number> = new Set([0, 1, 18, 19, 20, 25])

/**
 * Returns whether an error means that the database can't be used now, rather than that a single operation was wrong.
 */
export const isOutage = (error: unknown): boolean =>
  error instanceof UnusableDatabase || !ofOneOperation.has(primaryCode(error))
