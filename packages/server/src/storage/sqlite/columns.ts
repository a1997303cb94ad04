/** How a noun lies in a row of SQLite. */

import type { SQLInputValue } from 'node:sqlite'
import { createRowCodec, type RowCodec } from '../../model/row-codec.ts'

/** `value`: as it is; `json`: a list or an object as JSON text. */
export type Columns<Noun> = { readonly [Field in keyof Required<Noun>]: 'value' | 'json' }

export type Row = readonly SQLInputValue[]

export type Codec<Noun> = RowCodec<Noun, SQLInputValue> & {
  /** A question mark for each column. */
  readonly marks: string
}

export function createCodec<Noun extends object>(columns: Columns<Noun>): Codec<Noun> {
  const codec = createRowCodec<Noun, SQLInputValue>(columns)
  return { ...codec, marks: codec.names.map(() => '?').join(', ') }
}
