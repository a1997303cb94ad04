/** The text of audit records: their hashes, their order, and their signatures (Ed25519, RFC 8032). */

import { createHash, createHmac, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import type { JsonObject } from '@tessera/protocol/result'
import type { AuditRow } from '../../model/audit-record.ts'
import type { DerivedKeys } from '../../model/keys.ts'

/** A record before it is part of the chain. */
export type AuditDraft = {
  readonly id: string
  /** ISO 8601. */
  readonly time: string
  readonly issuer: string
  readonly tenant?: string | undefined
  readonly type: string
  readonly actor: JsonObject
  readonly request_id?: string | undefined
  readonly data: JsonObject
  /** The members that are erased with their user, with a salt. */
  readonly personal?: JsonObject | undefined
}

/** The signed members of a record. */
export type AuditRecord = Omit<AuditDraft, 'personal'> & {
  readonly seq: number
  /** The hash of the record before; null for the first one. */
  readonly previous: string | null
  /** The hash of the personal members. */
  readonly personal?: string
}

/** Identifies a configuration to who has the master key. Functions in it don't count. */
export function digestOf(value: object, derived: DerivedKeys): string {
  const text = JSON.stringify(value, (_name, part: unknown) =>
    part instanceof Map || part instanceof Set ? [...part] : part,
  )
  return createHmac('sha256', derived.permanent('audit-configuration')).update(text).digest('base64url')
}

/** Identifies a record, and through it all records before. */
export type AuditHead = { readonly seq: number; readonly hash: string }

export const hashText = (text: string): string =>
  createHash('sha256').update(text, 'utf8').digest('base64url')

export const headOf = ({ seq, record }: Pick<AuditRow, 'seq' | 'record'>): AuditHead => ({
  seq,
  hash: hashText(record),
})

/** The start of an Ed25519 private key in PKCS #8 (RFC 8410 §7), before its 32 bytes. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Returns the key that signs the log of an issuer. It is the same on every node, and never changes. */
export const auditKey = (derived: DerivedKeys): KeyObject =>
  createPrivateKey({
    key: Buffer.concat([pkcs8, derived.permanent('audit-log')]),
    format: 'der',
    type: 'pkcs8',
  })

/** Returns the public key as a JWK (RFC 8037). */
export function publicAuditKey(key: KeyObject): Readonly<Record<string, string>> {
  const { kty, crv, x } = createPublicKey(key).export({ format: 'jwk' }) as Readonly<Record<string, string>>
  return { kty: kty ?? '', crv: crv ?? '', x: x ?? '', use: 'sig', alg: 'EdDSA' }
}

/** Returns the rows that append these records to the log. */
export function chained(
  drafts: readonly AuditDraft[],
  newest: AuditRow | undefined,
  key: KeyObject,
): readonly AuditRow[] {
  let head = newest && headOf(newest)
  return drafts.map(({ personal, ...draft }) => {
    const seq = (head?.seq ?? 0) + 1
    const text = personal && JSON.stringify(personal)
    const body: AuditRecord = {
      seq,
      previous: head?.hash ?? null,
      ...draft,
      ...(text !== undefined && { personal: hashText(text) }),
    }
    const record = JSON.stringify(body)
    const sub = personal?.sub
    head = headOf({ seq, record })
    return {
      seq,
      at: Math.floor(Date.parse(draft.time) / 1000),
      type: draft.type,
      ...(typeof sub === 'string' && { sub }),
      record,
      ...(text !== undefined && { personal: text }),
      signature: sign(null, Buffer.from(record), key).toString('base64url'),
    }
  })
}

/** `3-7,9`, from ascending numbers. */
export function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const number of numbers) {
    const last = ranges.at(-1)
    if (last?.[1] === number - 1) last[1] = number
    else ranges.push([number, number])
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',')
}

/** Returns whether the ranges contain the number. */
export const isInRanges = (ranges: string, number: number): boolean =>
  ranges.split(',').some(range => {
    const [from = Number.NaN, to = from] = range.split('-').map(Number)
    return number >= from && number <= to
  })
