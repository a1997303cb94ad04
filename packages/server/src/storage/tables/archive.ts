/** The ports of export and import: a store as tables, row by row. */

import type { Archive } from './table.ts'
import { type TableName, tables } from './tables.ts'

/** `bytes`: base64url in a file. */
export type ArchivedKind = 'text' | 'integer' | 'bytes'

/** A table as a database or a file has it, which may be of another version than {@link tables}. */
export type ArchivedTable = {
  readonly name: string
  readonly columns: Readonly<Record<string, ArchivedKind>>
}

/** In the order of the table's columns. */
export type ArchivedRow = readonly (string | number | Uint8Array | null)[]

/** Numbers of rows: added, there already, or left out because another row has their key or their name. */
export type Added = { readonly added: number; readonly same: number; readonly other: number }

/** One issuer's store to read from. All reads see it at one moment, while servers go on writing. */
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
  /** Keeps a row that exists as it is. Rejects for a column that the table does not have. */
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
  /** Rejects if there is none. */
  readonly source: (tenant?: string) => Promise<ArchiveSource>
  /** Creates the store if there is none. */
  readonly target: (tenant?: string) => Promise<ArchiveTarget>
  readonly close: () => Promise<void>
}

export type ArchivedNoun = (typeof tables)[TableName]['archive']['noun']

type Declared = { readonly name: string; readonly archive: Archive<ArchivedNoun> }

// Derived rows last: rows of other tables bring them along, so they must not be there before.
const declared: readonly Declared[] = Object.values<Declared>(tables).toSorted(
  (one, other) => Number(one.archive.derived ?? false) - Number(other.archive.derived ?? false),
)

const nounsWhere = (
  applies: (archive: Archive<ArchivedNoun>) => boolean | undefined,
): ReadonlySet<ArchivedNoun> =>
  new Set(declared.flatMap(({ archive }) => (applies(archive) ? [archive.noun] : [])))

export const everyNoun = nounsWhere(() => true)
export const addableNouns = nounsWhere(({ addable }) => addable)
export const unsealedNouns = nounsWhere(({ unsealed }) => unsealed)
export const initialNouns = nounsWhere(({ initial }) => initial)

export const isArchivedNoun = (name: string): name is ArchivedNoun => everyNoun.has(name as ArchivedNoun)

/** Returns the tables of these nouns in the order in which an import fills them. */
export const tablesOf = (nouns: ReadonlySet<ArchivedNoun>): readonly string[] =>
  declared.flatMap(({ name, archive }) => (nouns.has(archive.noun) ? [name] : []))

/** Returns the noun of a table; undefined for a table that this version does not have. */
export const nounOf = (table: string): ArchivedNoun | undefined =>
  declared.find(({ name }) => name === table)?.archive.noun

/** The setting that exists while an import is unfinished: no server starts on half of one. */
export const importBegun = 'import_begun'
