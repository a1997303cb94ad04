/** Converts the items of each table to rows of PostgreSQL and back. */

import { createRowCodec, type RowCodec } from '../tables/row-codec.ts'
import type { ColumnKind } from '../tables/table.ts'
import { type AnyTable, allTables, type RowOf, type TableName } from '../tables/tables.ts'

export type Scalar = string | number | Uint8Array | null
/** A parameter. Lists become PostgreSQL arrays. */
export type Value = Scalar | readonly Scalar[]
export type Row = readonly unknown[]

/** A column's name and type. */
export type Typed = readonly [name: string, type: string]

type Codec<Item> = Omit<RowCodec<Item, Scalar>, 'names'> & {
  /** The columns' names, in the order of the rows, separated by commas. */
  readonly names: string
  readonly count: number
  readonly typed: readonly Typed[]
  /**
   * Assigns every column in an `on conflict … do update set`. Each by its name, because `excluded.*` also has the columns
   * that a later version added.
   */
  readonly overwrite: string
  /** A parameter for each column, numbered from this one on (1 by default). */
  readonly placeholders: (from?: number) => string
  /** A set of rows whose columns are array parameters, numbered from 1 on: see {@link columnsOf}. */
  readonly unnested: string
  /** Returns the array of each column of these items, for {@link unnested}. */
  readonly columnsOf: (items: readonly Item[]) => readonly (readonly Scalar[])[]
  /** The parameter of one column, where the first column is parameter 1. */
  readonly parameter: (name: keyof Item & string) => string
}

// Each parameter names its type: in an `insert … select` PostgreSQL does not infer it from the column.
const types = {
  text: 'text',
  integer: 'bigint',
  bytes: 'bytea',
  list: 'text',
  object: 'text',
  flag: 'text',
} as const satisfies Record<ColumnKind, string>

export const codecs = Object.fromEntries(
  allTables.map(([name, table]) => [name, codecOf(table)]),
) as unknown as { readonly [Name in TableName]: Codec<RowOf<Name>> }

function codecOf(table: AnyTable): Codec<object> {
  const { columns } = table
  const codec = createRowCodec<object, Scalar>(table)
  const { names } = codec
  const typed = Object.entries<ColumnKind>(columns).map(([name, kind]): Typed => [name, types[kind]])
  return {
    ...codec,
    names: names.join(', '),
    count: names.length,
    typed,
    overwrite: `(${names.join(', ')}) = row (${codec.of('excluded')})`,
    placeholders: (from = 1) => typed.map(([, type], index) => `$${from + index}::${type}`).join(', '),
    unnested: `unnest(${typed.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')})`,
    columnsOf(items) {
      const rows = items.map(codec.encode)
      return names.map((_, column) => rows.map(row => row[column] as Scalar))
    },
    parameter: name => `$${names.indexOf(name) + 1}`,
  }
}
