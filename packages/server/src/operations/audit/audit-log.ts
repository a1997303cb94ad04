/**
 * The audit log of one issuer. Records wait beside events until one process appends them to the chain; of several that do
 * so at the same time, one succeeds. See docs/decisions/0065-audit-log.md.
 */

import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { AuditType } from '../../model/audit.ts'
import { type AuditRow, auditEndpoint } from '../../model/audit-record.ts'
import type { AuditRecords, Stores } from '../../model/ports/stores.ts'
import type { WebhookMessage } from '../../model/webhook.ts'
import { createDeference } from '../../runtime/async/deference.ts'
import type { Log } from '../../runtime/ports.ts'
import { type AuditHead, chained, headOf, publicAuditKey, rangesOf } from './record.ts'
import { textProblem } from './verification.ts'
import { createWaitingAudit, type WaitingAudit, type WaitingAuditPorts } from './waiting.ts'

export type AuditLog = WaitingAudit & {
  /** Appends the records that wait, and removes those that are older than the retention. Resolves to how many were appended. */
  readonly run: () => Promise<number>
  /**
   * Erases the personal members from all records about this user, in one write with a record of that. Resolves to the
   * number of records; the log remains verifiable. Waits for records about them that another process is appending. Rejects
   * if that takes longer than its lease, and if one of the records was changed. Call it after everything about the user was
   * written.
   */
  readonly erase: (sub: string) => Promise<number>
  /** The public key that verifies the records, as a JWK. */
  readonly publicKey: () => Readonly<Record<string, string>>
}

type AuditLogPorts = WaitingAuditPorts & {
  readonly stores: Pick<Stores, 'webhookMessages' | 'auditRecords' | 'persons'>
  /** Creates the key on first use. */
  readonly key: () => KeyObject
  readonly log: Log
}

const batch = 200
/** How long the records of a process that crashed wait for another one. */
const lease: Seconds = 30
const day: Seconds = 86_400
const attempts = 20
/** Milliseconds between looks for records that another process is appending, and how many until its lease has expired. */
const pause = 100
const looks = (lease * 1000) / pause + 50
const ofConfiguration: ReadonlySet<AuditType> = new Set(['configuration.started', 'configuration.applied'])

export function createAuditLog(ports: AuditLogPorts): AuditLog {
  const { settings, clock, log } = ports
  const { auditRecords, webhookMessages, persons } = ports.stores
  const waiting = createWaitingAudit(ports)
  const others = createDeference(clock)
  let signingKey: KeyObject | undefined
  const key = (): KeyObject => {
    signingKey ??= ports.key()
    return signingKey
  }
  /** The newest record that this process has appended or read. */
  let seen: AuditHead | undefined
  let prunedAt: Seconds = 0

  /** Returns the newest record. Logs an error if one that this process has seen is gone. */
  async function newest(): Promise<AuditRow | undefined> {
    // Read before: another call may see a newer record while this one waits.
    const before = seen
    const row = await auditRecords.newest()
    if (!before || (await isThere(before, row))) note(row)
    else {
      log.error('audit_log_truncated', { newest: row?.seq ?? 0, seen: before.seq, hash: before.hash })
      seen = row && headOf(row)
    }
    return row
  }

  function note(row: AuditRow | undefined): void {
    if (row && row.seq > (seen?.seq ?? 0)) seen = headOf(row)
  }

  async function append(...[rows, changes]: Parameters<AuditRecords['append']>): Promise<boolean> {
    const done = await auditRecords.append(rows, changes)
    if (done) note(rows.at(-1))
    return done
  }

  /** Other processes may have appended records in the place of those that were removed. */
  async function isThere({ seq, hash }: AuditHead, last: AuditRow | undefined): Promise<boolean> {
    if (!last || last.seq < seq) return false
    const [row] = last.seq === seq ? [last] : await auditRecords.list({ after: seq - 1, limit: 1 })
    // It may have been removed after its time.
    return row?.seq !== seq || headOf(row).hash === hash
  }

  /** Retries `write` until no other process has appended a record at the same time. */
  async function appended<Value>(
    write: (last: AuditRow | undefined) => Promise<Value | undefined>,
  ): Promise<Value> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const value = await write(await newest())
      if (value !== undefined) return value
    }
    throw new Error('the audit log was written by too many processes at the same time')
  }

  async function seal(): Promise<number> {
    await waiting.reportOmitted()
    let total = 0
    while (!others.mustWait()) {
      const now = clock.now()
      if (!(await webhookMessages.anyDue(auditEndpoint, now))) return total
      const claimed = await webhookMessages.claim(auditEndpoint, now, now + lease, batch)
      if (claimed.length === 0) return total
      const mine = claimed.filter(waiting.isOpenable)
      if (mine.length < claimed.length)
        await leaveToOthers(claimed.filter(message => !waiting.isOpenable(message)))
      if (mine.length === 0) return total
      await appendAll(mine)
      total += mine.length
    }
    return total
  }

  /**
   * Appends the records of these messages. Whenever another process was faster, the next attempt has half as many: they are
   * signed sooner, so that a slow process succeeds beside a fast one.
   */
  async function appendAll(messages: readonly WebhookMessage[]): Promise<void> {
    let left = messages
      .map(message => ({ event: message.event_id, draft: waiting.open(message) }))
      .toSorted(({ draft: one }, { draft: other }) => (one.time + one.id < other.time + other.id ? -1 : 1))
    while (left.length > 0) {
      let most = 2 * left.length
      const done = await appended(async last => {
        most = Math.ceil(most / 2)
        const next = left.slice(0, most)
        const rows = chained(
          next.map(({ draft }) => draft),
          last,
          key(),
        )
        return (await append(rows, { events: next.map(({ event }) => event) })) ? rows.length : undefined
      })
      left = left.slice(done)
    }
  }

  async function leaveToOthers(messages: readonly WebhookMessage[]): Promise<void> {
    others.defer()
    for (const message of messages) await webhookMessages.postpone(message, clock.now())
  }

  /** Returns whether a record about the user waits, claimed by another process, or one that only others can open. */
  async function waitsAbout(sub: string): Promise<boolean> {
    for (let after = { event_id: '', endpoint: '' }, more = true; more; ) {
      const page = await persons.messages(after, batch)
      for (const message of page)
        if (
          message.endpoint === auditEndpoint &&
          (!waiting.isOpenable(message) || waiting.open(message).personal?.sub === sub)
        )
          return true
      more = page.length === batch
      after = page.at(-1) ?? after
    }
    return false
  }

  /** Resolves when every record about the user that was stored before is part of the log. */
  async function sealAllAbout(sub: string): Promise<void> {
    for (let look = 0; look < looks; look++) {
      await seal()
      if (!(await waitsAbout(sub))) return
      await new Promise(resolve => setTimeout(resolve, pause))
    }
    throw new Error('another process is appending records about the user; run the command again')
  }

  /** Throws if the row was changed: someone could hide records by naming another user in them, who is erased later. */
  function requireIntact(row: AuditRow): void {
    const problem = textProblem(row, createPublicKey(key()))
    if (problem !== undefined)
      throw new Error(`the audit log is not intact: record ${row.seq}: ${problem}; nothing was erased`)
  }

  async function prune(): Promise<void> {
    const before = clock.now() - settings.retention
    const [oldest] = await auditRecords.list({ after: 0, limit: 1 })
    // A day of grace, so that a log that only has such records does not get one for each that is removed.
    if (!oldest || oldest.at >= before - day) return
    let last: AuditRow | undefined
    const publicKey = createPublicKey(key())
    for (let after = 0, more = true; more; ) {
      const rows = await auditRecords.list({ after, limit: batch })
      // Up to the first younger one: a clock may have been wrong, or a record may have waited for days. A changed one is
      // kept as evidence: otherwise, an earlier time in the column would remove it.
      const young = rows.findIndex(row => row.at >= before || textProblem(row, publicKey) !== undefined)
      const old = young < 0 ? rows : rows.slice(0, young)
      last = old.at(-1) ?? last
      more = old.length === batch
      after = old.at(-1)?.seq ?? after
    }
    if (!last) return
    const { seq: through, hash } = headOf(last)
    await appended(async previous => {
      const rows = chained([waiting.draftOf('audit.pruned', { through, hash })], previous, key())
      return (await append(rows, { through })) || undefined
    })
    log.info('audit_log_pruned', { through, hash })
  }

  return {
    ...waiting,
    async add(type, ...data) {
      // Otherwise, nobody could see that a log was turned off. One that was never on remains empty.
      if (settings.enabled || !ofConfiguration.has(type)) return waiting.add(type, ...data)
      const isBegun = (await webhookMessages.anyDue(auditEndpoint, clock.now())) || (await newest())
      if (isBegun) await webhookMessages.add(data.flatMap(one => waiting.messagesOf(type, one)))
    },
    publicKey: () => publicAuditKey(key()),
    async run() {
      const count = await seal()
      if (settings.enabled && Math.abs(clock.now() - prunedAt) >= day) {
        await prune()
        prunedAt = clock.now()
      }
      return count
    },
    async erase(sub) {
      await sealAllAbout(sub)
      return appended(async last => {
        const numbers: number[] = []
        for (let after = 0, more = true; more; ) {
          const rows = await auditRecords.list({ after, limit: batch, sub })
          for (const row of rows) requireIntact(row)
          numbers.push(...rows.map(({ seq }) => seq))
          more = rows.length === batch
          after = rows.at(-1)?.seq ?? after
        }
        if (numbers.length === 0) return 0
        const data = { records: rangesOf(numbers), count: numbers.length }
        const rows = chained([waiting.draftOf('audit.erased', data)], last, key())
        return (await append(rows, { erased: sub })) ? numbers.length : undefined
      })
    },
  }
}
