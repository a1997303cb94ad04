/**
 * Exports and deletes everything that is stored about one person, stored user or not (GDPR articles 15, 17 and 20). See
 * docs/decisions/0067-personal-data.md.
 */

import type { Seconds } from '@tessera/protocol/brand'
import { type JsonObject, ok, type Result, refuse } from '@tessera/protocol/result'
import type { AccountSettings } from '../model/account.ts'
import type { Events } from '../model/events.ts'
import { keptSections } from '../model/person.ts'
import type { Erasure, PersonRows, Stores } from '../model/ports/stores.ts'
import type { EndingWithin } from '../model/session.ts'
import type { Users } from '../model/user.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import { accessEnding, type EraseStoredUser } from './accounts.ts'
import type { AttributePerson } from './person-attribution.ts'

/** How many rows each section has. */
type RowCounts = Readonly<Record<string, number>>

/** The record of a person who is not stored here. */
type OutsideRecord = {
  readonly origin: 'configuration' | 'user_store'
  readonly username: string
  readonly tenant?: string
  readonly active: boolean
  readonly claims: JsonObject
}

/** The export. docs/guides/personal-data.md describes its members. */
type PersonalDocument = {
  readonly format: 'tessera-personal-data'
  readonly version: 1
  readonly issuer: string
  readonly tenant?: string
  readonly sub: string
  /** ISO 8601. */
  readonly exported_at: string
  readonly record?: OutsideRecord
  readonly stored: PersonRows
}

export type PersonalData = {
  /** Refuses `account_unknown` if nobody with the `sub` is known, and nothing is stored about them. */
  readonly exportData: (sub: string, actor: string) => Promise<Result<PersonalDocument>>
  /**
   * Returns what `erase` would delete. Refuses as it does.
   */
  readonly preview: (sub: string) => Promise<Result<RowCounts>>
  /**
   * Deletes everything in one write, and ends the person's access. Returns what was deleted. Refuses `account_unknown` if
   * nothing is stored, and `account_configured` for a user of the configuration.
   */
  readonly erase: (sub: string, actor: string) => Promise<Result<RowCounts>>
  readonly eraseStored: EraseStoredUser
  /** Deletes what requests wrote that began before a deletion. A background job. */
  readonly finish: () => Promise<void>
}

/** Values that a background round reads once for all erasures. */
type Round = { readonly now: Seconds; readonly opened: Awaited<ReturnType<AttributePerson['open']>> }

type PersonalDataPorts = {
  readonly issuer: string
  readonly tenant?: string | undefined
  /** Users of the configuration, by `sub`. */
  readonly configured: ReadonlySet<string>
  readonly stores: Pick<Stores, 'persons' | 'sessions' | 'authorizations'>
  readonly users: Pick<Users, 'find'>
  readonly attribution: AttributePerson
  readonly endingWithin: EndingWithin
  readonly settings: Pick<AccountSettings, 'changeEnds'>
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<Events, 'prepare' | 'emit'>
}

/** Longer than any request takes, also one that waits for a provider, a mail server or a hook. */
const requestsEnd: Seconds = 600

export function createPersonalData({
  issuer,
  tenant,
  configured,
  stores: { persons, sessions, authorizations },
  users,
  attribution,
  endingWithin,
  settings,
  clock,
  log,
  events,
}: PersonalDataPorts): PersonalData {
  const unknown = (sub: string) => refuse('invalid_request', 'account_unknown', { log: { sub } })
  const ending = () => ({
    ...accessEnding(endingWithin, settings),
    revokes: 'all' as const,
    everything: true,
  })

  async function find(sub: string, opened?: Round['opened']) {
    const rows = await persons.rows(sub, { mails: [], events: [], counters: [] })
    const attributed = attribution.attribute(sub, rows, opened ?? (await attribution.open()))
    return { rows, attributed: attributed.rows, sealed: attributed.contents }
  }

  const withAttributed = async (sub: string): Promise<PersonRows> => {
    const { attributed, sealed } = await find(sub)
    const rows = await persons.rows(sub, attributed)
    return Object.fromEntries(
      Object.entries(rows).map(([section, found]) => [
        section,
        found.map(row => ({ ...row, ...contentOf(section, row, sealed) })),
      ]),
    )
  }

  async function outsideRecord(sub: string): Promise<OutsideRecord | undefined> {
    const user = await users.find(sub)
    if (!user) return undefined
    const { username, active, claims } = user
    return {
      origin: configured.has(sub) ? 'configuration' : 'user_store',
      username,
      ...(user.tenant !== undefined && { tenant: user.tenant }),
      active,
      claims,
    }
  }

  async function preview(sub: string): Promise<Result<RowCounts>> {
    if (configured.has(sub)) return refuse('invalid_request', 'account_configured', { log: { sub } })
    const counts = countsOf(await withAttributed(sub))
    return Object.keys(counts).length > 0 ? ok(counts) : unknown(sub)
  }

  /** Resolves to false if there is no such stored user any more. */
  async function write(erasure: Erasure, stored: boolean, actor: string): Promise<boolean> {
    const { sub } = erasure
    const deleted = events.prepare('user.deleted', { sub, actor })
    const { attributed } = await find(sub)
    const options = { ending: ending(), attributed, erasure, stored }
    const ended = await persons.erase(sub, options, deleted.messages)
    if (!ended) return false
    deleted.happened()
    log.info('user_deleted', { sub, actor })
    endingWithin.ended(ended, 'deleted')
    return true
  }

  function begin(sub: string): Erasure {
    const now = clock.now()
    return { sub, erased_at: now, finish_at: now + requestsEnd }
  }

  /**
   * A person of a provider may have signed in again since, and out. What belongs to sign-ins before the deletion ends; the
   * rest is theirs.
   */
  async function finishOne(erasure: Erasure, { now, opened }: Round): Promise<void> {
    const { sub, erased_at, finish_at, returned_at } = erasure
    const { rows, attributed } = await find(sub, opened)
    const signIns = [...(rows.sessions ?? []), ...(rows.authorizations ?? [])]
    const isEarlier = ({ auth_time, signed_in_at = auth_time }: (typeof signIns)[number]) =>
      Date.parse(String(signed_in_at)) <= erased_at * 1000
    if (returned_at === undefined && signIns.every(isEarlier)) {
      const ended = await persons.erase(sub, { ending: ending(), attributed, erasure, stored: false })
      endingWithin.ended(ended ?? [], 'deleted')
    } else await endEarlier(signIns.filter(isEarlier))
    if (now >= finish_at) await persons.finish(sub)
  }

  async function endEarlier(signIns: PersonRows[string]): Promise<void> {
    for (const { sid, id } of signIns) {
      // An authorization may belong to a session, and a session has no id.
      if (id === undefined) {
        const ended = await sessions.end(String(sid), { ...endingWithin.ending(), revokes: 'all' })
        if (ended) endingWithin.ended([ended], 'deleted')
      } else await authorizations.revoke(id as never, clock.now())
    }
  }

  return {
    preview,
    async exportData(sub, actor) {
      const stored = await withAttributed(sub)
      // The rows are also found if the record is damaged.
      const record = stored.stored_users ? undefined : await outsideRecord(sub)
      if (!record && Object.keys(countsOf(stored)).length === 0) return unknown(sub)
      log.info('user_exported', { sub, actor })
      events.emit('user.exported', { sub, actor })
      return ok({
        format: 'tessera-personal-data',
        version: 1,
        issuer,
        ...(tenant !== undefined && { tenant }),
        sub,
        exported_at: new Date(clock.now() * 1000).toISOString(),
        ...(record && { record }),
        stored,
      })
    },
    async erase(sub, actor) {
      const found = await preview(sub)
      if (!found.ok) return found
      return (await write(begin(sub), found.value.stored_users !== undefined, actor)) ? found : unknown(sub)
    },
    eraseStored: async (sub, actor = 'application') =>
      (await write(begin(sub), true, actor)) ? ok(true) : unknown(sub),
    async finish() {
      const erasures = await persons.erasures()
      if (erasures.length === 0) return
      // The time is read first, so that the last round of an erasure follows every request that it waits for.
      const round = { now: clock.now(), opened: await attribution.open() }
      for (const erasure of erasures) await finishOne(erasure, round)
    },
  }
}

/** Returns what an export shows of a sealed row. */
const contentOf = (
  section: string,
  { id, event_id }: PersonRows[string][number],
  contents: ReadonlyMap<string, JsonObject>,
): JsonObject | undefined =>
  section === 'waiting_mails' || section === 'webhook_messages'
    ? contents.get(String(id ?? event_id))
    : undefined

/** Sections of which nothing is deleted are omitted. */
const countsOf = (rows: PersonRows): RowCounts =>
  Object.fromEntries(
    Object.entries(rows).flatMap(([section, found]) =>
      keptSections.has(section) ? [] : [[section, found.length] as const],
    ),
  )
