/** How a noun lies in a row of PostgreSQL. */

import { createRowCodec, type RowCodec } from '../../core/row-codec.ts'

/** `json`: a list or an object as JSON text, which keeps what `jsonb` would not: U+0000 and how numbers were written. */
type Kind = 'text' | 'integer' | 'bytes' | 'json'

export type Columns<Noun> = { readonly [Field in keyof Required<Noun>]: Kind }

/** What a parameter may be; lists are arrays of PostgreSQL. */
export type Value = string | number | Uint8Array | null | readonly string[] | readonly number[]
export type Row = readonly unknown[]

export type Codec<Noun> = Omit<RowCodec<Noun, Value>, 'names'> & {
  /** The columns' names, in the order of the rows, with commas between them. */
  readonly names: string
  readonly count: number
  /** A parameter for each column, from this number on (1 unless said otherwise). */
  readonly marks: (from?: number) => string
  /** The parameter of one column, where the first is number 1. */
  readonly mark: (name: keyof Noun & string) => string
}

// Said of each parameter: in an `insert … select` PostgreSQL would not look at the column that it goes to.
const types = { text: 'text', integer: 'bigint', bytes: 'bytea', json: 'text' } as const satisfies Record<
  Kind,
  string
>

export function createCodec<Noun extends object>(columns: Columns<Noun>): Codec<Noun> {
  const codec = createRowCodec<Noun, Value>(columns)
  const { names } = codec
  const kinds = Object.values<Kind>(columns)
  return {
    ...codec,
    names: names.join(', '),
    count: names.length,
    marks: (from = 1) => kinds.map((kind, index) => `$${from + index}::${types[kind]}`).join(', '),
    mark: name => `$${names.indexOf(name) + 1}`,
  }
}
