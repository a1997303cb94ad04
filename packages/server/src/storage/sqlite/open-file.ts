/** Checks that an open database is still the one at its path, and still has this version's schema. */

import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { migrations } from './schema.ts'
import { one } from './statements.ts'

/** Thrown if the database can't be used although SQLite reports no error. */
export class UnusableDatabase extends Error {
  override readonly name = 'UnusableDatabase'
}

export type OpenFile = {
  /**
   * Throws unless the files that SQLite has open are those at their paths. Writes to a removed file are lost when the
   * process ends, so a commit is valid only after this check.
   */
  readonly requireInPlace: () => void
  /**
   * Throws if a newer version of Tessera changed the schema. Within a transaction, the schema can't change after the
   * check.
   */
  readonly requireSchema: () => void
}

/** Returns the identity of the file at a path, which differs if another file replaces it, or undefined if there is none. */
export function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}

/**
 * @param database was just opened, in WAL mode.
 * @param identity the required identity of the file; by default, its current one.
 */
export function createOpenFile(
  file: string,
  database: DatabaseSync,
  identity: string | undefined = identityOf(file),
): OpenFile {
  const version = one(database, 'pragma user_version')
  const opened = new Map<string, string>()
  if (identity !== undefined) opened.set(file, identity)

  /**
   * The `-wal` and `-shm` files exist after the first read or write, and keep their identity while a connection is
   * open.
   */
  function requireSame(path: string, isRequired: boolean): void {
    const identity = identityOf(path)
    const before = opened.get(path)
    if (before === undefined && identity !== undefined) opened.set(path, identity)
    else if (identity !== before || (isRequired && identity === undefined))
      throw new UnusableDatabase(
        `${path} was ${identity === undefined ? 'removed' : 'replaced'} while the server runs: put it back, or restart the server`,
      )
  }

  function requireInPlace(): void {
    requireSame(file, true)
    requireSame(`${file}-wal`, false)
    // If this file is missing, a process that opens the database creates another one, and the processes would not see
    // each other's locks.
    requireSame(`${file}-shm`, false)
  }

  requireInPlace()
  return {
    requireInPlace,
    requireSchema() {
      const found = Number(version()?.[0])
      if (found > migrations.length) throw newerSchema(file, found)
      if (found < migrations.length)
        throw new UnusableDatabase(
          `${file} was overwritten by a database of schema ${found}: restart the server`,
        )
    },
  }
}

export const newerSchema = (file: string, version: number): UnusableDatabase =>
  new UnusableDatabase(
    `the database ${file} has schema ${version}, newer than the ${migrations.length} that this version of Tessera knows: restart with the newer version`,
  )

/** Milliseconds between two checks by reads. */
const interval = 1000

type ReadGuard = {
  /** Throws while the database can't be used. Checks at most once a second. */
  readonly require: () => void
  /** Throws while the database can't be used. Checks now. */
  readonly look: () => void
}

/**
 * @param onChange called with the reason when the database becomes unusable, and with undefined when it is usable
 * again.
 */
export function createReadGuard(
  { requireInPlace, requireSchema }: OpenFile,
  onChange: (reason: string | undefined) => void,
): ReadGuard {
  let lookedAt = performance.now()
  let reason: string | undefined

  function look(): void {
    lookedAt = performance.now()
    const before = reason
    try {
      requireInPlace()
      requireSchema()
      reason = undefined
    } catch (error) {
      // The query itself reports any other error.
      if (!(error instanceof UnusableDatabase)) return
      reason = error.message
    }
    if (reason !== before) onChange(reason)
    if (reason !== undefined) throw new UnusableDatabase(reason)
  }

  return {
    look,
    require() {
      if (performance.now() - lookedAt >= interval) look()
      else if (reason !== undefined) throw new UnusableDatabase(reason)
    },
  }
}
