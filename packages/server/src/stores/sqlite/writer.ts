/**
 * The writer thread: each message is a batch of operations, committed by one transaction and so by one `fsync`, and
 * answered after it. See `docs/decisions/0001-sqlite-writer-thread.md`.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { isOutage, type OpenOptions, openDatabase } from './database.ts'
import { writeNames, writes } from './writes.ts'

/** Number of an operation in `writes`, and its values. */
export type Operation = readonly [number: number, values: readonly unknown[]]

/** For each operation its answer, or an Error if it was wrong; a text if the whole batch failed and nothing was written. */
export type Answers = readonly unknown[] | string

const database = openDatabase(workerData as OpenOptions)
const operations = writeNames.map(
  name => writes[name](database) as (...values: readonly unknown[]) => unknown,
)

parentPort?.on('message', (batch: readonly Operation[] | null) => {
  if (batch) return parentPort?.postMessage(commitBatch(batch))
  database.close()
  parentPort?.close()
})

function commitBatch(batch: readonly Operation[]): Answers {
  try {
    return inTransaction(() => batch.map(perform))
  } catch (error) {
    if (isOutage(error)) return outage(error)
  }
  // One of them was wrong and must not take its neighbours with it.
  try {
    return inTransaction(() => batch.map(performApart))
  } catch (error) {
    return outage(error)
  }
}

function inTransaction<Answer>(work: () => Answer): Answer {
  database.exec('begin immediate')
  try {
    const answer = work()
    database.exec('commit')
    return answer
  } catch (error) {
    // A full disk, for one, has rolled it back already.
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}

const perform = ([number, values]: Operation): unknown => operations[number]?.(...values)

function performApart(operation: Operation): unknown {
  database.exec('savepoint operation')
  try {
    const answer = perform(operation)
    database.exec('release operation')
    return answer
  } catch (error) {
    if (isOutage(error)) throw error
    database.exec('rollback to operation; release operation')
    return error
  }
}

function outage(error: unknown): string {
  // Left inside a transaction it can't go on: end the thread, so that another takes its place.
  if (database.isTransaction) throw error
  return error instanceof Error ? error.message : String(error)
}
