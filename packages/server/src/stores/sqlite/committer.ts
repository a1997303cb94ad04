/** Commits batches of operations, each by one transaction and so by one `fsync`, on the files that they are for. */

import type { DatabaseSync } from 'node:sqlite'
import { isOutage, type OpenOptions, openDatabase } from './database.ts'
import { inTransaction } from './transaction.ts'
import { beginInTurn } from './turn.ts'
import { writeNames, writes } from './writes.ts'

/** Number of an operation in `writes`, and its values. */
export type Operation = readonly [number: number, values: readonly unknown[]]
export type Batch = readonly [file: string, operations: readonly Operation[]]

/** For each operation its answer, or an Error if it was wrong; a text if the whole batch failed and nothing was written. */
export type Answers = readonly unknown[] | string

export type Committer = {
  /** Throws where it can't go on: then the server's file is in a transaction that was not committed. */
  readonly commit: (batch: Batch) => Answers
  readonly close: () => void
}

type Opened = {
  readonly database: DatabaseSync
  /** Milliseconds. */
  readonly busyTimeout: number
  readonly operations: readonly ((...values: readonly unknown[]) => unknown)[]
}

/** Tenants' files that are open at once; of more, the one that was written longest ago is closed until its next write. */
const mostOpen = 64

/** Opens the server's file; throws where it can't be opened or has a newer schema. */
export function createCommitter({ file: serverFile, busyTimeout }: OpenOptions): Committer {
  const server = open(serverFile)
  const tenants = new Map<string, Opened>()

  function open(file: string): Opened {
    const database = openDatabase({ file, busyTimeout })
    database.exec('pragma busy_timeout = 0')
    const operations = writeNames.map(
      name => writes[name](database) as (...values: readonly unknown[]) => unknown,
    )
    return { database, busyTimeout, operations }
  }

  function commitBatch([file, batch]: Batch): Answers {
    if (file === serverFile) return commit(server, batch)
    try {
      return commit(openedTenant(file), batch)
    } catch (error) {
      // One tenant's trouble is not the others': the next write tries to open it again.
      tenants.get(file)?.database.close()
      tenants.delete(file)
      return messageOf(error)
    }
  }

  function openedTenant(file: string): Opened {
    const opened = tenants.get(file) ?? open(file)
    tenants.delete(file)
    tenants.set(file, opened)
    const [oldest] = tenants
    if (oldest && tenants.size > mostOpen) {
      oldest[1].database.close()
      tenants.delete(oldest[0])
    }
    return opened
  }

  return {
    commit: commitBatch,
    close() {
      for (const { database } of [server, ...tenants.values()]) if (database.isOpen) database.close()
    },
  }
}

function commit(opened: Opened, batch: readonly Operation[]): Answers {
  const { database } = opened
  try {
    return inTurn(opened, () => batch.map(operation => perform(opened, operation)))
  } catch (error) {
    if (isOutage(error)) return outage(database, error)
  }
  // One of them was wrong and must not take its neighbours with it.
  try {
    return inTurn(opened, () => batch.map(operation => performApart(opened, operation)))
  } catch (error) {
    return outage(database, error)
  }
}

const inTurn = <Answer>({ database, busyTimeout }: Opened, work: () => Answer): Answer =>
  inTransaction(database, work, () => beginInTurn(database, busyTimeout))

const perform = ({ operations }: Opened, [number, values]: Operation): unknown =>
  operations[number]?.(...values)

function performApart(opened: Opened, operation: Operation): unknown {
  const { database } = opened
  database.exec('savepoint operation')
  try {
    const answer = perform(opened, operation)
    database.exec('release operation')
    return answer
  } catch (error) {
    if (isOutage(error)) throw error
    database.exec('rollback to operation; release operation')
    return error
  }
}

function outage(database: DatabaseSync, error: unknown): string {
  // Left inside a transaction it can't go on: for the server's file the thread ends, so that another takes its place.
  if (database.isTransaction) throw error
  return messageOf(error)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
