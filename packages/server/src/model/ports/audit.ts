/** The port to the audit log. Records are only appended; the oldest can be removed, and personal members erased. */

import type { Awaitable } from '../../runtime/ports.ts'
import type { AuditRow } from '../audit-record.ts'

export type AuditRecords = {
  /** Returns the newest record. */
  readonly newest: () => Awaitable<AuditRow | undefined>
  /** Returns records in their order, from the one after `after`; with `sub`, those about this user. */
  readonly list: (page: {
    readonly after: number
    readonly limit: number
    readonly sub?: string | undefined
  }) => Awaitable<readonly AuditRow[]>
  /**
   * In one write, appends records and makes the changes that they report. Returns false, and changes nothing, unless the
   * first of them follows the newest stored record, and every event of `events` still waits.
   */
  readonly append: (rows: readonly AuditRow[], changes?: AuditChanges) => Promise<boolean>
}

type AuditChanges = {
  /** Ids of waiting events, which the records contain. They are removed. */
  readonly events?: readonly string[]
  /** Removes records up to this number. */
  readonly through?: number
  /** Erases the user and the personal members from all earlier records about this user. */
  readonly erased?: string
}

export type AuditStores = { readonly auditRecords: AuditRecords }
