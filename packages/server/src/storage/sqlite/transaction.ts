/** A transaction that may write: all of the work, or none of it. */

import type { DatabaseSync } from 'node:sqlite'

/** @param begin waits for another process as the connection does unless said otherwise. */
export function inTransaction<Answer>(
  database: DatabaseSync,
  work: () => Answer,
  begin: () => void = () => database.exec('begin immediate'),
): Answer {
  begin()
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
