/** The tables of the memory store, one for each declared table. Everything is lost when the process ends. */

import { type ColumnKind, isJson } from '../tables/table.ts'
import {
  type AnyTable,
  allTables,
  cascadingTables,
  type KeyOf,
  type RowOf,
  type TableName,
} from '../tables/tables.ts'

type Values<Row, Columns extends readonly string[]> = {
  readonly [Index in keyof Columns]: Columns[Index] extends keyof Row ? Row[Columns[Index]] : never
}

/** Rows by key, in the order in which they were added. */
export type MemoryTable<Row, Key extends readonly string[] = readonly string[]> = {
  readonly get: (...key: Values<Row, Key>) => Row | undefined
  readonly has: (...key: Values<Row, Key>) => boolean
  /** Finds a row by a unique column. */
  readonly by: (column: keyof Row & string, value: string) => Row | undefined
  /** Returns the rows with this value in an indexed column, in the order in which they were added. */
  readonly allBy: (column: keyof Row & string, value: string) => readonly Row[]
  readonly filter: (condition: (row: Row) => boolean) => readonly Row[]
  /** Adds a row. Throws if its key exists. Keys are random, so this is a bug, and the existing row must be kept. */
  readonly insert: (row: Row) => void
  /** Throws if the key of this row exists. Called before several rows are written. */
  readonly requireNew: (row: Row) => void
  /** Adds a row, or replaces the one with the same key. */
  readonly put: (row: Row) => void
  /** Returns whether the row existed. */
  readonly delete: (...key: Values<Row, Key>) => boolean
  /** Returns how many rows were deleted. */
  readonly deleteWhere: (condition: (row: Row) => boolean) => number
  readonly values: () => MapIterator<Row>
  readonly clear: () => void
  readonly size: number
}

export type Tables = { readonly [Name in TableName]: MemoryTable<RowOf<Name>, KeyOf<Name>> }

export const emptyTables = (): Tables =>
  Object.fromEntries(allTables.map(([name, table]) => [name, createTable(table)])) as unknown as Tables

/** Deletes the rows that end with a user's access. */
export function deleteCascading(tables: Tables, sub: string): void {
  for (const [name] of cascadingTables)
    (tables[name] as unknown as MemoryTable<AnyRow>).deleteWhere(row => row.sub === sub)
}

type AnyRow = Readonly<Record<string, string>>

function createTable({
  name,
  columns: kinds,
  key: columns,
  unique = [],
  indexed = [],
}: AnyTable): MemoryTable<AnyRow> {
  const fields = Object.entries<ColumnKind>(kinds)
  const rows = new Map<string, AnyRow>()
  /** Keys by value, for each column. */
  const indexes = new Map([...unique, ...indexed].map(column => [column, new Map<string, Set<string>>()]))
  const [first = ''] = columns

  // The length of each part makes composite keys unambiguous, whatever characters they contain.
  const keyOf = (parts: readonly string[]): string =>
    parts.length === 1 ? parts[0]! : parts.map(part => `${part.length}:${part}`).join('')
  const keyIn = (row: AnyRow): string =>
    columns.length === 1 ? row[first]! : keyOf(columns.map(column => row[column]!))

  function requireNew(row: AnyRow): void {
    if (rows.has(keyIn(row))) throw new Error('a row with this key exists')
  }

  function put(row: AnyRow): void {
    for (const [column, kind] of fields)
      if (!fitsColumn(row[column], kind))
        throw new TypeError(`${name}.${column} is not a value of type ${kind}`)
    const key = keyIn(row)
    const before = rows.get(key)
    for (const [column, index] of indexes) {
      const value = row[column]!
      if (before?.[column] === value) continue
      if (before) leave(index, before[column]!, key)
      const keys = index.get(value)
      if (keys) keys.add(key)
      else index.set(value, new Set([key]))
    }
    rows.set(key, row)
  }

  function remove(key: string): boolean {
    const before = rows.get(key)
    if (before) for (const [column, index] of indexes) leave(index, before[column]!, key)
    return rows.delete(key)
  }

  const keysBy = (column: string, value: string): Iterable<string> => {
    const index = indexes.get(column)
    if (!index) throw new Error(`the column ${column} has no index`)
    return index.get(value) ?? []
  }

  return {
    get: (...key) => rows.get(keyOf(key)),
    has: (...key) => rows.has(keyOf(key)),
    by(column, value) {
      const [key] = keysBy(column, value)
      return key === undefined ? undefined : rows.get(key)
    },
    allBy: (column, value) => [...keysBy(column, value)].map(key => rows.get(key)!),
    filter: condition => [...rows.values()].filter(condition),
    insert(row) {
      requireNew(row)
      put(row)
    },
    requireNew,
    put,
    delete: (...key) => remove(keyOf(key)),
    deleteWhere(condition) {
      const before = rows.size
      for (const [key, row] of rows) if (condition(row)) remove(key)
      return before - rows.size
    },
    values: () => rows.values(),
    clear() {
      rows.clear()
      for (const index of indexes.values()) index.clear()
    },
    get size() {
      return rows.size
    },
  }
}

/**
 * Returns whether every store keeps the value unchanged. SQLite and PostgreSQL refuse a number that is not an integer of
 * 64 bits, and replace lone surrogates in a text, so that two texts would become one.
 */
function fitsColumn(value: unknown, kind: ColumnKind): boolean {
  if (value === undefined || value === null || isJson(kind)) return true
  if (kind === 'integer') return Number.isSafeInteger(value)
  return kind === 'text' ? typeof value === 'string' && value.isWellFormed() : value instanceof Uint8Array
}

function leave(index: Map<string, Set<string>>, value: string, key: string): void {
  const keys = index.get(value)
  keys?.delete(key)
  if (keys?.size === 0) index.delete(value)
}
