/** Reads an export, and checks each line against the checksums. */

import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { linesOf } from '../../runtime/async/lines.ts'
import { type ArchivedRow, type ArchivedTable, rowError } from '../tables/archive.ts'
import {
  decodeRow,
  format,
  type Header,
  isClosing,
  isHeader,
  isOpening,
  isTotal,
  type Line,
  MalformedExport,
  type Opening,
  parseLine,
} from './format.ts'
import type { Sections } from './sections.ts'

/** Rows in one batch. */
const batchSize = 500

export type Verified = {
  readonly header: Header
  /** The number of rows of each table of each store, by `keyOf`. */
  readonly counts: ReadonlyMap<string, number>
  readonly tables: ReadonlySet<string>
  readonly tenants: ReadonlySet<string>
  readonly rows: number
  readonly sha256: string
}

/** Reads the whole file. @throws MalformedExport unless it is complete and unchanged. */
export async function verifyExport(file: string): Promise<Verified> {
  const counts = new Map<string, number>()
  const tables = new Set<string>()
  const tenants = new Set<string>()
  let header: Header | undefined
  let total: { readonly rows: number; readonly sha256: string } | undefined
  for await (const event of events(file)) {
    if (event.kind === 'header') header = event.header
    if (event.kind === 'closed') {
      counts.set(keyOf(event.opening), event.rows)
      tables.add(event.opening.table)
      if (event.opening.tenant !== null) tenants.add(event.opening.tenant)
    }
    if (event.kind === 'total') total = event
  }
  if (header && total) return { header, counts, tables, tenants, rows: total.rows, sha256: total.sha256 }
  throw new MalformedExport('the file is truncated')
}

/** Returns the rows of a verified file. @throws MalformedExport if it has changed in the meantime. */
export async function* readExport(file: string, counts: Verified['counts']): Sections {
  const reading = events(file)[Symbol.asyncIterator]()
  try {
    for (let next = await reading.next(); !next.done; next = await reading.next()) {
      const event = next.value
      if (event.kind !== 'opened') continue
      const { opening } = event
      const table = tableOf(opening)
      const rows = rowsOf(reading, table)
      const count = counts.get(keyOf(opening)) ?? 0
      yield { tenant: opening.tenant ?? undefined, table, count, rows }
    }
  } finally {
    await reading.return?.(undefined)
  }
}

async function* rowsOf(
  reading: AsyncIterator<Event>,
  table: ArchivedTable,
): AsyncIterable<readonly ArchivedRow[]> {
  let batch: ArchivedRow[] = []
  for (;;) {
    const next = await reading.next()
    if (next.done || next.value.kind !== 'row') break
    batch.push(decodeRow(next.value.values, table))
    if (batch.length < batchSize) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

const tableOf = ({ table, columns }: Opening): ArchivedTable => ({ name: table, columns })
const keyOf = ({ tenant, table }: Opening): string => JSON.stringify([tenant, table])

type Event =
  | { readonly kind: 'header'; readonly header: Header }
  | { readonly kind: 'opened'; readonly opening: Opening }
  | { readonly kind: 'row'; readonly values: readonly unknown[] }
  | { readonly kind: 'closed'; readonly opening: Opening; readonly rows: number }
  | { readonly kind: 'total'; readonly rows: number; readonly sha256: string }

/** Parses the lines, and requires the order of an export. */
async function* events(file: string): AsyncGenerator<Event> {
  const whole = createHash('sha256')
  let section: { readonly opening: Opening; readonly digest: Hash; rows: number } | undefined
  let place: 'start' | 'between' | 'end' = 'start'
  let total = 0
  let number = 0

  for await (const text of linesOf(createReadStream(file, 'utf8'))) {
    const line = parseLine(text)
    number++
    if (place === 'end') throw new MalformedExport('unexpected lines after the total')
    if (place === 'start') {
      yield { kind: 'header', header: headerOf(line) }
      place = 'between'
    } else if (section) {
      if (Array.isArray(line)) {
        section.digest.update(`${text}\n`)
        section.rows++
        const error = rowError(tableOf(section.opening), line)
        if (error !== undefined) throw new MalformedExport(`line ${number}: ${error}`)
        yield { kind: 'row', values: line }
      } else {
        requireClosing(line, section)
        total += section.rows
        yield { kind: 'closed', opening: section.opening, rows: section.rows }
        section = undefined
      }
    } else if (isOpening(line)) {
      section = { opening: line, digest: createHash('sha256'), rows: 0 }
      yield { kind: 'opened', opening: line }
    } else if (isTotal(line)) {
      const sha256 = whole.copy().digest('base64url')
      if (line.total !== total || line.sha256 !== sha256)
        throw new MalformedExport('the checksum of the file does not match')
      yield { kind: 'total', rows: total, sha256 }
      place = 'end'
    } else throw new MalformedExport('unexpected line')
    whole.update(`${text}\n`)
  }
}

function headerOf(line: Line): Header {
  if (!isHeader(line)) throw new MalformedExport('this is not a Tessera export')
  if (line.tessera_export === format) return line
  throw new MalformedExport(
    `unsupported format ${line.tessera_export}; was this exported by a newer version?`,
  )
}

function requireClosing(
  line: Line,
  { opening, digest, rows }: { readonly opening: Opening; readonly digest: Hash; readonly rows: number },
): void {
  if (isClosing(line) && line.rows === rows && line.sha256 === digest.digest('base64url')) return
  throw new MalformedExport(`the checksum of table ${opening.table} does not match`)
}
