/** Rows and settings of the audit log. See docs/decisions/0065-audit-log.md. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Json } from '@tessera/protocol/result'

/** Names the audit log where stored events name their webhook. Webhooks are named by hashes, which are longer. */
export const auditEndpoint = 'audit'

/** One record of the audit log, as it is stored. */
export type AuditRow = {
  /** From 1, without gaps. */
  readonly seq: number
  readonly at: Seconds
  readonly type: string
  /** The user that it is about; omitted if there is none, or if the personal members were erased. */
  readonly sub?: string
  /** The signed JSON text. It contains the hash of the record before, and the hash of `personal`. */
  readonly record: string
  /** A JSON text with the personal members and a salt; omitted if there are none, or if they were erased. */
  readonly personal?: string
  /** Ed25519 over `record`, in base64url. */
  readonly signature: string
}

/** Values before and after a change, for events whose members only name them. They contain no secret. */
export type AuditDetails = {
  readonly changes: Readonly<Record<string, { readonly from?: Json; readonly to?: Json }>>
}

/** Returns the values of these members before and after a change. */
export const changesBetween = (
  before: Readonly<Record<string, Json | undefined>>,
  after: Readonly<Record<string, Json | undefined>>,
  names: readonly string[],
): AuditDetails => ({
  changes: Object.fromEntries(
    names.map(name => {
      const [from, to] = [before[name], after[name]]
      return [name, { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }]
    }),
  ),
})

export type AuditSettings = {
  readonly enabled: boolean
  /** Whether tokens that are issued, refused and revoked are recorded. */
  readonly tokens: boolean
  /** Seconds that records are kept. */
  readonly retention: Seconds
}
