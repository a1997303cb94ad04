/**
 * The file of an export: JSON, one value on each line. A header, then for each table of each store its columns, its
 * rows and their count and SHA-256, then the total count and SHA-256. See docs/guides/backup.md.
 */

import type { ArchivedRow, ArchivedTable, ColumnType } from '../tables/archive.ts'

export const format = 1

export type Header = {
  readonly tessera_export: number
  readonly created_at: number
  /** Shows whether a master key opens sealed values; null if the store never had one. */
  readonly master_key_check: string | null
  /** The root keys, which a master key opens; omitted if the master key was never rotated. */
  readonly root_keys?: string
}
export type Opening = {
  /** Null: the server's own issuer. */
  readonly tenant: string | null
  readonly table: string
  readonly columns: Readonly<Record<string, ColumnType>>
}
export type Closing = { readonly rows: number; readonly sha256: string }
type Total = { readonly total: number; readonly sha256: string }

export type Line = Header | Opening | Closing | Total | readonly unknown[]

/** Reports a part of a file that an export would not have written. */
export class MalformedExport extends Error {}

export function encodeRow(row: ArchivedRow): string {
  const values = row.map(value =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : value,
  )
  return `${JSON.stringify(values)}\n`
}

/** @throws MalformedExport for a value that does not fit its column. */
export function decodeRow(values: readonly unknown[], { name, columns }: ArchivedTable): ArchivedRow {
  const kinds = Object.values(columns)
  if (values.length !== kinds.length)
    throw new MalformedExport(`a row of ${name} has ${values.length} values`)
  return values.map((value, index) => {
    if (value === null) return null
    const kind = kinds[index]
    if (kind === 'integer' && Number.isSafeInteger(value)) return value as number
    // Databases would replace a lone surrogate.
    if (kind === 'text' && typeof value === 'string' && value.isWellFormed()) return value
    const bytes = kind === 'bytes' && typeof value === 'string' ? Buffer.from(value, 'base64url') : undefined
    if (bytes && bytes.toString('base64url') === value) return new Uint8Array(bytes)
    throw new MalformedExport(`a row of ${name} has a value that is not of type ${kind}`)
  })
}

/** @throws MalformedExport for a text that is not a line of an export. */
export function parseLine(text: string): Line {
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch {
    throw new MalformedExport('a line is not JSON')
  }
  if (typeof line === 'object' && line !== null) return line as Line
  throw new MalformedExport('a line is neither a row nor a section header')
}

const kinds: ReadonlySet<unknown> = new Set<ColumnType>(['text', 'integer', 'bytes'])

export const isHeader = (line: Line): line is Header =>
  'tessera_export' in line &&
  typeof line.tessera_export === 'number' &&
  (line.master_key_check === null || typeof line.master_key_check === 'string') &&
  (line.root_keys === undefined || typeof line.root_keys === 'string')
export const isOpening = (line: Line): line is Opening =>
  'table' in line &&
  typeof line.table === 'string' &&
  (line.tenant === null || typeof line.tenant === 'string') &&
  typeof line.columns === 'object' &&
  line.columns !== null &&
  !Array.isArray(line.columns) &&
  Object.values(line.columns).every(kind => kinds.has(kind))
export const isClosing = (line: Line): line is Closing => 'rows' in line && typeof line.sha256 === 'string'
export const isTotal = (line: Line): line is Total => 'total' in line && typeof line.sha256 === 'string'
