/** Browser sessions in memory, and the clients that take part in them. */

import type { Session } from '../../model/authorization.ts'
import type { EndedSession, SessionEnding, Sessions } from '../../model/ports/stores.ts'
import { isOfEpoch } from './epoch.ts'
import { keyOfNotice } from './logout-notices.ts'
import { requireNew, type Tables } from './tables.ts'

export function createSessions(tables: Tables): Sessions {
  const { sessions, sessionClients } = tables
  const bySid = (sid: string): Session | undefined =>
    [...sessions.values()].find(session => session.sid === sid)
  const clientsOf = (sid: string): readonly string[] => clientsIn(tables, sid)

  return {
    async create(session) {
      if (!isOfEpoch(tables, session)) return false
      requireNew(sessions, session.hash)
      requireNew(sessionClients, session.sid)
      sessions.set(session.hash, session)
      sessionClients.set(session.sid, new Set())
      return true
    },
    async renew(earlier, session) {
      if (sessions.get(earlier)?.sid !== session.sid || !isOfEpoch(tables, session)) return false
      requireNew(sessions, session.hash)
      sessions.delete(earlier)
      sessions.set(session.hash, session)
      return true
    },
    find: hash => sessions.get(hash),
    findBySid: bySid,
    ofUser: sub =>
      [...sessions.values()]
        .filter(session => session.sub === sub)
        .sort((one, other) => other.last_seen_at - one.last_seen_at),
    fromUpstream: upstream => [...sessions.values()].filter(session => session.upstream === upstream),
    async touch(hash, seen) {
      const session = sessions.get(hash)
      if (session) sessions.set(hash, { ...session, ...seen })
    },
    async join(sid, clientId) {
      return sessionClients.get(sid)?.add(clientId) !== undefined
    },
    clients: clientsOf,
    async end(sid, ending) {
      const session = bySid(sid)
      return session && endSession(tables, session, ending)
    },
    async endExpired(ending, limit) {
      const expired = [...sessions.values()].filter(session => session.idle_expires_at <= ending.at)
      return expired.slice(0, limit).map(session => endSession(tables, session, ending))
    },
  }
}

const clientsIn = ({ sessionClients }: Tables, sid: string): readonly string[] =>
  [...(sessionClients.get(sid) ?? [])].sort()

export function endSession(tables: Tables, session: Session, ending: SessionEnding): EndedSession {
  const clients = clientsIn(tables, session.sid)
  tables.sessions.delete(session.hash)
  tables.sessionClients.delete(session.sid)
  revokeOf(tables, session, ending)
  for (const client_id of clients) {
    const { sid, sub } = session
    const notice = { sid, client_id, sub, attempts: 0, due_at: ending.at, expires_at: ending.notices_until }
    tables.logoutNotices.set(keyOfNotice(notice), notice)
  }
  return { session, clients }
}

function revokeOf({ authorizations }: Tables, { sid }: Session, { revokes, at }: SessionEnding): void {
  if (revokes === 'none') return
  for (const [id, authorization] of authorizations) {
    if (authorization.sid !== sid || authorization.revoked_at !== undefined) continue
    if (revokes === 'online' && authorization.scope.includes('offline_access')) continue
    authorizations.set(id, { ...authorization, revoked_at: at })
  }
}
