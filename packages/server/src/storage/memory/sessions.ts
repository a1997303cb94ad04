/** Browser sessions, consents, pending sign-ins and logout notices, in memory. */

import type { Session } from '../../model/authorization.ts'
import { mostConsents, mostSessionClients } from '../../model/ports/sessions.ts'
import type {
  AccessEnding,
  Consents,
  EndedSession,
  LogoutNotices,
  SessionEnding,
  SessionStores,
  Sessions,
} from '../../model/ports/stores.ts'
import { hasNoRow } from '../../model/sealed-client.ts'
import { signedInAt } from '../../model/user.ts'
import { deleteCascading, type Tables } from './tables.ts'
import { storeMessages } from './webhooks.ts'

export function createSessionStores(tables: Tables): SessionStores {
  const { pendingSignIns } = tables
  return {
    sessions: createSessions(tables),
    logoutNotices: createLogoutNotices(tables),
    consents: createConsents(tables),
    pendingSignIns: {
      async create(pending) {
        if (!isOfEpoch(tables, pending)) return false
        pendingSignIns.insert(pending)
        return true
      },
      find: hash => pendingSignIns.get(hash),
      async take(hash) {
        return pendingSignIns.delete(hash)
      },
    },
  }
}

function createSessions(tables: Tables): Sessions {
  const { sessions, sessionClients } = tables
  return {
    async create(session, messages) {
      if (!isOfEpoch(tables, session)) return false
      if (sessions.by('sid', session.sid)) throw new Error('a session with this sid exists')
      sessions.insert(session)
      markReturn(tables, session)
      storeMessages(tables, messages)
      return true
    },
    async renew(earlier, session, messages) {
      if (sessions.get(earlier)?.sid !== session.sid || !isOfEpoch(tables, session)) return false
      sessions.requireNew(session)
      sessions.delete(earlier)
      sessions.put(session)
      markReturn(tables, session)
      for (const row of clientsOf(tables, session.sid))
        sessionClients.put({ ...row, expires_at: session.expires_at })
      storeMessages(tables, messages)
      return true
    },
    find: hash => sessions.get(hash),
    findBySid: sid => sessions.by('sid', sid),
    ofUser: sub =>
      sessions
        .filter(session => session.sub === sub)
        .toSorted((one, other) => other.last_seen_at - one.last_seen_at),
    fromUpstream: upstream => sessions.filter(session => session.upstream === upstream),
    async touch(hash, seen) {
      const session = sessions.get(hash)
      if (session) sessions.put({ ...session, ...seen })
    },
    async join(sid, client_id) {
      const session = sessions.by('sid', sid)
      if (!session) return false
      if (sessionClients.has(sid, client_id)) return true
      sessionClients.put({ sid, client_id, expires_at: session.expires_at })
      const surplus = clientsOf(tables, sid)
        .filter(one => one.client_id !== client_id)
        .toSorted((one, other) => Number(hasNoRow(one.client_id)) - Number(hasNoRow(other.client_id)))
        .slice(mostSessionClients - 1)
      for (const one of surplus) sessionClients.delete(sid, one.client_id)
      return true
    },
    clients: sid => clientsOf(tables, sid).map(({ client_id }) => client_id),
    async end(sid, ending) {
      const session = sessions.by('sid', sid)
      return session && endSession(tables, session, ending)
    },
    async revoke(sid, ending) {
      const living = tables.authorizations.filter(one => one.sid === sid && one.revoked_at === undefined)
      for (const one of living) tables.authorizations.put({ ...one, revoked_at: ending.at })
      const session = sessions.by('sid', sid)
      if (!session && living.length === 0) return undefined
      return { ended: session && endSession(tables, session, ending), authorizations: living.length }
    },
    async endOfTenant(tenant, before, ending, limit) {
      const found = sessions.filter(
        one => (tenant === undefined || one.tenant === tenant) && signedInAt(one) <= before,
      )
      return found.slice(0, limit).map(session => endSession(tables, session, ending))
    },
    endOfUser: async (sub, ending) => endAccess(tables, sub, ending),
    async endExpired(ending, limit) {
      const expired = sessions.filter(session => session.idle_expires_at <= ending.at)
      return expired.slice(0, limit).map(session => endSession(tables, session, ending))
    },
  }
}

const clientsOf = ({ sessionClients }: Tables, sid: string) =>
  sessionClients.allBy('sid', sid).toSorted((one, other) => (one.client_id < other.client_id ? -1 : 1))

function endSession(tables: Tables, session: Session, ending: SessionEnding): EndedSession {
  const { sid, sub, hash } = session
  const clients = clientsOf(tables, sid).map(({ client_id }) => client_id)
  tables.sessions.delete(hash)
  for (const client_id of clients) tables.sessionClients.delete(sid, client_id)
  revokeAuthorizations(tables, session, ending)
  for (const client_id of clients)
    tables.logoutNotices.put({
      sid,
      client_id,
      sub,
      attempts: 0,
      due_at: ending.at,
      expires_at: ending.notices_until,
    })
  return { session, clients }
}

function revokeAuthorizations(
  { authorizations }: Tables,
  { sid }: Session,
  { revokes, at }: SessionEnding,
): void {
  if (revokes === 'none') return
  for (const authorization of authorizations.filter(one => one.sid === sid && one.revoked_at === undefined)) {
    if (revokes === 'online' && authorization.scope.includes('offline_access')) continue
    authorizations.put({ ...authorization, revoked_at: at })
  }
}

/** Ends a user's access within a write, and returns the sessions that ended. The caller has written the user's new epoch. */
export function endAccess(tables: Tables, sub: string, ending: AccessEnding): readonly EndedSession[] {
  const { sessions, authorizations, storedUsers } = tables
  const { kept_sid, at, everything } = ending
  deleteCascading(tables, sub)
  const owned = sessions.filter(session => session.sub === sub)
  const ended = owned
    .filter(({ sid }) => sid !== kept_sid)
    .map(session => endSession(tables, session, ending))
  if (everything)
    for (const found of authorizations.filter(one => one.sub === sub && one.revoked_at === undefined))
      if (kept_sid === undefined || found.sid !== kept_sid) authorizations.put({ ...found, revoked_at: at })
  const epoch = storedUsers.get(sub)?.epoch
  const kept = owned.find(({ sid }) => sid === kept_sid)
  if (kept && epoch !== undefined) sessions.put({ ...kept, epoch })
  return ended
}

/**
 * Returns whether a sign-in has its user's current epoch: see `StoredUser`. Other users have none. A configured user
 * takes precedence over a stored one with the same `sub`.
 */
export const isOfEpoch = (
  { storedUsers, principals }: Tables,
  { sub, epoch }: Pick<Session, 'sub' | 'epoch'>,
): boolean => storedUsers.get(sub)?.epoch === epoch || principals.get('user', sub)?.stands === 1

/** Marks the deletion of a person who signs in again. */
function markReturn({ erasures }: Tables, session: Session): void {
  const [erasure, returned_at] = [erasures.get(session.sub), signedInAt(session)]
  if (erasure && erasure.returned_at === undefined && erasure.erased_at < returned_at)
    erasures.put({ ...erasure, returned_at })
}

function createConsents(tables: Tables): Consents {
  const { consents, authorizations } = tables
  return {
    find: (sub, clientId) => consents.get(sub, clientId),
    stillGiven: (sub, clientId) => consents.has(sub, clientId),
    async save(consent, messages) {
      consents.put(consent)
      const { sub, client_id } = consent
      const surplus = consents
        .filter(one => one.sub === sub && one.client_id !== client_id)
        .toSorted((one, other) => other.created_at - one.created_at)
        .slice(mostConsents - 1)
      for (const one of surplus) consents.delete(sub, one.client_id)
      storeMessages(tables, messages)
    },
    ofUser: (sub, { after = '', limit }) =>
      consents
        .filter(consent => consent.sub === sub && consent.client_id > after)
        .toSorted((one, other) => (one.client_id < other.client_id ? -1 : 1))
        .slice(0, limit),
    async revoke(sub, clientId, at, messages) {
      const deleted = consents.delete(sub, clientId)
      const given = authorizations.filter(
        one => one.sub === sub && one.client_id === clientId && one.revoked_at === undefined,
      )
      if (!deleted && given.length === 0) return false
      for (const authorization of given) authorizations.put({ ...authorization, revoked_at: at })
      storeMessages(tables, messages)
      return true
    },
  }
}

const createLogoutNotices = ({ logoutNotices }: Tables): LogoutNotices => ({
  async claim(at, until, limit, except = []) {
    const due = logoutNotices
      .filter(({ due_at, client_id }) => due_at <= at && !except.includes(client_id))
      .toSorted((one, other) => one.due_at - other.due_at)
      .slice(0, limit)
      .map(notice => ({ ...notice, attempts: notice.attempts + 1, due_at: until }))
    for (const notice of due) logoutNotices.put(notice)
    return due
  },
  async postpone({ sid, client_id }, dueAt) {
    const found = logoutNotices.get(sid, client_id)
    if (found) logoutNotices.put({ ...found, due_at: dueAt })
  },
  async remove({ sid, client_id }) {
    logoutNotices.delete(sid, client_id)
  },
  anyDue: at => logoutNotices.filter(({ due_at }) => due_at <= at).length > 0,
})
