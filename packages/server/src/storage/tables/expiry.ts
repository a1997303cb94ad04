/** Lists the tables with rows that clean-up deletes, for SQL stores. */

import { type AnyTable, allTables } from './tables.ts'

export type ExpiringTable = {
  readonly table: string
  /** The columns of its key, separated by commas. */
  readonly key: string
  /** The column with the time at which clean-up examines a row. */
  readonly due: string
  /**
   * An expression for the expiry of a due row, if it may be later. Null, or a time in the past, means that the row has
   * expired.
   */
  readonly until?: string
}

type Dialect = {
  readonly name: 'sqlite' | 'postgres'
  /** The function for the smallest of its arguments. */
  readonly least: string
}

/** Returns the tables with rows that expire; tables that others depend on come last. */
export const expiringTables = (dialect: Dialect): readonly ExpiringTable[] =>
  allTables.flatMap(([, table]) => expiringTable(table, dialect) ?? []).toReversed()

function expiringTable(
  { name, key, expiry }: AnyTable,
  { name: database, least }: Dialect,
): ExpiringTable | undefined {
  if (!expiry) return undefined
  const { at, cleanAt, keepsUsed } = expiry
  const common = { table: name, key: key.join(', ') }
  if (cleanAt !== 'everywhere' && cleanAt !== database) return { ...common, due: String(at[0]) }
  const end = at.length > 1 ? `${least}(${at.join(', ')})` : String(at[0])
  const endOfUsed = `case when used_at is not null
      then (select a.expires_at from authorizations a where a.id = ${name}.authorization_id) end`
  return { ...common, due: 'clean_at', until: keepsUsed ? endOfUsed : end }
}
