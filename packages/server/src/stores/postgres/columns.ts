/** How a noun lies in a row: one column for each of its fields, and null where an optional field is missing. */

/** `json`: a list or an object as JSON text, which keeps what `jsonb` would not: U+0000 and how numbers were written. */
type Kind = 'text' | 'integer' | 'bytes' | 'json'

export type Columns<Noun> = { readonly [Field in keyof Required<Noun>]: Kind }

/** What a parameter may be; lists are arrays of PostgreSQL. */
export type Value = string | number | Uint8Array | null | readonly string[] | readonly number[]
export type Row = readonly unknown[]

export type Codec<Noun> = {
  /** The columns' names, in the order of the rows, with commas between them. */
  readonly names: string
  readonly count: number
  /** A parameter for each column, from this number on (1 unless said otherwise). */
  readonly marks: (from?: number) => string
  /** The parameter of one column, where the first is number 1. */
  readonly mark: (name: keyof Noun & string) => string
  readonly encode: (noun: Noun) => readonly Value[]
  /** Reads the columns from this offset on; undefined where an outer join found no row (its first column is null). */
  readonly decode: (row: Row, offset?: number) => Noun | undefined
  /** `table.column, …` for a select. */
  readonly of: (table: string) => string
}

// Said of each parameter: in an `insert … select` PostgreSQL would not look at the column that it goes to.
const types = { text: 'text', integer: 'bigint', bytes: 'bytea', json: 'text' } as const satisfies Record<
  Kind,
  string
>

export function createCodec<Noun extends object>(columns: Columns<Noun>): Codec<Noun> {
  const fields = Object.entries<Kind>(columns).map(([name, kind]) => ({ name, kind, json: kind === 'json' }))

  return {
    names: fields.map(({ name }) => name).join(', '),
    count: fields.length,
    marks: (from = 1) => fields.map(({ kind }, index) => `$${from + index}::${types[kind]}`).join(', '),
    mark: name => `$${fields.findIndex(field => field.name === name) + 1}`,
    of: table => fields.map(({ name }) => `${table}.${name}`).join(', '),
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
