/** `tessera audit verify`, `tessera audit export`, `tessera audit erase` and `tessera audit key`. */

import { createPublicKey } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { parseJsonObject } from '@tessera/protocol/json'
import { escapedJson } from '../operations/output/escaped-text.ts'
import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import { linesOf } from '../runtime/async/lines.ts'
import type { AuditEraseFlags, AuditExportFlags, AuditVerifyFlags, ExitCode, IssuerFlags } from './command.ts'
import { withOpened } from './issuer.ts'
import { report } from './report.ts'

type Audit = typeof import('../app/audit-reading.ts')
type OpenAudit = Awaited<ReturnType<Audit['openAudit']>>
type Verification = Awaited<ReturnType<OpenAudit['verify']>>
type Head = Parameters<OpenAudit['verify']>[0]['heads'][number]
type Row = OpenAudit extends { readonly rows: () => AsyncIterable<infer Item> } ? Item : never

export async function verify(file: string | undefined, flags: AuditVerifyFlags): Promise<ExitCode> {
  const { config, key, from: fromText, to: toText } = flags
  const noted = headsOf(flags.head ?? [])
  if (!noted) return report('--head is no head; expected NUMBER:HASH, as "tessera audit verify" prints it', 2)
  const [from, to] = [fromText, toText].map(text => (text === undefined ? undefined : Number(text)))
  for (const number of [from, to])
    if (number !== undefined && !(Number.isSafeInteger(number) && number > 0))
      return report('--from and --to are numbers of records, from 1', 2)
  // A part says nothing about heads after it.
  const heads = noted.filter(({ seq }) => seq <= (to ?? seq))
  if (file === undefined) {
    if (config === undefined) return report('expected --config, or an exported file with --key', 2)
    return withAudit({ ...flags, config }, async audit => shown(await audit.verify({ from, to, heads })))
  }
  const { verifyAuditLog } = await import('../app/audit-reading.ts')
  const jwk = key === undefined ? undefined : await jwkOf(key)
  if (key !== undefined && !jwk) return report(`${key}: expected a JWK with kty, crv and x`)
  if (!jwk && config === undefined)
    return report('expected --key with the public key that "tessera audit key" prints, or --config', 2)
  const verified = async (publicKey: object): Promise<ExitCode> =>
    shown(
      await verifyAuditLog(
        { [Symbol.asyncIterator]: () => inRange(exportedRows(file), from, to) },
        {
          publicKey,
          heads,
          isPart: flags.part === true || from !== undefined || to !== undefined,
        },
      ),
    )
  try {
    return await (jwk
      ? verified(jwk)
      : withAudit({ ...flags, config: config! }, audit => verified(audit.publicKey())))
  } catch (error) {
    if (error instanceof MalformedLine) return report(`${file}: ${error.message}`)
    throw error
  }
}

export const key = (flags: IssuerFlags): Promise<ExitCode> =>
  withAudit(flags, async audit => {
    writeOutput(`${JSON.stringify(audit.publicKey())}\n`)
    return 0
  })

export const erase = ({ user, ...flags }: AuditEraseFlags): Promise<ExitCode> =>
  withAudit(flags, async audit => {
    const count = await audit.erase(user)
    if (count === 0) return report(`no record has personal members about the user ${JSON.stringify(user)}`)
    writeOutput(`erased records=${count}\n`)
    return 0
  })

export async function exportRecords(flags: AuditExportFlags): Promise<ExitCode> {
  const { since, until, type, actor, user, format } = flags
  const [start, end] = [since, until].map(text => (text === undefined ? undefined : Date.parse(text) / 1000))
  if (Number.isNaN(start) || Number.isNaN(end))
    return report('--since and --until are times, such as 2027-01-31T00:00:00Z', 2)
  return withAudit(flags, async audit => {
    let head: Head | undefined
    const { headOf } = await import('../app/audit-reading.ts')
    if (format === 'csv') writeOutput(`${columns.join(',')}\n`)
    for await (const row of audit.rows()) {
      head = headOf(row)
      if ((start !== undefined && row.at < start) || (end !== undefined && row.at >= end)) continue
      if (type && !type.includes(row.type)) continue
      if (user !== undefined && row.sub !== user) continue
      const { record, personal } = objectsOf(row)
      if (actor !== undefined && !Object.values(Object(record.actor)).includes(actor)) continue
      writeOutput(
        format === 'csv'
          ? `${csvOf(row, record, personal)}\n`
          : `${JSON.stringify({ record, ...(personal && { personal }), signature: row.signature })}\n`,
      )
    }
    // Apart from the records, so that it can be kept elsewhere.
    if (head) writeError(`head ${head.seq}:${head.hash}\n`)
    return 0
  })
}

type Record_ = {
  readonly id?: string
  readonly time?: string
  readonly seq?: number
  readonly type?: string
  readonly request_id?: string
  readonly actor?: Readonly<Record<string, unknown>>
  readonly data?: object
}

/** A row that somebody changed may be no JSON. It is exported without its members, and does not verify. */
const objectsOf = ({ record, personal }: Row) => ({
  record: (parseJsonObject(record) ?? {}) as Record_,
  personal: personal === undefined ? undefined : (parseJsonObject(personal) ?? {}),
})

const columns = ['seq', 'time', 'type', 'actor', 'client_id', 'os_user', 'sub', 'request_id', 'data'] as const

function csvOf(row: Row, { time, actor, request_id, data }: Record_, personal: object = {}): string {
  const { salt: _, ...shown } = personal as Readonly<Record<string, unknown>>
  const { kind, client_id, os_user } = Object(actor)
  const values = [row.seq, time, row.type, kind, client_id, os_user, row.sub, request_id]
  return [...values, JSON.stringify({ ...data, ...shown })].map(cellOf).join(',')
}

/** A cell can't be a formula of a spreadsheet. */
function cellOf(value: unknown): string {
  const text = value === undefined ? '' : String(value)
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return `"${safe.replaceAll('"', '""')}"`
}

function shown({ records, erased, first, head, fault }: Verification): ExitCode {
  if (fault)
    return report(
      `the audit log is not intact: record ${fault.seq}: ${fault.problem} (${records} records were checked and are right)`,
    )
  if (!head) {
    writeOutput('the audit log is empty\n')
    return 0
  }
  writeOutput(`verified records=${records} first=${first} erased=${erased}\nhead ${head.seq}:${head.hash}\n`)
  return 0
}

const headsOf = (texts: readonly string[]): readonly Head[] | undefined => {
  const heads = texts.flatMap(text => {
    const [, seq, hash] = /^(\d{1,15}):([\w-]{43})$/.exec(text) ?? []
    return seq === undefined || hash === undefined ? [] : [{ seq: Number(seq), hash }]
  })
  return heads.length === texts.length ? heads : undefined
}

async function jwkOf(file: string): Promise<object | undefined> {
  const text = await readFile(file, 'utf8')
  try {
    const jwk = JSON.parse(text) as Readonly<Record<string, unknown>> | null
    if (jwk?.crv !== 'Ed25519') return undefined
    createPublicKey({ key: jwk, format: 'jwk' })
    return jwk
  } catch {
    return undefined
  }
}

class MalformedLine extends Error {}

async function* exportedRows(file: string): AsyncIterable<Row> {
  let number = 0
  for await (const line of linesOf(createReadStream(file, 'utf8'))) {
    number += 1
    if (line.trim() !== '') yield rowOf(line, number)
  }
}

/**
 * The objects are written as they were signed, so that their text is found again. A line with anything else, such as a member
 * twice, is refused: another program could show what is not signed.
 */
function rowOf(line: string, number: number): Row {
  const malformed = new MalformedLine(
    `line ${number} is no record as it was exported; expected a line of "tessera audit export --format ndjson"`,
  )
  let value: {
    readonly record?: Record_
    readonly personal?: { readonly sub?: unknown }
    readonly signature?: unknown
  }
  try {
    value = JSON.parse(line)
  } catch {
    throw malformed
  }
  const { record, personal, signature } = value ?? {}
  const { seq, type, time } = record ?? {}
  if (
    !Number.isSafeInteger(seq) ||
    Number(seq) < 1 ||
    typeof type !== 'string' ||
    typeof time !== 'string' ||
    typeof signature !== 'string' ||
    !isWrittenAs(line, { record, ...(personal && { personal }), signature })
  )
    throw malformed
  return {
    seq: Number(seq),
    type,
    at: Math.floor(Date.parse(time) / 1000),
    record: JSON.stringify(record),
    signature,
    ...(personal !== undefined && { personal: JSON.stringify(personal) }),
    ...(typeof personal?.sub === 'string' && { sub: personal.sub }),
  }
}

/** An export escapes control characters; those of earlier versions did not. */
function isWrittenAs(line: string, value: object): boolean {
  const json = JSON.stringify(value)
  return line === json || line === escapedJson(json)
}

async function* inRange(
  rows: AsyncIterable<Row>,
  from = 1,
  to = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<Row> {
  for await (const row of rows) if (row.seq >= from && row.seq <= to) yield row
}

const withAudit = (flags: IssuerFlags, use: (audit: OpenAudit) => Promise<ExitCode>): Promise<ExitCode> =>
  withOpened(
    flags,
    'audit records',
    async (...issuer) => (await import('../app/audit-reading.ts')).openAudit(...issuer),
    use,
  )
