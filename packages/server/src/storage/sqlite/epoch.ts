/** Whether a sign-in is of its user's present epoch, in SQLite: see `StoredUser`. */

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { one } from './statements.ts'

/** Of who is no stored user there is none; a configured user of the same `sub` goes before a stored one. */
export function createEpochGuard(
  database: DatabaseSync,
): (sub: SQLInputValue, epoch: SQLInputValue) => boolean {
  const stands = one(
    database,
    `select ?2 is (select epoch from stored_users where sub = ?1)
      or exists (select 1 from standing where kind = 'user' and id = ?1 and stands = 1)`,
  )
  return (sub, epoch) => stands(sub, epoch)?.[0] === 1
}
