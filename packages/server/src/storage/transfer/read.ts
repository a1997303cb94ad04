/** Reads an export, and checks each line against the checksums. */

import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { linesOf } from '../../runtime/async/lines.ts'
import { type ArchivedRow, type ArchivedTable, columnsError, rowError } from '../tables/archive.ts'
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
  throw new MalformedExport(`${file}: the file is truncated`)
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
      const rows = rowsOf(reading)
      const count = counts.get(keyOf(opening)) ?? 0
      yield { tenant: opening.tenant ?? undefined, table, count, rows }
    }
  } finally {
    await reading.return?.(undefined)
  }
}

async function* rowsOf(reading: AsyncIterator<Event>): AsyncIterable<readonly ArchivedRow[]> {
  let batch: ArchivedRow[] = []
  for (;;) {
    const next = await reading.next()
    if (next.done || next.value.kind !== 'row') break
    batch.push(next.value.row)
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
  | { readonly kind: 'row'; readonly row: ArchivedRow }
  | { readonly kind: 'closed'; readonly opening: Opening; readonly rows: number }
  | { readonly kind: 'total'; readonly rows: number; readonly sha256: string }

/** Parses the lines, and requires the order of an export. @throws MalformedExport with the file and the line. */
async function* events(file: string): AsyncGenerator<Event> {
  const read = createReader()
  let number = 0
  for await (const text of linesOf(createReadStream(file, 'utf8'))) {
    number++
    let event: Event
    try {
      event = read(text)
    } catch (error) {
      throw error instanceof MalformedExport
        ? new MalformedExport(`${file}:${number}: ${error.message}`)
        : error
    }
    yield event
  }
}

/** Returns a function that reads the lines one after another. It throws MalformedExport for a line that may not follow. */
function createReader(): (text: string) => Event {
  const whole = createHash('sha256')
  const opened = new Set<string>()
  let section: { readonly opening: Opening; readonly digest: Hash; rows: number } | undefined
  let place: 'start' | 'between' | 'end' = 'start'
  let total = 0

  function eventOf(line: Line, text: string): Event {
    if (place === 'end') throw new MalformedExport('unexpected lines after the total')
    if (place === 'start') {
      place = 'between'
      return { kind: 'header', header: headerOf(line) }
    }
    if (section && Array.isArray(line)) {
      section.digest.update(`${text}\n`)
      section.rows++
      return { kind: 'row', row: rowOf(line, tableOf(section.opening)) }
    }
    if (section) {
      const { opening, rows } = section
      requireClosing(line, section)
      total += rows
      section = undefined
      return { kind: 'closed', opening, rows }
    }
    if (isOpening(line)) {
      requireOnce(line, opened)
      section = { opening: line, digest: createHash('sha256'), rows: 0 }
      return { kind: 'opened', opening: line }
    }
    if (!isTotal(line)) throw new MalformedExport('unexpected line')
    const sha256 = whole.copy().digest('base64url')
    if (line.total !== total || line.sha256 !== sha256)
      throw new MalformedExport('the checksum of the file does not match')
    place = 'end'
    return { kind: 'total', rows: total, sha256 }
  }

  return text => {
    const event = eventOf(parseLine(text), text)
    whole.update(`${text}\n`)
    return event
  }
}

function rowOf(values: readonly unknown[], table: ArchivedTable): ArchivedRow {
  const row = decodeRow(values, table)
  const error = rowError(table, row)
  if (error === undefined) return row
  throw new MalformedExport(error)
}

/** Each table of a store has one section, whose columns this version has. */
function requireOnce(opening: Opening, opened: Set<string>): void {
  const error = columnsError(tableOf(opening))
  if (error !== undefined) throw new MalformedExport(error)
  const key = keyOf(opening)
  if (opened.has(key)) throw new MalformedExport(`table ${JSON.stringify(opening.table)} occurs twice`)
  opened.add(key)
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
