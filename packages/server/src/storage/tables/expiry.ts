/** Which rows clean-up deletes, for stores in SQL. */

import { type AnyTable, allTables } from './tables.ts'

export type ExpiringTable = {
  readonly table: string
  /** The columns of its key, separated by commas. */
  readonly key: string
  /** The column that says when to look at a row. */
  readonly due: string
  /** Where a row that is due may live on: an expression for its end. Null, or a time that has passed, means that it ends. */
  readonly until?: string
}

type Dialect = {
  readonly name: 'sqlite' | 'postgres'
  /** The function for the smallest of its arguments. */
  readonly least: string
}

/** Returns the tables whose rows expire; those that others depend on come last. */
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
