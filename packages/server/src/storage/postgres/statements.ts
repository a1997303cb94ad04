/** Statements, as functions of their parameters: each is prepared once for a connection, at its first use there. */

import type { Row, Value } from './codecs.ts'

export type Answer = { readonly rows: readonly Row[]; readonly count: number }

/** Runs one statement: by itself, or as a part of a transaction. */
export type Run = (sql: string, values: readonly Value[]) => Promise<Answer>

/** A query for at most one row. */
export const one =
  (run: Run, sql: string) =>
  async (...values: readonly Value[]): Promise<Row | undefined> =>
    (await run(sql, values)).rows[0]

/** A query for all rows. */
export const all =
  (run: Run, sql: string) =>
  async (...values: readonly Value[]): Promise<readonly Row[]> =>
    (await run(sql, values)).rows

/** A change; answers how many rows it changed, or, of a `select` over changes, how many that found. */
export const change =
  (run: Run, sql: string) =>
  async (...values: readonly Value[]): Promise<number> =>
    (await run(sql, values)).count

/** Whether a statement only reads, so that it may be repeated whatever became of it. */
export const isRead = (sql: string): boolean =>
  /^\s*select\b/.test(sql) && !/\b(pg_notify|set_config)\b/.test(sql)
