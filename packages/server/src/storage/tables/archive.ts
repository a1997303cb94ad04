/** The ports of export and import: a store as tables, row by row. */

import { isTooDeep } from '@tessera/protocol/json'
import { passwordHashError } from '../../runtime/password-hash/read.ts'
import { kindProblems, readJson } from './json-columns.ts'
import { type Archive, type ColumnKind, isJson } from './table.ts'
import { type TableName, tables } from './tables.ts'

/** `bytes`: base64url in a file. */
export type ColumnType = 'text' | 'integer' | 'bytes'

/** A table of a database or a file, which may be from another version than {@link tables}. */
export type ArchivedTable = {
  readonly name: string
  readonly columns: Readonly<Record<string, ColumnType>>
}

/** In the order of the table's columns. */
export type ArchivedRow = readonly (string | number | Uint8Array | null)[]

/**
 * Numbers of rows that were added, that already existed, or that were omitted because another row has their key or
 * name.
 */
export type Added = { readonly added: number; readonly same: number; readonly other: number }

/** One issuer's store to read from. All reads see the same snapshot, while servers continue to write. */
export type ArchiveSource = {
  readonly tables: () => Promise<readonly ArchivedTable[]>
  readonly count: (table: string) => Promise<number>
  /** In the order in which they were added. */
  readonly read: (table: ArchivedTable) => AsyncIterable<readonly ArchivedRow[]>
  readonly setting: (name: string) => Promise<string | undefined>
  readonly close: () => Promise<void>
}

/** One issuer's store to write to. Each write is durable when its promise resolves. */
export type ArchiveTarget = {
  readonly tables: () => Promise<readonly ArchivedTable[]>
  /** Returns whether any of these tables has a row. */
  readonly holdsAny: (tables: readonly string[]) => Promise<boolean>
  readonly empty: (tables: readonly string[]) => Promise<void>
  /** Does not change existing rows. Rejects if the table lacks one of the columns. */
  readonly add: (table: ArchivedTable, rows: readonly ArchivedRow[]) => Promise<Added>
  readonly setting: (name: string) => Promise<string | undefined>
  /** Undefined removes it. */
  readonly set: (name: string, value: string | undefined) => Promise<void>
  readonly close: () => Promise<void>
}

/** The stores of all issuers; an undefined tenant means the server's own. */
export type Archives = {
  /** The tenants that have a store. */
  readonly tenants: () => Promise<readonly string[]>
  /** Rejects if the store does not exist. */
  readonly source: (tenant?: string) => Promise<ArchiveSource>
  /** Creates the store if it does not exist. */
  readonly target: (tenant?: string) => Promise<ArchiveTarget>
  readonly close: () => Promise<void>
}

export type ArchivedKind = (typeof tables)[TableName]['archive']['kind']

type Declared = {
  readonly name: string
  readonly columns: Readonly<Record<string, ColumnKind>>
  readonly key: readonly string[]
  readonly expiry?: { readonly cleanAt?: string }
  readonly archive: Archive<ArchivedKind>
  readonly passwordHashes?: readonly string[]
  readonly parsed?: readonly string[]
}

// Derived rows come last: they are written together with rows of other tables, so they must not exist before.
const declared: readonly Declared[] = Object.values<Declared>(tables).toSorted(
  (one, other) => Number(one.archive.derived ?? false) - Number(other.archive.derived ?? false),
)

const kindsWhere = (
  applies: (archive: Archive<ArchivedKind>) => boolean | undefined,
): ReadonlySet<ArchivedKind> =>
  new Set(declared.flatMap(({ archive }) => (applies(archive) ? [archive.kind] : [])))

export const allKinds = kindsWhere(() => true)
export const addableKinds = kindsWhere(({ addable }) => addable)
export const unsealedKinds = kindsWhere(({ unsealed }) => unsealed)
export const initialKinds = kindsWhere(({ initial }) => initial)

/** Kinds with texts that `rowError` checks. */
export const checkedKinds: ReadonlySet<ArchivedKind> = new Set(
  declared.flatMap(({ archive, passwordHashes, parsed }) => (passwordHashes || parsed ? [archive.kind] : [])),
)

export const isArchivedKind = (name: string): name is ArchivedKind => allKinds.has(name as ArchivedKind)

/** Returns the tables of these kinds in the order in which an import fills them. */
export const tablesOf = (kinds: ReadonlySet<ArchivedKind>): readonly string[] =>
  declared.flatMap(({ name, archive }) => (kinds.has(archive.kind) ? [name] : []))

/** Returns the kind of a table; undefined for a table that this version does not have. */
export const kindOf = (table: string): ArchivedKind | undefined =>
  declared.find(({ name }) => name === table)?.archive.kind

/**
 * Returns why this version can't store rows with these columns; undefined if it can. An earlier version may lack columns.
 * Tables that this version does not have are reported by {@link kindOf}.
 */
export function columnsError({ name, columns }: ArchivedTable): string | undefined {
  const known = declared.find(table => table.name === name)
  if (!known) return undefined
  const those: Declared['columns'] = {
    ...known.columns,
    ...(known.expiry?.cleanAt === 'everywhere' && { clean_at: 'integer' }),
  }
  for (const [column, type] of Object.entries(columns)) {
    if (!Object.hasOwn(those, column))
      return `unknown column ${JSON.stringify(column)} in table ${name}; was this exported by a newer version?`
    const kind = those[column]
    if (type !== (isJson(kind) ? 'text' : kind)) return `${name}.${column} is ${type}, not ${kind}`
  }
  const missing = known.key.find(column => !Object.hasOwn(columns, column))
  return missing === undefined ? undefined : `table ${name} has no column ${missing}, which is in its key`
}

/** Returns what is wrong with the key or the texts of a row; undefined if nothing is. The error names the column. */
export function rowError({ name, columns }: ArchivedTable, values: readonly unknown[]): string | undefined {
  const known = declared.find(table => table.name === name)
  if (!known) return undefined
  const { passwordHashes = [], parsed = [], key } = known
  for (const [index, column] of Object.keys(columns).entries()) {
    const value = values[index]
    if (value === null && key.includes(column)) return `${name}.${column}: it is null, and part of the key`
    const kind = known.columns[column]
    if (typeof value === 'string' && kind && isJson(kind) && readJson(value, kind) === undefined)
      return `${name}.${column}: ${kindProblems[kind]}`
    // Only where a deeper value can't be stored: an export of valid rows must remain importable.
    if (typeof value === 'string' && parsed.includes(column) && isTooDeep(value))
      return `${name}.${column}: it has more than 500 levels`
    const error =
      typeof value === 'string' && passwordHashes.includes(column) ? hashProblem(value) : undefined
    if (error !== undefined) return `${name}.${column}: ${error}`
  }
  return undefined
}

/** A hash may come from another server, through an edited export: one beyond the limits must not be stored. */
function hashProblem(text: string): string | undefined {
  const error = passwordHashError(text)
  return error && `${error.problem}; expected ${error.expected}`
}

/** Returns the key of a row for a message, such as `sub=alice`. */
export function keyText({ name, columns }: ArchivedTable, values: ArchivedRow): string {
  const key = declared.find(table => table.name === name)?.key ?? []
  return Object.keys(columns)
    .flatMap((column, index) => (key.includes(column) ? [`${column}=${values[index]}`] : []))
    .join(' ')
}

/** The setting that exists while an import is unfinished, so that no server starts on incomplete data. */
export const importBegun = 'import_begun'
