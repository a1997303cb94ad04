/** The ports of sessions, consents, pending sign-ins and logout notices, for the main thread. */

import type { DatabaseSync } from 'node:sqlite'
import type {
  Consents,
  EndedSession,
  LogoutNotices,
  PendingSignIns,
  SessionStores,
  Sessions,
} from '../../../model/ports/stores.ts'
import { codecs } from '../codecs.ts'
import { all, one, reading } from '../statements.ts'
import type { Calls } from '../writes/operation.ts'
import { clientsOf, type Ended, type sessionWrites } from '../writes/sessions.ts'
import { messageRows } from './webhooks.ts'

type Write = Calls<typeof sessionWrites>

export const createSessionStores = (database: DatabaseSync, write: Write): SessionStores => ({
  sessions: createSessions(database, write),
  logoutNotices: createLogoutNotices(database, write),
  consents: createConsents(database, write),
  pendingSignIns: createPendingSignIns(database, write),
})

function createSessions(database: DatabaseSync, write: Write): Sessions {
  const find = one(database, `select ${codecs.sessions.names} from sessions where hash = ?`)
  const findBySid = one(database, `select ${codecs.sessions.names} from sessions where sid = ?`)
  const ofUser = all(
    database,
    `select ${codecs.sessions.names} from sessions where sub = ? order by last_seen_at desc`,
  )
  const fromUpstream = all(database, `select ${codecs.sessions.names} from sessions where upstream = ?`)
  const clients = all(database, clientsOf)
  const expired = one(database, 'select 1 from sessions where idle_expires_at <= ? limit 1')
  const anyExpired = reading(database, (at: number) => expired(at) !== undefined)
  return {
    create: (session, messages) =>
      write.createSession(codecs.sessions.encode(session), messageRows(messages)),
    renew: (earlier, session, messages) =>
      write.renewSession(earlier, session.sid, codecs.sessions.encode(session), messageRows(messages)),
    // A browser with an unreadable session signs in again.
    find: reading(database, hash => codecs.sessions.decodeAll(database, [find(hash) ?? []])[0]),
    findBySid: reading(database, sid => codecs.sessions.decodeAll(database, [findBySid(sid) ?? []])[0]),
    ofUser: reading(database, sub => codecs.sessions.decodeAll(database, ofUser(sub))),
    fromUpstream: reading(database, upstream => codecs.sessions.decodeAll(database, fromUpstream(upstream))),
    touch: (hash, { last_seen_at, idle_expires_at, address }) =>
      write.touchSession(hash, last_seen_at, idle_expires_at, address ?? null),
    join: (sid, clientId) => write.joinSession(sid, clientId),
    clients: reading(database, sid => clients(sid).map(([clientId]) => String(clientId))),
    end: async (sid, ending) => endedOf(database, await write.endSession(sid, ending)),
    async revoke(sid, ending) {
      const [ended, authorizations] = await write.revokeSession(sid, ending)
      return ended || authorizations > 0 ? { ended: endedOf(database, ended), authorizations } : undefined
    },
    endOfTenant: async (tenant, before, ending, limit) =>
      (await write.endSessionsOfTenant(tenant ?? null, before, ending, limit)).flatMap(
        ended => endedOf(database, ended) ?? [],
      ),
    endOfUser: async (sub, ending) =>
      (await write.endAccess(sub, ending)).flatMap(ended => endedOf(database, ended) ?? []),
    async endExpired(ending, limit) {
      // Usually none has expired, and nothing is written.
      if (!(await anyExpired(ending.at))) return []
      return (await write.endExpiredSessions(ending, limit)).flatMap(ended => endedOf(database, ended) ?? [])
    },
  }
}

function createConsents(database: DatabaseSync, write: Write): Consents {
  const find = one(database, `select ${codecs.consents.names} from consents where sub = ? and client_id = ?`)
  const ofUser = all(
    database,
    `select ${codecs.consents.names} from consents where sub = ? and client_id > ? order by client_id limit ?`,
  )
  return {
    find: reading(database, (sub, clientId) => codecs.consents.decode(find(sub, clientId) ?? [])),
    save: (consent, messages) => write.saveConsent(codecs.consents.encode(consent), messageRows(messages)),
    ofUser: reading(database, (sub, { after = '', limit }) =>
      codecs.consents.decodeAll(database, ofUser(sub, after, limit)),
    ),
    stillGiven: reading(database, (sub, clientId) => find(sub, clientId) !== undefined),
    revoke: (sub, clientId, at, messages) => write.revokeConsent(sub, clientId, at, messageRows(messages)),
  }
}

function createLogoutNotices(database: DatabaseSync, write: Write): LogoutNotices {
  const due = one(database, 'select 1 from logout_notices where due_at <= ? limit 1')
  return {
    claim: async (at, until, limit, except = []) =>
      codecs.logoutNotices.decodeAll(
        database,
        await write.claimLogoutNotices(at, until, limit, JSON.stringify(except)),
      ),
    postpone: ({ sid, client_id }, dueAt) => write.postponeLogoutNotice(sid, client_id, dueAt),
    remove: ({ sid, client_id }) => write.removeLogoutNotice(sid, client_id),
    anyDue: reading(database, at => due(at) !== undefined),
  }
}

function createPendingSignIns(database: DatabaseSync, write: Write): PendingSignIns {
  const find = one(database, `select ${codecs.pendingSignIns.names} from pending_sign_ins where hash = ?`)
  return {
    create: pending => write.createPendingSignIn(codecs.pendingSignIns.encode(pending)),
    find: reading(database, hash => codecs.pendingSignIns.decode(find(hash) ?? [])),
    take: hash => write.takePendingSignIn(hash),
  }
}

export function endedOf(database: DatabaseSync, ended: Ended | undefined): EndedSession | undefined {
  const [session] = ended ? codecs.sessions.decodeAll(database, [ended[0]]) : []
  return ended && session && { session, clients: ended[1] }
}
