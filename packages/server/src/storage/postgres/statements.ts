/** Wraps statements in functions that take their parameters. Each is prepared once per connection, on first use. */

import type { Row, Value } from './codecs.ts'

export type Answer = { readonly rows: readonly Row[]; readonly count: number }

/** Runs one statement, alone or as a part of a transaction. */
export type Run = (sql: string, values: readonly Value[]) => Promise<Answer>

/** Returns a query for at most one row. */
export const one =
  (run: Run, sql: string) =>
  async (...values: readonly Value[]): Promise<Row | undefined> =>
    (await run(sql, values)).rows[0]

/** Returns a query for all rows. */
export const all =
  (run: Run, sql: string) =>
  async (...values: readonly Value[]): Promise<readonly Row[]> =>
    (await run(sql, values)).rows

/**
 * Returns a function that runs a change and returns how many rows it changed, or the count that a `select` over changes
 * returned.
 */
export const change =
  (run: Run, sql: string) =>
  async (...values: readonly Value[]): Promise<number> =>
    (await run(sql, values)).count

/** Returns whether a statement only reads, so that it can be retried after any failure. */
export const isRead = (sql: string): boolean =>
  /^\s*select\b/.test(sql) && !/\b(pg_notify|set_config)\b/.test(sql)
