/** How a noun lies in a row of PostgreSQL. */

import { createRowCodec, type RowCodec } from '../../model/row-codec.ts'

/** `json`: a list or an object as JSON text, which keeps what `jsonb` would not: U+0000 and how numbers were written. */
type Kind = 'text' | 'integer' | 'bytes' | 'json'

export type Columns<Noun> = { readonly [Field in keyof Required<Noun>]: Kind }

export type Scalar = string | number | Uint8Array | null
/** What a parameter may be; lists are arrays of PostgreSQL. */
export type Value = Scalar | readonly Scalar[]
export type Row = readonly unknown[]

export type Codec<Noun> = Omit<RowCodec<Noun, Scalar>, 'names'> & {
  /** The columns' names, in the order of the rows, with commas between them. */
  readonly names: string
  readonly count: number
  /** Each column's name and type. */
  readonly typed: readonly Typed[]
  /** A parameter for each column, from this number on (1 unless said otherwise). */
  readonly marks: (from?: number) => string
  /** The parameter of one column, where the first is number 1. */
  readonly mark: (name: keyof Noun & string) => string
}

/** A column's name and type. */
export type Typed = readonly [name: string, type: string]

// Said of each parameter: in an `insert … select` PostgreSQL would not look at the column that it goes to.
const types = { text: 'text', integer: 'bigint', bytes: 'bytea', json: 'text' } as const satisfies Record<
  Kind,
  string
>

export function createCodec<Noun extends object>(columns: Columns<Noun>): Codec<Noun> {
  const codec = createRowCodec<Noun, Scalar>(columns)
  const { names } = codec
  const kinds = Object.values<Kind>(columns)
  return {
    ...codec,
    names: names.join(', '),
    count: names.length,
    typed: kinds.map((kind, index) => [String(names[index]), types[kind]] as const),
    marks: (from = 1) => kinds.map((kind, index) => `$${from + index}::${types[kind]}`).join(', '),
    mark: name => `$${names.indexOf(name) + 1}`,
  }
}
