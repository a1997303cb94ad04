/** Browser sessions in PostgreSQL, and the clients that take part in them. */

import { mostSessionClients } from '../../model/ports/sessions.ts'
import type { AccessEnding, EndedSession, SessionEnding, Sessions } from '../../model/ports/stores.ts'
import { cascadingTables } from '../tables/tables.ts'
import { byKey } from './batching.ts'
import { codecs, type Row } from './codecs.ts'
import type { Database } from './database.ts'
import { dueRows, keyIn, skipLocked } from './due-rows.ts'
import { epochGuard } from './epoch.ts'
import { all, change, one, type Run } from './statements.ts'
import { writeWith } from './webhooks.ts'

const codec = codecs.sessions

const { names, count, placeholders, encode, decodeAll } = codec
const [earlier, end] = [count + 1, count + 2]
const idleEnd = codec.parameter('idle_expires_at')

const sessionEpoch = epochGuard(codec.parameter('sub'), codec.parameter('epoch'))
const signedInAt = `coalesce(${codec.parameter('signed_in_at')}::bigint, ${codec.parameter('auth_time')}::bigint)`
const markReturn = `returned as (
    update erasures set returned_at = ${signedInAt}
    where sub = ${codec.parameter('sub')} and erased_at < ${signedInAt} and returned_at is null)`
const createSession = `with ${sessionEpoch.part},
  ${markReturn}
  insert into sessions (${names}, clean_at) select ${placeholders()}, ${idleEnd}::bigint where ${sessionEpoch.condition}`

const renewSession = `with ${sessionEpoch.part},
  ${markReturn},
  renewed as (
    update sessions set (${names}, clean_at) = row (${placeholders()}, ${idleEnd}::bigint)
    where hash = $${earlier} and sid = ${codec.parameter('sid')} and ${sessionEpoch.condition} returning sid),
  prolonged as (
    update session_clients set expires_at = $${end} where sid in (select sid from renewed))
  select exists (select 1 from renewed)`

// Holds the session's lock until the client is written, so a transaction that ends the session waits and then sees the
// client.
const joinSession = `with session as (select sid, expires_at from sessions where sid = $1 for key share),
  joined as (
    insert into session_clients (sid, client_id, expires_at) select sid, $2::text, expires_at from session
    on conflict do nothing returning 1),
  trimmed as (
    delete from session_clients where sid = $1 and exists (select 1 from joined) and client_id in (
      select client_id from session_clients where sid = $1 and client_id <> $2
      order by left(client_id, 8) in ('https://', 'sealed1.'), client_id offset ${mostSessionClients - 1}))
  select exists (select 1 from session)`

const endSession = `delete from sessions where sid = $1 returning ${names}`

const due = { key: 'hash', due: 'clean_at' }
// Reads only a limited number of due rows, however many have expired, and locks at most 50 rows that requests may be
// waiting for.
const putOff = `with due as materialized (${dueRows('sessions', { ...due, limit: '500' })}),
  living as materialized (
    select hash from sessions where ${keyIn('hash', 'due')} and idle_expires_at > $1 limit 50 ${skipLocked})
  update sessions set clean_at = idle_expires_at where ${keyIn('hash', 'living')}`
const endExpired = `with due as materialized (
    ${dueRows('sessions', { ...due, limit: '$2', where: 'idle_expires_at <= $1' })} ${skipLocked})
  delete from sessions where ${keyIn('hash', 'due')} and idle_expires_at <= $1 returning ${names}`

const revokeSession = `update authorizations set revoked_at = $2 where sid = $1 and revoked_at is null`

// `auth_time` is never later than `signed_in_at`, and is indexed.
const endOfTenant = (condition: string): string =>
  `with found as materialized (
    select hash from sessions where ${condition} and auth_time <= $1 and coalesce(signed_in_at, auth_time) <= $1 limit $2)
  delete from sessions where ${keyIn('hash', 'found')} returning ${names}`
const endOfOneTenant = endOfTenant('tenant = $3')
const endOfEveryTenant = endOfTenant('true')

const endOfUser = `delete from sessions where sub = $1 and ($2::text is null or sid <> $2) returning ${names}`

// Revokes the authorizations of ended sessions, and creates notices for their clients.
const leave = `with revoked as (
    update authorizations set revoked_at = $3
    where sid = any ($1::text[]) and revoked_at is null
      and ($4 = 'all' or ($4 = 'online' and position('"offline_access"' in scope) = 0))),
  parted as (delete from session_clients where sid = any ($1::text[]) returning sid, client_id),
  notified as (
    insert into logout_notices (sid, client_id, sub, attempts, due_at, expires_at)
    select parted.sid, parted.client_id, ended.sub, 0, $3::bigint, $5::bigint
    from parted join unnest($1::text[], $2::text[]) as ended (sid, sub) on ended.sid = parted.sid)
  select sid, client_id from parted order by client_id`

const [sidAt, subAt] = ['sid', 'sub'].map(column => codec.typed.findIndex(([name]) => name === column)) as [
  number,
  number,
]

async function leaveAll(
  write: Run,
  rows: readonly Row[],
  { at, revokes, notices_until }: SessionEnding,
): Promise<readonly EndedSession[]> {
  if (rows.length === 0) return []
  const sessions = decodeAll(write, rows)
  // A separate statement, after the sessions' locks, so that it sees clients that joined in the meantime.
  const parted = await write(leave, [
    // Also of those that can't be read.
    rows.map(row => String(row[sidAt])),
    rows.map(row => String(row[subAt])),
    at,
    revokes,
    notices_until,
  ])
  return sessions.map(session => ({
    session,
    clients: parted.rows.flatMap(([sid, client]) => (sid === session.sid ? [String(client)] : [])),
  }))
}

/** Ends all sessions of a user except the one that is kept, as part of a transaction. */
const endSessionsOfUser = async (
  write: Run,
  sub: string,
  ending: AccessEnding,
): Promise<readonly EndedSession[]> =>
  leaveAll(write, (await write(endOfUser, [sub, ending.kept_sid ?? null])).rows, ending)

/** Parts of a `with` that delete the rows that end with a user's access. */
const deletions = cascadingTables
  .map(([, { name }]) => `of_${name} as (delete from ${name} where sub = $1)`)
  .join(',\n  ')

const endRest = `with ${deletions},
  revoked as (
    update authorizations set revoked_at = $2
    where sub = $1 and revoked_at is null and $4::bigint = 1
      and ($3::text is null or sid is distinct from $3))
  update sessions set epoch = coalesce((select epoch from stored_users where sub = $1), epoch)
  where sub = $1 and sid = $3`

/** Ends a user's access as part of a transaction. Returns the ended sessions. The caller has written the user's new epoch in an earlier statement. */
export async function endAccess(
  write: Run,
  sub: string,
  ending: AccessEnding,
): Promise<readonly EndedSession[]> {
  const ended = await endSessionsOfUser(write, sub, ending)
  await write(endRest, [sub, ending.at, ending.kept_sid ?? null, ending.everything ? 1 : 0])
  return ended
}

const isTrue = (written: boolean): boolean => written

export function createSessions(database: Database): Sessions {
  const { run, locked } = database
  const select = `select ${names} from sessions`
  const find = byKey(run, `${select} where hash = any ($1::text[])`)
  const findBySid = one(run, `${select} where sid = $1`)
  const ofUser = all(run, `${select} where sub = $1 order by last_seen_at desc`)
  const fromUpstream = all(run, `${select} where upstream = $1`)
  const touch = change(
    run,
    // Changes no indexed column unless the end moves closer.
    `update sessions set last_seen_at = $2, idle_expires_at = $3, address = $4, clean_at = least(clean_at, $3)
    where hash = $1`,
  )
  const join = one(run, joinSession)
  const clients = all(run, 'select client_id from session_clients where sid = $1 order by client_id')
  const anyDue = one(run, 'select 1 from sessions where clean_at <= $1 order by clean_at limit 1')
  const putOffLiving = change(run, putOff)
  return {
    create: (session, messages) =>
      writeWith(
        database,
        messages,
        async write => (await write(createSession, encode(session))).count === 1,
        isTrue,
      ),
    renew: (hash, session, messages) =>
      writeWith(
        database,
        messages,
        async write =>
          (await write(renewSession, [...encode(session), hash, session.expires_at])).rows[0]?.[0] === true,
        isTrue,
      ),
    // A browser with an unreadable session signs in again.
    find: async hash => decodeAll(run, [(await find(hash)) ?? []])[0],
    findBySid: async sid => decodeAll(run, [(await findBySid(sid)) ?? []])[0],
    ofUser: async sub => decodeAll(run, await ofUser(sub)),
    fromUpstream: async upstream => decodeAll(run, await fromUpstream(upstream)),
    touch: async (hash, { last_seen_at, idle_expires_at, address }) =>
      void (await touch(hash, last_seen_at, idle_expires_at, address ?? null)),
    join: async (sid, clientId) => (await join(sid, clientId))?.[0] === true,
    clients: async sid => (await clients(sid)).map(([clientId]) => String(clientId)),
    end: (sid, ending) =>
      locked([], async write => (await leaveAll(write, (await write(endSession, [sid])).rows, ending))[0]),
    revoke: (sid, ending) =>
      locked([], async write => {
        const [ended] = await leaveAll(write, (await write(endSession, [sid])).rows, ending)
        // After the session's lock, so that it sees authorizations that were created in it meanwhile.
        const { count: authorizations } = await write(revokeSession, [sid, ending.at])
        return ended || authorizations > 0 ? { ended, authorizations } : undefined
      }),
    endOfTenant: (tenant, before, ending, limit) =>
      locked([], async write => {
        const { rows } =
          tenant === undefined
            ? await write(endOfEveryTenant, [before, limit])
            : await write(endOfOneTenant, [before, limit, tenant])
        return leaveAll(write, rows, ending)
      }),
    endOfUser: (sub, ending) => locked([], write => endAccess(write, sub, ending)),
    async endExpired(ending, limit) {
      // Usually none has expired, and no transaction is started.
      if (!(await anyDue(ending.at))) return []
      while ((await putOffLiving(ending.at)) > 0);
      return locked([], async write =>
        leaveAll(write, (await write(endExpired, [ending.at, limit])).rows, ending),
      )
    },
  }
}
