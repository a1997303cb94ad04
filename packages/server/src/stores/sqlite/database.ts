/** A connection to the database file: opened, of the right schema, with durable commits. */

import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { migrations } from './schema.ts'
import { inTransaction } from './transaction.ts'

export type OpenOptions = {
  readonly file: string
  /** How long a connection waits for another process's lock, in milliseconds. */
  readonly busyTimeout: number
}

/** Opens the file, which is made with mode 0600 if there is none, and brings it to the newest schema. Throws for a newer one. */
export function openDatabase({ file, busyTimeout }: OpenOptions): DatabaseSync {
  createFile(file)
  const database = new DatabaseSync(file)
  try {
    database.exec(`
      pragma busy_timeout = ${busyTimeout};
      pragma synchronous = full;
      pragma trusted_schema = off;
      pragma cache_size = -16384;
      pragma wal_autocheckpoint = 4000;
      pragma journal_size_limit = 67108864;
    `)
    enterWal(database, Date.now() + busyTimeout)
    migrate(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Makes the file with its mode, which SQLite gives to its companions too. An existing file is not opened here: closing
 * it would drop the locks that SQLite holds on it in this process (https://sqlite.org/howtocorrupt.html, §2.2).
 */
function createFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Two processes that open a new file at once: SQLite does not wait for the lock that leads into WAL, so we do. */
function enterWal(database: DatabaseSync, deadline: number): void {
  for (;;) {
    try {
      database.exec('pragma journal_mode = wal')
      return
    } catch (error) {
      if (!isBusy(error) || Date.now() > deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}

function migrate(database: DatabaseSync): void {
  if (schemaVersion(database) === migrations.length) return
  inTransaction(database, () => {
    for (const migration of migrations.slice(schemaVersion(database))) database.exec(migration)
    database.exec(`pragma user_version = ${migrations.length}`)
  })
}

function schemaVersion(database: DatabaseSync): number {
  const version = Number(database.prepare('pragma user_version').get()?.user_version)
  if (version > migrations.length)
    throw new Error(
      `the database has schema ${version}, newer than the ${migrations.length} that this version of Tessera knows`,
    )
  return version
}

const primaryCode = (error: unknown): number => (Number((error as { errcode?: unknown }).errcode) || 0) & 0xff

// https://sqlite.org/rescode.html: BUSY and LOCKED.
export const isBusy = (error: unknown): boolean => [5, 6].includes(primaryCode(error))

// ERROR, TOOBIG, CONSTRAINT, MISMATCH, RANGE: what one operation brought about; and 0 is no error of SQLite's.
const ofOneOperation: ReadonlySet<number> = new Set([0, 1, 18, 19, 20, 25])

/** Whether an error says that the database can't be used now, rather than that one operation was wrong. */
export const isOutage = (error: unknown): boolean => !ofOneOperation.has(primaryCode(error))
