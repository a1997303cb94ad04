/** Browser sessions in SQLite, and the clients that take part in them. */

import type { DatabaseSync } from 'node:sqlite'
import type { AccessEnding, EndedSession, SessionEnding, Sessions } from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { codecs, type Row } from './codecs.ts'
import { createEpochGuard } from './epoch.ts'
import { all, change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.sessions

const { names, placeholders } = codec
const expiresAt = names.indexOf('expires_at')
const [subAt, epochAt] = [names.indexOf('sub'), names.indexOf('epoch')]
const clientsOf = 'select client_id from session_clients where sid = ? order by client_id'

/** A session that was deleted, and its clients; rows, since they go from thread to thread. */
export type Ended = readonly [session: Row, clients: readonly string[]]

export const sessionWrites = {
  createSession(database) {
    const stands = createEpochGuard(database)
    const insert = change(database, `insert into sessions (${names}) values (${placeholders})`)
    return (session: Row): boolean => stands(session[subAt]!, session[epochAt]!) && insert(...session) === 1
  },
  renewSession(database) {
    const stands = createEpochGuard(database)
    const remove = change(database, 'delete from sessions where hash = ? and sid = ?')
    const insert = change(database, `insert into sessions (${names}) values (${placeholders})`)
    const prolong = change(database, 'update session_clients set expires_at = ? where sid = ?')
    return (earlier: TokenHash, sid: string, session: Row): boolean => {
      if (!stands(session[subAt]!, session[epochAt]!) || remove(earlier, sid) === 0) return false
      insert(...session)
      prolong(session[expiresAt]!, sid)
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
    const stands = one(database, 'select 1 from sessions where sid = ?')
    return (sid: string, clientId: string): boolean => join(sid, clientId) === 1 || stands(sid) !== undefined
  },
  endSession(database) {
    const remove = all(database, `delete from sessions where sid = ? returning ${names}`)
    const leave = createLeave(database)
    return (sid: string, ending: SessionEnding): Ended | undefined =>
      remove(sid).map(session => leave(session as Row, ending))[0]
  },
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
} as const satisfies Writes

/** Deletes all of a user, but the one that is kept. */
export function createEndSessionsOfUser(
  database: DatabaseSync,
): (sub: string, ending: AccessEnding) => readonly Ended[] {
  const remove = all(
    database,
    `delete from sessions where sub = ? and (?2 is null or sid <> ?2) returning ${names}`,
  )
  const leave = createLeave(database)
  return (sub, ending) => remove(sub, ending.kept_sid ?? null).map(session => leave(session as Row, ending))
}

/** What else the end of a session writes: its authorizations fall, and its clients are turned into notices. */
function createLeave(database: DatabaseSync): (session: Row, ending: SessionEnding) => Ended {
  const revoke = change(
    database,
    `update authorizations set revoked_at = ?1 where sid = ?2 and revoked_at is null
    and (?3 = 'all' or not exists (select 1 from json_each(scope) where value = 'offline_access'))`,
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

export function createSessions(database: DatabaseSync, write: Calls<typeof sessionWrites>): Sessions {
  const find = one(database, `select ${names} from sessions where hash = ?`)
  const findBySid = one(database, `select ${names} from sessions where sid = ?`)
  const ofUser = all(database, `select ${names} from sessions where sub = ? order by last_seen_at desc`)
  const fromUpstream = all(database, `select ${names} from sessions where upstream = ?`)
  const clients = all(database, clientsOf)
  const expired = one(database, 'select 1 from sessions where idle_expires_at <= ? limit 1')
  const anyExpired = reading(database, (at: number) => expired(at) !== undefined)
  return {
    create: session => write.createSession(codec.encode(session)),
    renew: (earlier, session) => write.renewSession(earlier, session.sid, codec.encode(session)),
    find: reading(database, hash => codec.decode(find(hash) ?? [])),
    findBySid: reading(database, sid => codec.decode(findBySid(sid) ?? [])),
    ofUser: reading(database, sub => ofUser(sub).flatMap(row => codec.decode(row) ?? [])),
    fromUpstream: reading(database, upstream =>
      fromUpstream(upstream).flatMap(row => codec.decode(row) ?? []),
    ),
    touch: (hash, { last_seen_at, idle_expires_at, address }) =>
      write.touchSession(hash, last_seen_at, idle_expires_at, address ?? null),
    join: (sid, clientId) => write.joinSession(sid, clientId),
    clients: reading(database, sid => clients(sid).map(([clientId]) => String(clientId))),
    end: async (sid, ending) => endedOf(await write.endSession(sid, ending)),
    async endExpired(ending, limit) {
      // Mostly there is none: then nothing is written.
      if (!anyExpired(ending.at)) return []
      return (await write.endExpiredSessions(ending, limit)).flatMap(ended => endedOf(ended) ?? [])
    },
  }
}

export function endedOf(ended: Ended | undefined): EndedSession | undefined {
  const session = ended && codec.decode(ended[0] as Parameters<typeof codec.decode>[0])
  return session && { session, clients: ended[1] }
}
