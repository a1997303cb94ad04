/** How a noun lies in a row of a database: one column for each of its fields, and null where an optional field is missing. */

export type RowCodec<Noun, Value> = {
  /** The columns' names, in the order of the rows. */
  readonly names: readonly string[]
  readonly encode: (noun: Noun) => readonly Value[]
  /** Reads the columns from this offset on; undefined where an outer join found no row (its first column is null). */
  readonly decode: (row: readonly unknown[], offset?: number) => Noun | undefined
  /** `table.column, …` for a select. */
  readonly of: (table: string) => string
}

/** @param columns of each field its kind: `json` is a list or an object as JSON text, any other passes as it is. */
export function createRowCodec<Noun extends object, Value>(
  columns: Readonly<Record<keyof Noun, string>>,
): RowCodec<Noun, Value | string | null> {
  const fields = Object.entries<string>(columns).map(([name, kind]) => ({ name, json: kind === 'json' }))
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
