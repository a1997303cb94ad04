/**
 * Audit records that wait to be chained. They are stored like events for webhooks, in the transaction of what they report
 * where there is one, and sealed, so that nobody without the master key can make or read one.
 */

import { randomBytes } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import {
  type AuditData,
  type AuditType,
  isAudited,
  isAuditedByStrangers,
  isAuditedByUsersAtClients,
} from '../../model/audit.ts'
import { type AuditDetails, type AuditSettings, auditEndpoint } from '../../model/audit-record.ts'
import type { EventType } from '../../model/events.ts'
import { newTimedId } from '../../model/handle.ts'
import type { Sealing } from '../../model/keys.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { WebhookMessage } from '../../model/webhook.ts'
import { asServer, currentOrigin } from '../../runtime/async/origin.ts'
import { serial } from '../../runtime/async/promises.ts'
import { type LoggedNetwork, networkKeys, shortenedNetwork } from '../../runtime/network.ts'
import type { Clock, Random } from '../../runtime/ports.ts'
import type { AuditDraft } from './record.ts'

export type WaitingAudit = {
  readonly takes: (type: EventType | AuditType) => boolean
  /** Returns the record to store; nothing if strangers, or the user, have caused too many. */
  readonly messagesOf: (
    type: EventType | AuditType,
    data: object,
    details?: AuditDetails,
  ) => readonly WebhookMessage[]
  /** Stores records in one write. Resolves when they are durable. */
  readonly add: <Type extends AuditType>(type: Type, ...data: readonly AuditData[Type][]) => Promise<void>
  /**
   * Stores how many records were left out because strangers or users had caused too many: once a minute is over, or
   * immediately. The counts are kept until they are durable.
   */
  readonly reportOmitted: (when?: 'after_a_minute' | 'immediately') => Promise<void>
  readonly draftOf: (type: AuditType, data: object) => AuditDraft
  /** Opens a stored record. One that can't be opened becomes a record that says so. */
  readonly open: (message: WebhookMessage) => AuditDraft
  /** Returns false if only other processes have the root key that sealed the record. */
  readonly isOpenable: (message: WebhookMessage) => boolean
}

export type WaitingAuditPorts = {
  readonly issuer: string
  readonly tenant?: string | undefined
  readonly settings: AuditSettings
  readonly network: LoggedNetwork
  readonly stores: Pick<Stores, 'webhookMessages'>
  readonly sealing: Sealing
  readonly clock: Clock
  readonly random: Random
}

/**
 * Records in a minute, in one process, that strangers can cause; and those of one network, so that it hides no others. A
 * customer with a /48 of IPv6 can cause four times as many.
 */
const mostByStrangers = 300
const mostOfNetwork = 60
/**
 * Records of one type in a minute, in one process, that a user can cause at pages, and by replays and revocations at a
 * client. Records stay for months, and someone who posts one form again and again causes hundreds in a second. Each type
 * has its own count, so that none hides another.
 */
const mostOfUser = 60
const span: Seconds = 60
/** Records wait until they are chained, however long no server runs: the year 9999. */
const never: Seconds = 253_402_300_799

/** Members that are about a person. They are apart from the signed text, which has their hash. */
const personalMembers: ReadonlySet<string> = new Set(['sub', 'sid', 'changes', 'network', 'identity'])

export function createWaitingAudit(ports: WaitingAuditPorts): WaitingAudit {
  const { issuer, tenant, settings, stores, sealing, clock, random } = ports
  let current = newSpan(0)
  /** How many records of each type were left out, until that is stored; those of users by user. */
  const omitted = new Map<string, Omitted>()
  let isReportDue = false
  const inOrder = serial()

  let made = 0
  /** Ids sort by time and, of one process, in the order in which they are made. */
  function newRecordId(): string {
    made = (made + 1) % 36 ** 4
    const id = newTimedId<string>(random)
    return `aud_${id.slice(0, 8)}${made.toString(36).padStart(4, '0')}${id.slice(8)}`
  }

  function draftOf(type: EventType | AuditType, data: object, details?: AuditDetails): AuditDraft {
    const { actor, request_id, network } = currentOrigin()
    const { request_id: given, ...members } = data as JsonObject & { readonly request_id?: string }
    const shown = network === undefined ? undefined : networkAs(ports.network, network)
    const all: JsonObject = {
      ...members,
      ...(details && { changes: details.changes }),
      ...(shown !== undefined && { network: shown }),
    }
    // The user can also be who acted: `actor` of a user who deletes the own account.
    const isPersonal = (name: string): boolean =>
      typeof all.sub === 'string' && (personalMembers.has(name) || all[name] === all.sub)
    const part = (personal: boolean): JsonObject =>
      Object.fromEntries(Object.entries(all).filter(([name]) => isPersonal(name) === personal))
    return {
      id: newRecordId(),
      time: new Date(clock.now() * 1000).toISOString(),
      issuer,
      ...(tenant !== undefined && { tenant }),
      type,
      actor: actor as JsonObject,
      request_id: given ?? request_id,
      data: part(false),
      ...(typeof all.sub === 'string' && {
        personal: { salt: randomBytes(16).toString('base64url'), ...part(true) },
      }),
    }
  }

  const messageOf = (draft: AuditDraft): WebhookMessage => ({
    event_id: draft.id,
    endpoint: auditEndpoint,
    sealed: sealing.seal(JSON.stringify(draft), nameOf(draft.id)),
    attempts: 0,
    due_at: clock.now(),
    expires_at: never,
  })

  /** Begins a minute if the last one is over. Returns whether it was. */
  function renewSpan(): boolean {
    const now = clock.now()
    if (Math.abs(now - current.since) < span) return false
    current = newSpan(now)
    isReportDue ||= omitted.size > 0
    return true
  }

  function omit(type: string, sub?: string, change = 1): void {
    const key = JSON.stringify([type, sub])
    const count = (omitted.get(key)?.count ?? 0) + change
    if (count === 0) omitted.delete(key)
    else omitted.set(key, { type, count, ...(sub !== undefined && { sub }) })
  }

  const reportOmitted = (when = 'after_a_minute'): Promise<void> =>
    inOrder(async () => {
      renewSpan()
      if (!isReportDue && when === 'after_a_minute') return
      isReportDue = false
      const reported = [...omitted.values()]
      if (reported.length === 0) return
      try {
        const draftsOf = () => reported.map(data => draftOf('audit.omitted', data))
        await stores.webhookMessages.add(asServer(draftsOf).map(messageOf))
      } catch (error) {
        isReportDue = true
        throw error
      }
      for (const { type, sub, count } of reported) omit(type, sub, -count)
    })

  /** Returns whether a record that strangers cause may be stored, and counts it. */
  function admitsStranger(type: string): boolean {
    const { network = '' } = currentOrigin()
    const { count, networks } = current
    const limits = networkKeys('audit records', network, { most: mostOfNetwork, span })
    if (count < mostByStrangers && limits.every(({ key, most }) => (networks.get(key) ?? 0) < most)) {
      current.count += 1
      for (const { key } of limits) networks.set(key, (networks.get(key) ?? 0) + 1)
      return true
    }
    omit(type)
    return false
  }

  /** Returns whether a record that a user causes may be stored, and counts it. */
  function admitsUser(type: string, sub: string): boolean {
    const key = JSON.stringify([type, sub])
    const count = current.users.get(key) ?? 0
    if (count < mostOfUser) current.users.set(key, count + 1)
    else omit(type, sub)
    return count < mostOfUser
  }

  function messagesOf(
    type: EventType | AuditType,
    data: object,
    details?: AuditDetails,
  ): readonly WebhookMessage[] {
    const { sub } = data as { readonly sub?: unknown }
    const isByStranger = isAuditedByStrangers(type)
    const isByUser = isAuditedByUsersAtClients(type) || currentOrigin().actor.kind === 'browser'
    const user = isByUser && typeof sub === 'string' ? sub : undefined
    if (!isByStranger && user === undefined) return [messageOf(draftOf(type, data, details))]
    // For a process without jobs. If it fails, the next minute or the end of the process tries again.
    if (renewSpan()) void reportOmitted().catch(() => {})
    const admits = isByStranger ? admitsStranger(type) : admitsUser(type, user!)
    return admits ? [messageOf(draftOf(type, data, details))] : []
  }

  return {
    takes: type => isAudited(settings, type),
    reportOmitted,
    messagesOf,
    draftOf,
    async add(type, ...data) {
      if (isAudited(settings, type) && data.length > 0)
        await stores.webhookMessages.add(data.flatMap(one => messagesOf(type, one)))
    },
    isOpenable: ({ sealed }) => !sealing.isOfNewerKey(sealed),
    open({ event_id, sealed }) {
      try {
        return JSON.parse(sealing.open(sealed, nameOf(event_id))) as AuditDraft
      } catch {
        return draftOf('audit.unreadable', { event_id })
      }
    },
  }
}

type Omitted = AuditData['audit.omitted']

const newSpan = (since: Seconds) => ({
  since,
  count: 0,
  /** How many each network caused. */
  networks: new Map<string, number>(),
  /** How many of each type each user caused. */
  users: new Map<string, number>(),
})

const nameOf = (id: string): string => `audit ${id}`

const networkAs = (setting: LoggedNetwork, network: string): string | undefined =>
  ({ full: network, shortened: shortenedNetwork(network), none: undefined })[setting]
