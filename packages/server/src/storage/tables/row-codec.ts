/** Converts a noun to a row of a database: one column for each field, null where an optional field is missing. */

import type { ColumnKind } from './table.ts'

export type RowCodec<Noun, Value> = {
  /** The columns' names, in the order of the rows. */
  readonly names: readonly string[]
  readonly encode: (noun: Noun) => readonly Value[]
  /** Reads the columns from this offset on. Returns undefined if an outer join found no row, so its first column is null. */
  readonly decode: (row: readonly unknown[], offset?: number) => Noun | undefined
  /** Returns `table.column, …` for a select. */
  readonly of: (table: string) => string
}

export function createRowCodec<Noun extends object, Value>(
  columns: Readonly<Record<string, ColumnKind>>,
): RowCodec<Noun, Value | string | null> {
  const fields = Object.entries(columns).map(([name, kind]) => ({ name, json: kind === 'json' }))
  const names = fields.map(({ name }) => name)
  return {
    names,
    of: table => names.map(name => `${table}.${name}`).join(', '),
    encode(noun) {
      const values = noun as Readonly<Record<string, unknown>>
      return fields.map(({ name, json }) => {
        const value = values[name]
        if (value === undefined) return null
        return json ? JSON.stringify(value) : (value as Value)
      })
    },
    decode(row, offset = 0) {
      if (row[offset] === null || row[offset] === undefined) return undefined
      const noun: Record<string, unknown> = {}
      let index = offset
      for (const { name, json } of fields) {
        const value = row[index++]
        if (value !== null) noun[name] = json ? JSON.parse(value as string) : value
      }
      return noun as Noun
    },
  }
}
