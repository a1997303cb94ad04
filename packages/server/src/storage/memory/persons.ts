/** Everything that is stored about one person, in memory. */

import { auditEndpoint } from '../../model/audit-record.ts'
import type { AttributedRows, PersonStores, Persons } from '../../model/ports/stores.ts'
import { personParameters } from '../tables/person-parameters.ts'
import { type Owner, personalTables, type ShownRow, shownRow } from '../tables/personal.ts'
import { mentionsOther } from '../tables/personal-conditions.ts'
import { userKinds } from '../tables/user-status.ts'
import { endAccess } from './sessions.ts'
import type { MemoryTable, Tables } from './tables.ts'
import { storeMessages } from './webhooks.ts'

type Row = Readonly<Record<string, unknown>>

export const createPersonStores = (tables: Tables): PersonStores => ({ persons: createPersons(tables) })

function createPersons(tables: Tables): Persons {
  const { storedUsers, principals, erasures, waitingMails, webhookMessages, registeredClients } = tables
  const tableOf = (name: keyof Tables) => tables[name] as unknown as MemoryTable<Row>

  function remove(owners: readonly Owner[], conditions: Conditions): void {
    for (const { name, owner, kept } of personalTables)
      if (owners.includes(owner) && kept === undefined) tableOf(name).deleteWhere(conditions[owner](name))
  }

  return {
    rows(sub, attributed) {
      const conditions = conditionsOf(tables, sub, attributed)
      const found = personalTables.map((table): [string, readonly ShownRow[]] => [
        table.section,
        tableOf(table.name)
          .filter(conditions[table.owner](table.name))
          .map(row => shownRow(table, row)),
      ])
      return Object.fromEntries(found.filter(([, rows]) => rows.length > 0))
    },
    // No `await` in here, so that nothing can happen in between.
    async erase(sub, { ending, attributed, erasure, stored }, messages) {
      const conditions = conditionsOf(tables, sub, attributed)
      const removed = storedUsers.delete(sub)
      if (stored && !removed) return undefined
      if (removed) principals.put({ kind: 'stored_user', id: sub, stands: 0 })
      remove(['upstream', 'linking_session', 'caller'], conditions)
      const ended = endAccess(tables, sub, ending)
      remove(['authorization', 'claims'], conditions)
      remove(['sub', 'session'], conditions)
      for (const { used_by: _, ...client } of registeredClients.filter(
        conditions.last_user('registeredClients'),
      ))
        registeredClients.put(client)
      erasures.put(erasure)
      storeMessages(tables, messages)
      return ended
    },
    erasures: () => [...erasures.values()],
    async finish(sub) {
      erasures.delete(sub)
    },
    mails: (after, most) =>
      waitingMails
        .filter(({ id }) => id > after)
        .toSorted((one, other) => (one.id < other.id ? -1 : 1))
        .slice(0, most),
    messages(after, most) {
      const keyOf = ({ event_id, endpoint }: typeof after) => `${event_id} ${endpoint}`
      return webhookMessages
        .filter(message => keyOf(message) > keyOf(after))
        .toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
        .slice(0, most)
    },
  }
}

type Conditions = Readonly<Record<Owner, (table: keyof Tables) => (row: Row) => boolean>>

/** The sessions, links and authorizations are looked up now, before rows are deleted. */
function conditionsOf(tables: Tables, sub: string, { mails, events, counters }: AttributedRows): Conditions {
  const { sessions, pendingSignIns, identityLinks, authorizations } = tables
  const [, hash, mention, derived] = personParameters(sub)
  const isOwn = (row: Row) => row.sub === sub
  const signIns = [...sessions.filter(isOwn), ...pendingSignIns.filter(isOwn)]
  const upstreams = new Set<unknown>(signIns.flatMap(({ upstream }) => upstream ?? []))
  const sids = new Set<unknown>(sessions.filter(isOwn).map(({ sid }) => sid))
  const links = identityLinks.filter(isOwn)
  const ids = new Set<unknown>(authorizations.filter(isOwn).map(({ id }) => id))
  const isOfAuthorization = (row: Row) => ids.has(row.authorization_id)
  const attributed = new Set<unknown>([...mails, ...events, ...counters])
  return {
    sub: () => isOwn,
    authorization: () => isOfAuthorization,
    session: () => row => sids.has(row.sid),
    linking_session: () => row => sids.has(row.linking_sid),
    upstream: () => row =>
      upstreams.has(row.id) ||
      row.identity === derived ||
      isOwn(row) ||
      links.some(({ provider, identity }) => provider === row.provider && identity === row.identity),
    claims: () => row => isOfAuthorization(row) || mentionsOther(JSON.stringify(row.claims), mention),
    principal: () => row => userKinds.some(kind => kind === row.kind) && row.id === sub,
    last_user: () => row => row.used_by === hash,
    caller: table => row =>
      attributed.has(row[callerKeys[table as keyof typeof callerKeys]]) && row.endpoint !== auditEndpoint,
  }
}

const callerKeys = { waitingMails: 'id', webhookMessages: 'event_id', attempts: 'hash' } as const
