/** Converts the items of each table to rows of SQLite and back. */

import type { SQLInputValue } from 'node:sqlite'
import { createRowCodec, type RowCodec } from '../tables/row-codec.ts'
import { type AnyTable, allTables, type RowOf, type TableName } from '../tables/tables.ts'

export type Row = readonly SQLInputValue[]

type Codec<Item> = RowCodec<Item, SQLInputValue> & {
  /** A question mark for each column. */
  readonly placeholders: string
}

export const codecs = Object.fromEntries(
  allTables.map(([name, table]) => [name, codecOf(table)]),
) as unknown as { readonly [Name in TableName]: Codec<RowOf<Name>> }

function codecOf(table: AnyTable): Codec<object> {
  const codec = createRowCodec<object, SQLInputValue>(table)
  return { ...codec, placeholders: codec.names.map(() => '?').join(', ') }
}
