/** Writes of browser sessions, consents, pending sign-ins and logout notices. */

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { mostConsents, mostSessionClients } from '../../../model/ports/sessions.ts'
import type { AccessEnding, SessionEnding } from '../../../model/ports/stores.ts'
import type { TokenHash } from '../../../runtime/ports.ts'
import { cascadingTables } from '../../tables/tables.ts'
import { codecs, type Row } from '../codecs.ts'
import { all, change, one } from '../statements.ts'
import type { Writes } from './operation.ts'
import { storeMessages } from './webhooks.ts'

const { names, placeholders } = codecs.sessions
const expiresAt = names.indexOf('expires_at')
const [subAt, epochAt] = [names.indexOf('sub'), names.indexOf('epoch')]
const [authTimeAt, signedInAt] = [names.indexOf('auth_time'), names.indexOf('signed_in_at')]
const pendingSubAt = codecs.pendingSignIns.names.indexOf('sub')
const pendingEpochAt = codecs.pendingSignIns.names.indexOf('epoch')
export const clientsOf = 'select client_id from session_clients where sid = ? order by client_id'

/** Marks the deletion of a person who signs in again. */
function createReturn(database: DatabaseSync): (session: Row) => void {
  const mark = change(
    database,
    'update erasures set returned_at = ?2 where sub = ?1 and erased_at < ?2 and returned_at is null',
  )
  return session => void mark(session[subAt]!, session[signedInAt] ?? session[authTimeAt]!)
}

/** A deleted session and its clients, as rows, because they are sent between threads. */
export type Ended = readonly [session: Row, clients: readonly string[]]

export const sessionWrites = {
  createSession(database) {
    const isCurrent = createEpochGuard(database)
    const insert = change(database, `insert into sessions (${names}) values (${placeholders})`)
    const markReturn = createReturn(database)
    const store = storeMessages(database)
    return (session: Row, messages: readonly Row[] | null): boolean => {
      if (!isCurrent(session[subAt]!, session[epochAt]!)) return false
      insert(...session)
      markReturn(session)
      store(messages)
      return true
    }
  },
  renewSession(database) {
    const isCurrent = createEpochGuard(database)
    const remove = change(database, 'delete from sessions where hash = ? and sid = ?')
    const insert = change(database, `insert into sessions (${names}) values (${placeholders})`)
    const extend = change(database, 'update session_clients set expires_at = ? where sid = ?')
    const markReturn = createReturn(database)
    const store = storeMessages(database)
    return (earlier: TokenHash, sid: string, session: Row, messages: readonly Row[] | null): boolean => {
      if (!isCurrent(session[subAt]!, session[epochAt]!) || remove(earlier, sid) === 0) return false
      insert(...session)
      markReturn(session)
      extend(session[expiresAt]!, sid)
      store(messages)
      return true
    }
  },
  touchSession(database) {
    const touch = change(
      database,
      'update sessions set last_seen_at = ?, idle_expires_at = ?, address = ? where hash = ?',
    )
    return (hash: TokenHash, seenAt: number, idleExpiresAt: number, address: string | null): void =>
      void touch(seenAt, idleExpiresAt, address, hash)
  },
  joinSession(database) {
    const join = change(
      database,
      `insert into session_clients (sid, client_id, expires_at)
      select sid, ?2, expires_at from sessions where sid = ?1 on conflict do nothing`,
    )
    const trim = change(
      database,
      `delete from session_clients where sid = ?1 and client_id in (
        select client_id from session_clients where sid = ?1 and client_id <> ?2
        order by substr(client_id, 1, 8) in ('https://', 'sealed1.'), client_id limit -1 offset ${mostSessionClients - 1})`,
    )
    const exists = one(database, 'select 1 from sessions where sid = ?')
    return (sid: string, clientId: string): boolean => {
      if (join(sid, clientId) === 0) return exists(sid) !== undefined
      trim(sid, clientId)
      return true
    }
  },
  endSession(database) {
    const remove = all(database, `delete from sessions where sid = ? returning ${names}`)
    const leave = createLeave(database)
    return (sid: string, ending: SessionEnding): Ended | undefined =>
      remove(sid).map(session => leave(session as Row, ending))[0]
  },
  revokeSession(database) {
    const remove = all(database, `delete from sessions where sid = ? returning ${names}`)
    const leave = createLeave(database)
    const revoke = change(
      database,
      'update authorizations set revoked_at = ? where sid = ? and revoked_at is null',
    )
    return (sid: string, ending: SessionEnding): readonly [ended: Ended | undefined, revoked: number] => {
      const revoked = revoke(ending.at, sid)
      return [remove(sid).map(session => leave(session as Row, ending))[0], revoked]
    }
  },
  // `auth_time` is never later than `signed_in_at`, and is indexed.
  endSessionsOfTenant(database) {
    const remove = all(
      database,
      `delete from sessions where rowid in
        (select rowid from sessions where tenant = ?1 and auth_time <= ?2 and coalesce(signed_in_at, auth_time) <= ?2 limit ?3) returning ${names}`,
    )
    const removeAll = all(
      database,
      `delete from sessions where rowid in
        (select rowid from sessions where coalesce(signed_in_at, auth_time) <= ? limit ?) returning ${names}`,
    )
    const leave = createLeave(database)
    return (tenant: string | null, before: number, ending: SessionEnding, limit: number): readonly Ended[] =>
      (tenant === null ? removeAll(before, limit) : remove(tenant, before, limit)).map(session =>
        leave(session as Row, ending),
      )
  },
  endAccess: createEndAccess,
  endExpiredSessions(database) {
    const remove = all(
      database,
      `delete from sessions where rowid in
        (select rowid from sessions where idle_expires_at <= ? order by idle_expires_at limit ?)
      returning ${names}`,
    )
    const leave = createLeave(database)
    return (ending: SessionEnding, limit: number): readonly Ended[] =>
      remove(ending.at, limit).map(session => leave(session as Row, ending))
  },
  saveConsent(database) {
    const save = change(
      database,
      `insert or replace into consents (${codecs.consents.names}) values (${codecs.consents.placeholders})`,
    )
    const trim = change(
      database,
      `delete from consents where sub = ?1 and client_id in (
        select client_id from consents where sub = ?1 and client_id <> ?2
        order by created_at desc limit -1 offset ${mostConsents - 1})`,
    )
    const store = storeMessages(database)
    return (consent: Row, messages: readonly Row[] | null): void => {
      const [sub = null, clientId = null] = consent
      save(...consent)
      trim(sub, clientId)
      store(messages)
    }
  },
  revokeConsent(database) {
    const remove = change(database, 'delete from consents where sub = ? and client_id = ?')
    const revoke = change(
      database,
      'update authorizations set revoked_at = ? where sub = ? and client_id = ? and revoked_at is null',
    )
    const store = storeMessages(database)
    return (sub: string, clientId: string, at: number, messages: readonly Row[] | null): boolean => {
      const deleted = remove(sub, clientId)
      if (revoke(at, sub, clientId) + deleted === 0) return false
      store(messages)
      return true
    }
  },
  claimLogoutNotices(database) {
    const claim = all(
      database,
      `update logout_notices set attempts = attempts + 1, due_at = ?2 where rowid in
        (select rowid from logout_notices
          where due_at <= ?1 and client_id not in (select value from json_each(?4)) order by due_at limit ?3)
      returning ${codecs.logoutNotices.names}`,
    )
    return (at: number, until: number, limit: number, except: string): readonly Row[] =>
      claim(at, until, limit, except) as readonly Row[]
  },
  postponeLogoutNotice(database) {
    const postpone = change(database, 'update logout_notices set due_at = ? where sid = ? and client_id = ?')
    return (sid: string, clientId: string, dueAt: number): void => void postpone(dueAt, sid, clientId)
  },
  removeLogoutNotice(database) {
    const remove = change(database, 'delete from logout_notices where sid = ? and client_id = ?')
    return (sid: string, clientId: string): void => void remove(sid, clientId)
  },
  createPendingSignIn(database) {
    const isCurrent = createEpochGuard(database)
    const insert = change(
      database,
      `insert into pending_sign_ins (${codecs.pendingSignIns.names}) values (${codecs.pendingSignIns.placeholders})`,
    )
    return (pending: Row): boolean =>
      isCurrent(pending[pendingSubAt]!, pending[pendingEpochAt]!) && insert(...pending) === 1
  },
  takePendingSignIn(database) {
    const take = change(database, 'delete from pending_sign_ins where hash = ?')
    return (hash: TokenHash): boolean => take(hash) === 1
  },
} as const satisfies Writes

/** Checks that a sign-in has its user's current epoch: see `StoredUser`. Other users have none. A configured user takes precedence over a stored one with the same `sub`. */
export function createEpochGuard(
  database: DatabaseSync,
): (sub: SQLInputValue, epoch: SQLInputValue) => boolean {
  const isCurrent = one(
    database,
    `select ?2 is (select epoch from stored_users where sub = ?1)
      or exists (select 1 from standing where kind = 'user' and id = ?1 and stands = 1)`,
  )
  return (sub, epoch) => isCurrent(sub, epoch)?.[0] === 1
}

/** Deletes the rows that end with a user's access, within a write. */
function createCascade(database: DatabaseSync): (sub: string) => void {
  const deletions = cascadingTables.map(([, { name }]) =>
    change(database, `delete from ${name} where sub = ?`),
  )
  return sub => {
    for (const deleteAll of deletions) deleteAll(sub)
  }
}

/** Ends a user's access within a write. Returns the ended sessions. The caller has written the user's new epoch. */
export function createEndAccess(
  database: DatabaseSync,
): (sub: string, ending: AccessEnding) => readonly Ended[] {
  const endSessions = createEndSessionsOfUser(database)
  const deleteRows = createCascade(database)
  const revoke = change(
    database,
    `update authorizations set revoked_at = ?1
    where sub = ?2 and revoked_at is null and (?3 is null or sid is not ?3)`,
  )
  const keep = change(
    database,
    'update sessions set epoch = (select epoch from stored_users where sub = ?1) where sub = ?1 and sid = ?2',
  )
  return (sub, ending) => {
    deleteRows(sub)
    const ended = endSessions(sub, ending)
    const kept = ending.kept_sid ?? null
    if (ending.everything) revoke(ending.at, sub, kept)
    if (kept !== null) keep(sub, kept)
    return ended
  }
}

/** Deletes all sessions of a user except the one that is kept. */
function createEndSessionsOfUser(
  database: DatabaseSync,
): (sub: string, ending: AccessEnding) => readonly Ended[] {
  const remove = all(
    database,
    `delete from sessions where sub = ? and (?2 is null or sid <> ?2) returning ${names}`,
  )
  const leave = createLeave(database)
  return (sub, ending) => remove(sub, ending.kept_sid ?? null).map(session => leave(session as Row, ending))
}

/** Revokes the authorizations of an ended session, and creates notices for its clients. */
function createLeave(database: DatabaseSync): (session: Row, ending: SessionEnding) => Ended {
  const revoke = change(
    database,
    `update authorizations set revoked_at = ?1 where sid = ?2 and revoked_at is null
    and (?3 = 'all' or case when json_valid(scope) then
      not exists (select 1 from json_each(scope) where value = 'offline_access') else true end)`,
  )
  const clients = all(database, clientsOf)
  const notify = change(
    database,
    `insert into logout_notices (sid, client_id, sub, attempts, due_at, expires_at)
    select sid, client_id, ?2, 0, ?3, ?4 from session_clients where sid = ?1`,
  )
  const part = change(database, 'delete from session_clients where sid = ?')
  const sidAt = names.indexOf('sid')

  return (session, { at, revokes, notices_until }) => {
    const [sid, sub] = [String(session[sidAt]), String(session[subAt])]
    if (revokes !== 'none') revoke(at, sid, revokes)
    const took = clients(sid).map(([clientId]) => String(clientId))
    notify(sid, sub, at, notices_until)
    part(sid)
    return [session, took]
  }
}
