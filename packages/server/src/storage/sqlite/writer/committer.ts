/** Commits each batch of operations in one transaction, and therefore with one `fsync`. */

import type { DatabaseSync } from 'node:sqlite'
import { isBusy, isOutage, type OpenOptions, openDatabase } from '../database.ts'
import { createOpenFile, type OpenFile } from '../open-file.ts'
import { inTransaction } from '../statements.ts'
import { type OperationName, operationNames, operations } from '../writes/operations.ts'
import { beginLocked } from './lock.ts'

export type Operation = readonly [name: OperationName, values: readonly unknown[]]
/**
 * A file, the identity of the file that the process reads, and operations. A different file at that path is not
 * written.
 */
export type Batch = readonly [file: string, identity: string, operations: readonly Operation[]]

/**
 * The result of each operation, or an Error if it was wrong. A string if the whole batch failed and nothing was
 * written.
 */
export type Results = readonly unknown[] | string

type Committer = {
  /** Reopens a file for its next batch if it can't be opened, or if its transaction can't be ended. */
  readonly commit: (batch: Batch) => Results
  readonly close: () => void
}

type Opened = {
  readonly database: DatabaseSync
  readonly file: OpenFile
  /** Milliseconds. */
  readonly busyTimeout: number
  readonly operations: Readonly<Record<OperationName, (...values: readonly unknown[]) => unknown>>
}

/**
 * The maximum number of tenants' files that are open at the same time. Beyond it, the least recently written file is
 * closed until its next write.
 */
const mostOpen = 64

/** Returns a committer that opens each file for its first batch. */
export function createCommitter({ file: serverFile, busyTimeout }: OpenOptions): Committer {
  const files = new Map<string, Opened>()

  function open(file: string, identity: string): Opened {
    // The main thread has already opened the file, so if it is missing now, it must not be created again.
    const database = openDatabase({ file, busyTimeout, create: false })
    database.exec('pragma busy_timeout = 0')
    const prepared = Object.fromEntries(operationNames.map(name => [name, operations[name](database)]))
    return {
      database,
      file: createOpenFile(file, database, identity),
      busyTimeout,
      operations: prepared as Opened['operations'],
    }
  }

  function commitBatch([file, identity, batch]: Batch): Results {
    try {
      return commit(opened(file, identity), batch)
    } catch (error) {
      // Closing rolls back. Other files are not affected.
      close(file)
      return messageOf(error)
    }
  }

  function opened(file: string, identity: string): Opened {
    const found = files.get(file) ?? open(file, identity)
    files.delete(file)
    files.set(file, found)
    // The server's own file does not count.
    if (files.size > mostOpen + 1) close([...files.keys()].find(name => name !== serverFile)!)
    return found
  }

  function close(file: string): void {
    const found = files.get(file)
    files.delete(file)
    if (found?.database.isOpen) found.database.close()
  }

  return {
    commit: commitBatch,
    close() {
      for (const file of [...files.keys()]) close(file)
    },
  }
}

function commit(opened: Opened, batch: readonly Operation[]): Results {
  try {
    return locked(opened, () => batch.map(operation => perform(opened, operation)))
  } catch (error) {
    if (isOutage(error)) return outage(opened, error)
  }
  // A wrong operation must not make the others fail.
  try {
    return locked(opened, () => batch.map(operation => performApart(opened, operation)))
  } catch (error) {
    return outage(opened, error)
  }
}

/**
 * Runs the work in a transaction that holds the write lock. Throws if the file was removed in the meantime, or has a
 * newer schema.
 */
function locked<Result>({ database, file, busyTimeout }: Opened, work: () => Result): Result {
  const result = inTransaction(
    database,
    () => {
      file.requireSchema()
      return work()
    },
    () => beginLocked(database, busyTimeout),
  )
  file.requireInPlace()
  return result
}

const perform = ({ operations }: Opened, [name, values]: Operation): unknown => operations[name](...values)

function performApart(opened: Opened, operation: Operation): unknown {
  const { database } = opened
  database.exec('savepoint operation')
  try {
    const result = perform(opened, operation)
    database.exec('release operation')
    return result
  } catch (error) {
    if (isOutage(error)) throw error
    database.exec('rollback to operation; release operation')
    return error
  }
}

const heldElsewhere = "another process has held the database's write lock"

function outage({ database, busyTimeout }: Opened, error: unknown): string {
  // If a transaction is still open, the connection is unusable, and is closed.
  if (database.isTransaction) throw error
  if (isBusy(error)) return `${heldElsewhere} for ${busyTimeout / 1000} s`
  return messageOf(error)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
