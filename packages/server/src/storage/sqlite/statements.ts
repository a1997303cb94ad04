/** Statements: prepared once for a connection, at their first use. */

import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { StoreUnavailable } from '../../runtime/ports.ts'

/** Rows as arrays: cheaper than objects, and joined tables may have columns of one name. */
export type Query = (...values: readonly SQLInputValue[]) => readonly SQLOutputValue[] | undefined
export type Statement = (...values: readonly SQLInputValue[]) => number

const prepared = (database: DatabaseSync, sql: string): (() => StatementSync) => {
  let statement: StatementSync | undefined
  return () => {
    if (statement) return statement
    statement = database.prepare(sql)
    statement.setReturnArrays(true)
    return statement
  }
}

/** A query for at most one row. */
export function one(database: DatabaseSync, sql: string): Query {
  const statement = prepared(database, sql)
  return (...values) => statement().get(...values) as unknown as readonly SQLOutputValue[] | undefined
}

/** A query for all rows. */
export function all(
  database: DatabaseSync,
  sql: string,
): (...values: readonly SQLInputValue[]) => readonly (readonly SQLOutputValue[])[] {
  const statement = prepared(database, sql)
  return (...values) => statement().all(...values) as unknown as readonly (readonly SQLOutputValue[])[]
}

/** A change; answers how many rows it changed. */
export function change(database: DatabaseSync, sql: string): Statement {
  const statement = prepared(database, sql)
  return (...values) => Number(statement().run(...values).changes)
}

/**
 * A read by the main thread: whatever the database has against it means that it can't answer now. All reads of one turn
 * of the event loop share a transaction, since a transaction costs more than what is read in it: they see what was
 * committed when the first of them began, which is after all that anybody waited for.
 */
export function reading<Values extends readonly unknown[], Answer>(
  database: DatabaseSync,
  read: (...values: Values) => Answer,
): (...values: Values) => Answer {
  const share = turnOf(database)
  return (...values) => {
    try {
      share()
      return read(...values)
    } catch (error) {
      throw new StoreUnavailable('the database can not be read', { cause: error })
    }
  }
}

const guards = new WeakMap<DatabaseSync, () => void>()

/** Has reads of this connection begin with `guard`, which throws while the database can't be used. Called before {@link reading}. */
export const guardReads = (database: DatabaseSync, guard: () => void): void =>
  void guards.set(database, guard)

const turns = new WeakMap<DatabaseSync, () => void>()

/** Begins the transaction of this turn, unless it has begun. */
function turnOf(database: DatabaseSync): () => void {
  const known = turns.get(database)
  if (known) return known
  const begin = prepared(database, 'begin')
  const commit = prepared(database, 'commit')
  const guard = guards.get(database) ?? (() => {})
  let begun = false

  /** After the promises that were fulfilled meanwhile, and before anything else arrives. */
  function end(): void {
    begun = false
    try {
      if (database.isOpen && database.isTransaction) commit().run()
    } catch {
      // Nobody is asking now: the next read tells what it finds.
    }
  }

  const share = (): void => {
    if (begun) return
    guard()
    if (!database.isTransaction) begin().run()
    begun = true
    process.nextTick(end)
  }
  turns.set(database, share)
  return share
}

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
