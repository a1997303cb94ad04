/** Rows of the audit log. See docs/decisions/0065-audit-log.md. */

import type { Seconds } from '@tessera/protocol/brand'

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
