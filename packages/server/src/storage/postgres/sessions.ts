/** Sessions, consents, pending sign-ins and logout notices, in PostgreSQL. */

import { mostConsents } from '../../model/ports/sessions.ts'
import type { Consents, LogoutNotices, PendingSignIns, SessionStores } from '../../model/ports/stores.ts'
import { createSessions } from './browser-sessions.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { dueRows, keyIn, skipLocked } from './due-rows.ts'
import { epochGuard } from './epoch.ts'
import { all, change, one } from './statements.ts'
import { storeMessages, writeWith } from './webhooks.ts'

export const createSessionStores = (database: Database): SessionStores => ({
  sessions: createSessions(database),
  logoutNotices: createLogoutNotices(database),
  consents: createConsents(database),
  pendingSignIns: createPendingSignIns(database),
})

function createConsents(database: Database): Consents {
  const { run, locked } = database
  const find = one(run, `select ${codecs.consents.names} from consents where sub = $1 and client_id = $2`)
  const ofUser = all(
    run,
    `select ${codecs.consents.names} from consents where sub = $1 and client_id > $2 order by client_id limit $3::bigint`,
  )
  const [sub, clientId] = [codecs.consents.parameter('sub'), codecs.consents.parameter('client_id')]
  const save = `with surplus as (
      delete from consents where sub = ${sub} and client_id in (
        select client_id from consents where sub = ${sub} and client_id <> ${clientId}
        order by created_at desc offset ${mostConsents - 1}))
    insert into consents (${codecs.consents.names}) values (${codecs.consents.placeholders()})
    on conflict (sub, client_id) do update set ${codecs.consents.overwrite}`
  // Waits for a transaction that is revoking the consent.
  const lockGiven = one(run, 'select 1 from consents where sub = $1 and client_id = $2 for share')
  const remove = 'delete from consents where sub = $1 and client_id = $2'
  // A separate statement, after the consent's lock, so that it sees what was written while the consent was given.
  const revokeAll = `update authorizations set revoked_at = $3
    where sub = $1 and client_id = $2 and revoked_at is null`
  return {
    find: async (sub, clientId) => codecs.consents.decode((await find(sub, clientId)) ?? []),
    async save(consent, messages) {
      const row = codecs.consents.encode(consent)
      await writeWith(
        database,
        messages,
        write => write(save, row),
        () => true,
      )
    },
    ofUser: async (sub, { after = '', limit }) =>
      codecs.consents.decodeAll(run, await ofUser(sub, after, limit)),
    stillGiven: async (sub, clientId) => (await lockGiven(sub, clientId)) !== undefined,
    revoke: (sub, clientId, at, messages) =>
      locked([], async write => {
        const deleted = await write(remove, [sub, clientId])
        const revoked = await write(revokeAll, [sub, clientId, at])
        if (deleted.count + revoked.count === 0) return false
        await storeMessages(write, messages)
        return true
      }),
  }
}

const pendingEpoch = epochGuard(
  codecs.pendingSignIns.parameter('sub'),
  codecs.pendingSignIns.parameter('epoch'),
)
const insertPending = `with ${pendingEpoch.part}
  insert into pending_sign_ins (${codecs.pendingSignIns.names}) select ${codecs.pendingSignIns.placeholders()} where ${pendingEpoch.condition}`

function createPendingSignIns({ run }: Database): PendingSignIns {
  const insert = change(run, insertPending)
  const find = one(run, `select ${codecs.pendingSignIns.names} from pending_sign_ins where hash = $1`)
  const take = change(run, 'delete from pending_sign_ins where hash = $1')
  return {
    create: async pending => (await insert(...codecs.pendingSignIns.encode(pending))) === 1,
    find: async hash => codecs.pendingSignIns.decode((await find(hash)) ?? []),
    take: async hash => (await take(hash)) === 1,
  }
}

const noticeKey = 'sid, client_id'

function createLogoutNotices({ run }: Database): LogoutNotices {
  // Skips rows that another node is claiming.
  const claim = all(
    run,
    `with due as materialized (${dueRows('logout_notices', { key: noticeKey, due: 'due_at', limit: '$3', where: 'client_id <> all ($4::text[])' })} ${skipLocked})
    update logout_notices set attempts = attempts + 1, due_at = $2 where ${keyIn(noticeKey, 'due')}
    returning ${codecs.logoutNotices.names}`,
  )
  const postpone = change(run, 'update logout_notices set due_at = $3 where sid = $1 and client_id = $2')
  const remove = change(run, 'delete from logout_notices where sid = $1 and client_id = $2')
  const due = one(run, 'select 1 from logout_notices where due_at <= $1 order by due_at limit 1')
  return {
    claim: async (at, until, limit, except = []) =>
      codecs.logoutNotices.decodeAll(run, await claim(at, until, limit, except)),
    postpone: async ({ sid, client_id }, dueAt) => void (await postpone(sid, client_id, dueAt)),
    remove: async ({ sid, client_id }) => void (await remove(sid, client_id)),
    anyDue: async at => (await due(at)) !== undefined,
  }
}
