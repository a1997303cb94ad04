/** Prepares statements once per connection, on first use. */

import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { type Awaitable, InvalidStoredValue, StoreUnavailable } from '../../runtime/ports.ts'

/** Rows are arrays: they are cheaper than objects, and joined tables may have columns with the same name. */
export type Query = (...values: readonly SQLInputValue[]) => readonly SQLOutputValue[] | undefined
export type Statement = (...values: readonly SQLInputValue[]) => number

const prepared = (database: DatabaseSync, sql: string): (() => StatementSync) => {
  let statement: StatementSync | undefined
  return () => {
    if (statement) return statement
    statement = database.prepare(sql)
    statement.setReturnArrays(true)
    // A statement that also writes can't be repeated: see `readAgain`.
    if (writesAndReads(sql)) statement.setReadBigInts(true)
    return statement
  }
}

const writesAndReads = (sql: string): boolean => /\breturning\b/.test(sql)

type Values = readonly SQLOutputValue[]

/** Reads integers of 2^53 and more as they are. No row of the server has one, and the driver would refuse all rows. */
function readAgain<Result>(statement: StatementSync, error: unknown, read: () => Result): Result {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_OUT_OF_RANGE') throw error
  statement.setReadBigInts(true)
  try {
    return read()
  } finally {
    statement.setReadBigInts(false)
  }
}

const withNumbers = (row: Values): Values =>
  row.map(value => {
    if (typeof value !== 'bigint') return value
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  })

/** Returns a query for at most one row. */
export function one(database: DatabaseSync, sql: string): Query {
  const statement = prepared(database, sql)
  const hasBigInts = writesAndReads(sql)
  return (...values) => {
    const get = (): Values | undefined => statement().get(...values) as unknown as Values | undefined
    try {
      const row = get()
      return hasBigInts && row ? withNumbers(row) : row
    } catch (error) {
      const row = readAgain(statement(), error, get)
      return row && withNumbers(row)
    }
  }
}

/** Returns a query for all rows. */
export function all(
  database: DatabaseSync,
  sql: string,
): (...values: readonly SQLInputValue[]) => readonly (readonly SQLOutputValue[])[] {
  const statement = prepared(database, sql)
  const hasBigInts = writesAndReads(sql)
  return (...values) => {
    const read = (): readonly Values[] => statement().all(...values) as unknown as readonly Values[]
    try {
      const rows = read()
      return hasBigInts ? rows.map(withNumbers) : rows
    } catch (error) {
      return readAgain(statement(), error, read).map(withNumbers)
    }
  }
}

/** Returns a function that runs a change and returns how many rows it changed. */
export function change(database: DatabaseSync, sql: string): Statement {
  const statement = prepared(database, sql)
  return (...values) => Number(statement().run(...values).changes)
}

/**
 * Wraps a read of the main thread. Any database error is reported as StoreUnavailable, except a row with an invalid value.
 * Errors are rejections, as in PostgreSQL: if one read of several for `Promise.all` threw, nobody would handle the
 * rejection of those before it, which would end the process.
 * All reads of one event-loop tick share a transaction, because starting one costs more than a read. They see the state
 * when the first of them started, which includes every write that a caller has awaited.
 */
export function reading<Values extends readonly unknown[], Answer>(
  database: DatabaseSync,
  read: (...values: Values) => Answer,
): (...values: Values) => Awaitable<Answer> {
  const share = sharedTransactionOf(database)
  return (...values) => {
    try {
      share()
      return read(...values)
    } catch (error) {
      return Promise.reject(
        error instanceof InvalidStoredValue
          ? error
          : new StoreUnavailable("the database can't be read", { cause: error }),
      )
    }
  }
}

const guards = new WeakMap<DatabaseSync, () => void>()

/**
 * Makes all reads of this connection call `guard` first, which throws while the database can't be used. Call it before
 * {@link reading}.
 */
export const guardReads = (database: DatabaseSync, guard: () => void): void =>
  void guards.set(database, guard)

const sharedTransactions = new WeakMap<DatabaseSync, () => void>()

/** Returns a function that begins the transaction of this tick, unless it has already begun. */
function sharedTransactionOf(database: DatabaseSync): () => void {
  const known = sharedTransactions.get(database)
  if (known) return known
  const begin = prepared(database, 'begin')
  const commit = prepared(database, 'commit')
  const guard = guards.get(database) ?? (() => {})
  let begun = false

  /** Runs after the promises that were resolved in this tick, and before the next event. */
  function end(): void {
    begun = false
    try {
      if (database.isOpen && database.isTransaction) commit().run()
    } catch {
      // No caller is waiting. The next read reports the error.
    }
  }

  const share = (): void => {
    if (begun) return
    guard()
    if (!database.isTransaction) begin().run()
    begun = true
    process.nextTick(end)
  }
  sharedTransactions.set(database, share)
  return share
}

/** @param begin begins the transaction. By default it waits for other processes as the connection is configured. */
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
    // Some errors, such as a full disk, have already rolled it back.
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}
