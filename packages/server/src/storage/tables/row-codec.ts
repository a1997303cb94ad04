/** Converts an item to a database row and back: one column per field, null where an optional field is missing. */

import { InvalidStoredValue } from '../../runtime/ports.ts'
import { reportInvalidValue } from './invalid-values.ts'
import { kindProblems, readJson } from './json-columns.ts'
import { type ColumnKind, isJson } from './table.ts'
import type { AnyTable } from './tables.ts'

export type RowCodec<Item, Value> = {
  /** The columns' names, in the order of the rows. */
  readonly names: readonly string[]
  readonly encode: (item: Item) => readonly Value[]
  /**
   * Reads the columns, starting at this offset. Returns undefined if an outer join found no row, so its first column is
   * null. Throws `InvalidStoredValue` for a value that is not of its column's kind.
   */
  readonly decode: (row: readonly unknown[], offset?: number) => Item | undefined
  /**
   * Reads rows of which each has another owner. Omits and reports those with an invalid value, so that they don't make
   * the others unreadable.
   * @param source the connection: see {@link reportInvalidValue}.
   */
  readonly decodeAll: (source: object, rows: readonly (readonly unknown[])[]) => readonly Item[]
  /** Returns `table.column, …` for a select. */
  readonly of: (table: string) => string
}

export function createRowCodec<Item extends object, Value>({
  name: table,
  columns,
  key,
}: Pick<AnyTable, 'name' | 'columns' | 'key'>): RowCodec<Item, Value | string | null> {
  const fields = Object.entries<ColumnKind>(columns).map(([name, kind]) => ({
    name,
    kind,
    json: isJson(kind),
  }))
  const names = fields.map(({ name }) => name)

  function decode(row: readonly unknown[], offset = 0): Item | undefined {
    if (row[offset] === null || row[offset] === undefined) return undefined
    const item: Record<string, unknown> = {}
    let index = offset
    for (const { name, kind, json } of fields) {
      const value = row[index++]
      if (value === null) continue
      const read = json ? readJson(value, kind) : value
      if (read === undefined || (kind === 'integer' && !Number.isSafeInteger(read)))
        throw new InvalidStoredValue(`${table}.${name}`, kindProblems[kind], keyOf(row, offset))
      item[name] = read
    }
    return item as Item
  }

  const keyOf = (row: readonly unknown[], offset: number): string =>
    key.map(name => `${name}=${String(row[offset + names.indexOf(name)]).slice(0, mostOfKey)}`).join(' ')

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
    decode,
    decodeAll: (source, rows) =>
      rows.flatMap(row => {
        try {
          return decode(row) ?? []
        } catch (error) {
          if (!(error instanceof InvalidStoredValue)) throw error
          reportInvalidValue(source, error)
          return []
        }
      }),
  }
}

/** A damaged key may be long. */
const mostOfKey = 100
