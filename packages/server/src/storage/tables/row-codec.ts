/** Converts an item to a database row: one column per field, null where an optional field is missing. */

import type { ColumnKind } from './table.ts'

export type RowCodec<Item, Value> = {
  /** The columns' names, in the order of the rows. */
  readonly names: readonly string[]
  readonly encode: (item: Item) => readonly Value[]
  /**
   * Reads the columns, starting at this offset. Returns undefined if an outer join found no row, so its first column is
   * null.
   */
  readonly decode: (row: readonly unknown[], offset?: number) => Item | undefined
  /** Returns `table.column, …` for a select. */
  readonly of: (table: string) => string
}

export function createRowCodec<Item extends object, Value>(
  columns: Readonly<Record<string, ColumnKind>>,
): RowCodec<Item, Value | string | null> {
  const fields = Object.entries(columns).map(([name, kind]) => ({ name, json: kind === 'json' }))
  const names = fields.map(({ name }) => name)
  return {
    names,
    of: table => names.map(name => `${table}.${name}`).join(', '),
    encode(item) {
      const values = item as Readonly<Record<string, unknown>>
      return fields.map(({ name, json }) => {
        const value = values[name]
        if (value === undefined) return null
        return json ? JSON.stringify(value) : (value as Value)
      })
    },
    decode(row, offset = 0) {
      if (row[offset] === null || row[offset] === undefined) return undefined
      const item: Record<string, unknown> = {}
      let index = offset
      for (const { name, json } of fields) {
        const value = row[index++]
        if (value !== null) item[name] = json ? JSON.parse(value as string) : value
      }
      return item as Item
    },
  }
}
