/** Verifies an audit log: each signature, and the order and completeness of the records. */

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { parseJsonObject } from '@tessera/protocol/json'
import type { AuditRow } from '../../model/audit-record.ts'
import { type AuditHead, type AuditRecord, hashText, headOf, isInRanges } from './record.ts'

type VerificationOptions = {
  /** A public Ed25519 key as a JWK (RFC 8037). */
  readonly publicKey: object
  /** Heads that were noted before. The log must contain each of them. */
  readonly heads?: readonly AuditHead[]
  /** Whether the rows are a part of the log: what is before and after them is unknown. */
  readonly isPart?: boolean
}

export type Verification = {
  /** Records that were verified. */
  readonly records: number
  /** Of them, those with erased personal members. */
  readonly erased: number
  readonly first?: number
  readonly head?: AuditHead
  /** The first record that is wrong, and what is wrong with it. */
  readonly fault?: { readonly seq: number; readonly problem: string }
}

type Rows = AsyncIterable<AuditRow> | Iterable<AuditRow>

/**
 * Reads rows in their order, up to the first that is wrong. Throws if the JWK is no key.
 * @param rows can be read more than once.
 */
export async function verifyAuditLog(
  rows: Rows,
  { publicKey: jwk, heads = [], isPart = false }: VerificationOptions,
): Promise<Verification> {
  const publicKey = createPublicKey({ key: jwk as Readonly<Record<string, string>>, format: 'jwk' })
  let [records, erased] = [0, 0]
  let first: number | undefined
  let head: AuditHead | undefined
  /** Where the oldest record begins, until a record says that those before were removed. */
  let start: { readonly seq: number; readonly previous: string | null } | undefined
  /** Records without their personal members, until a record says that they were erased. */
  const erasures = new Set<number>()
  /** Numbers of the records whose ids are not the highest until then, by id. Only they can be there twice. */
  const late = new Map<string, number>()
  let highest = ''
  const failed = (seq: number, problem: string): Verification => ({
    records,
    erased,
    ...(first !== undefined && { first }),
    ...(head && { head }),
    fault: { seq, problem },
  })

  for await (const row of rows) {
    const expected = head ? head.seq + 1 : row.seq
    const problem = textProblem(row, publicKey) ?? placeProblem(row.seq, expected)
    if (problem !== undefined) return failed(head ? Math.min(row.seq, expected) : row.seq, problem)
    const record = parseJsonObject(row.record) as unknown as AuditRecord
    if (head && record.previous !== head.hash)
      return failed(row.seq, `it does not follow the record ${head.seq}: one of them belongs to another log`)
    if (!head) {
      first = row.seq
      if (row.seq > 1) start = { seq: row.seq - 1, previous: record.previous }
      else if (record.previous !== null) return failed(row.seq, 'it is not the first record of a log')
    }
    const now = headOf(row)
    if (heads.some(({ seq, hash }) => seq === row.seq && hash !== now.hash))
      return failed(row.seq, 'it differs from the given head: the log was written again from some record on')
    if (late.has(record.id)) return failed(row.seq, storedAgain)
    if (record.id > highest) highest = record.id
    else late.set(record.id, row.seq)
    if (record.personal !== undefined && row.personal === undefined) {
      erasures.add(row.seq)
      erased += 1
    }
    if (record.type === 'audit.erased') forget(erasures, String(record.data.records))
    if (
      record.type === 'audit.pruned' &&
      record.data.through === start?.seq &&
      record.data.hash === start?.previous
    )
      start = undefined
    head = now
    records += 1
  }
  const repeated = await firstRepeated(rows, late)
  if (repeated !== undefined) return failed(repeated, storedAgain)
  const missing = heads.find(({ seq }) => seq > (head?.seq ?? 0))
  if (missing)
    return failed(
      (head?.seq ?? 0) + 1,
      `it is missing: the log ends before the given head ${missing.seq}, so its newest records were removed`,
    )
  if (!isPart && start)
    return failed(
      1,
      `the records up to ${start.seq} are missing, and no record says why (a part is verified with --part)`,
    )
  const [unexplained] = erasures
  if (!isPart && unexplained !== undefined)
    return failed(
      unexplained,
      'its personal members are missing, and no later record says that they were erased',
    )
  return { records, erased, ...(first !== undefined && { first }), ...(head && { head }) }
}

/** A waiting record is sealed, but someone can keep a copy, and store it again after it was appended. */
const storedAgain = 'it was stored again: an earlier record has its id'

/**
 * Returns the number of the first record that has the id of an earlier one. Reads the rows again, instead of keeping every id
 * in memory.
 * @param late numbers of those that can be repeated, by id.
 */
async function firstRepeated(rows: Rows, late: ReadonlyMap<string, number>): Promise<number | undefined> {
  if (late.size === 0) return undefined
  let first: number | undefined
  for await (const row of rows) {
    const { id } = parseJsonObject(row.record) as unknown as AuditRecord
    const seq = late.get(id) ?? 0
    if (row.seq < seq) first = Math.min(seq, first ?? seq)
  }
  return first
}

/** Returns what is wrong with a row by itself. */
export function textProblem(row: AuditRow, publicKey: KeyObject): string | undefined {
  const { record: text, personal, signature } = row
  if (!verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64url')))
    return 'its signature is wrong: it was changed, or another server made it'
  // Base64url has several spellings of the same bytes.
  if (Buffer.from(signature, 'base64url').toString('base64url') !== signature)
    return 'its signature is not spelled as it was made'
  const record = parseJsonObject(text) as AuditRecord | undefined
  if (record?.seq !== row.seq || record.type !== row.type || secondsOf(record.time) !== row.at)
    return 'its number, type or time differs from the signed record'
  if (personal === undefined)
    return row.sub === undefined ? undefined : 'it names a user, but the signed record does not'
  if (record.personal !== hashText(personal)) return 'its personal members were changed'
  return parseJsonObject(personal)?.sub === row.sub ? undefined : 'its user differs from the personal members'
}

function placeProblem(seq: number, expected: number): string | undefined {
  if (seq === expected) return undefined
  if (seq < expected)
    return `it appears again, or in the wrong place, where the record ${expected} is expected`
  return expected === seq - 1 ? 'it is missing' : `the records ${expected} to ${seq - 1} are missing`
}

const secondsOf = (time: string): number => Math.floor(Date.parse(time) / 1000)

function forget(erasures: Set<number>, ranges: string): void {
  for (const seq of erasures) if (isInRanges(ranges, seq)) erasures.delete(seq)
}
