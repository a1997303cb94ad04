/** How a noun lies in a row: one column for each of its fields, and nothing where an optional field is missing. */

import type { SQLInputValue, SQLOutputValue } from 'node:sqlite'

/** `value`: as it is; `json`: a list or an object as JSON text. */
export type Columns<Noun> = { readonly [Field in keyof Required<Noun>]: 'value' | 'json' }

export type Row = readonly SQLInputValue[]

export type Codec<Noun> = {
  /** The columns' names, in the order of the rows. */
  readonly names: readonly string[]
  /** A question mark for each column. */
  readonly marks: string
  readonly encode: (noun: Noun) => Row
  /** Reads the columns from this offset on; undefined where an outer join found no row (its first column is null). */
  readonly decode: (row: readonly SQLOutputValue[], offset?: number) => Noun | undefined
  /** `table.column, …` for a select. */
  readonly of: (table: string) => string
}

export function createCodec<Noun extends object>(columns: Columns<Noun>): Codec<Noun> {
  const fields = Object.entries(columns).map(([name, kind]) => ({ name, json: kind === 'json' }))
  const names = fields.map(({ name }) => name)

  return {
    names,
    marks: names.map(() => '?').join(', '),
    of: table => names.map(name => `${table}.${name}`).join(', '),
    encode(noun) {
      const values = noun as Readonly<Record<string, unknown>>
      return fields.map(({ name, json }) => {
        const value = values[name]
        if (value === undefined) return null
        return json ? JSON.stringify(value) : (value as SQLInputValue)
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
