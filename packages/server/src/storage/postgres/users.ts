/** Stored users, their second factors and mails, in PostgreSQL. */

import type { WaitingMail } from '../../model/mail.ts'
import type {
  Passkeys,
  RecoveryCodes,
  SecondFactors,
  TotpSecrets,
  UserStores,
  WaitingMails,
} from '../../model/ports/stores.ts'
import { fullPage } from '../tables/full-page.ts'
import { createAttempts } from './attempts.ts'
import { batched } from './batching.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { dueRows, keyIn, skipLocked } from './due-rows.ts'
import { all, change, one } from './statements.ts'
import { createStoredUsers } from './stored-users.ts'

export const createUserStores = (database: Database): UserStores => ({
  storedUsers: createStoredUsers(database),
  totpSecrets: createTotpSecrets(database),
  recoveryCodes: createRecoveryCodes(database),
  passkeys: createPasskeys(database),
  secondFactors: createSecondFactors(database),
  waitingMails: createWaitingMails(database),
  attempts: createAttempts(database),
})

/** Returns the lock for counting or replacing a user's factors. */
export const factorsOf = (sub: string): string => `factors ${sub}`

function createTotpSecrets({ run }: Database): TotpSecrets {
  const find = one(run, `select ${codecs.totpSecrets.names} from totp_secrets where sub = $1`)
  const insert = change(
    run,
    `insert into totp_secrets (${codecs.totpSecrets.names}) values (${codecs.totpSecrets.placeholders()}) on conflict do nothing`,
  )
  const page = all(
    run,
    `select ${codecs.totpSecrets.names} from totp_secrets where sub > $1 order by sub limit $2`,
  )
  const reseal = change(run, 'update totp_secrets set sealed = $3 where sub = $1 and sealed = $2')
  const raise = change(run, 'update totp_secrets set last_step = $2 where sub = $1 and last_step < $2')
  return {
    find: async sub => codecs.totpSecrets.decode((await find(sub)) ?? []),
    page: (after, most) =>
      fullPage(
        most,
        ([sub] = [after]) => page(String(sub), most),
        rows => codecs.totpSecrets.decodeAll(run, rows),
      ),
    reseal: async (sub, before, after) => (await reseal(sub, before, after)) === 1,
    add: async secret => (await insert(...codecs.totpSecrets.encode(secret))) === 1,
    use: async (sub, step) => (await raise(sub, step)) === 1,
  }
}

function createRecoveryCodes({ run, locked }: Database): RecoveryCodes {
  const count = one(run, 'select count(*) from recovery_codes where sub = $1')
  const use = change(run, 'delete from recovery_codes where sub = $1 and hash = $2')
  return {
    count: async sub => Number((await count(sub))?.[0]),
    // If two calls replace them at the same time, the codes of one call remain.
    replace: (sub, hashes) =>
      locked([factorsOf(sub)], async write => {
        await write('delete from recovery_codes where sub = $1', [sub])
        await write('insert into recovery_codes (sub, hash) select $1, unnest($2::text[])', [sub, hashes])
      }),
    use: async (sub, hash) => (await use(sub, hash)) === 1,
  }
}

const addPasskey = `insert into passkeys (${codecs.passkeys.names}) select ${codecs.passkeys.placeholders()}
  where (select count(*) from passkeys where sub = $2) < $${codecs.passkeys.count + 1}::bigint on conflict do nothing`

function createPasskeys({ run, locked }: Database): Passkeys {
  const find = one(run, `select ${codecs.passkeys.names} from passkeys where id = $1`)
  const of = all(run, `select ${codecs.passkeys.names} from passkeys where sub = $1 order by place`)
  const rename = change(run, 'update passkeys set name = $3 where sub = $1 and id = $2')
  const use = change(
    run,
    `update passkeys set counter = $2, backed_up = $3, last_used_at = $4
    where id = $1 and (counter < $2 or (counter = 0 and $2 = 0))`,
  )
  return {
    find: async id => codecs.passkeys.decode((await find(id)) ?? []),
    of: async sub => (await of(sub)).flatMap(row => codecs.passkeys.decode(row) ?? []),
    // Passkeys are counted before one is added, one at a time for each user.
    add: (passkey, most) =>
      locked(
        [factorsOf(passkey.sub)],
        async write => (await write(addPasskey, [...codecs.passkeys.encode(passkey), most])).count === 1,
      ),
    rename: async (sub, id, name) => (await rename(sub, id, name)) === 1,
    use: async (id, { counter, backed_up, at }) =>
      (await use(id, counter, JSON.stringify(backed_up), at)) === 1,
  }
}

const countFactors = `select (select count(*) from totp_secrets where sub = $1),
  (select count(*) from passkeys where sub = $1),
  (select count(*) from passkeys where sub = $1 and id = $2)`

const removeFactors = `with apps as (delete from totp_secrets where sub = $1 returning 1),
  keys as (delete from passkeys where sub = $1 returning 1),
  codes as (delete from recovery_codes where sub = $1),
  waiting as (delete from pending_sign_ins where sub = $1)
  select (select count(*) from apps) + (select count(*) from keys)`

const createSecondFactors = ({ locked }: Database): SecondFactors => ({
  remove: (sub, factor, required) =>
    locked([factorsOf(sub)], async write => {
      const id = factor.method === 'totp' ? null : factor.id
      const [totp = 0, passkey = 0, named = 0] = ((await write(countFactors, [sub, id])).rows[0] ?? []).map(
        Number,
      )
      if ((id === null ? totp : named) === 0) return 'unknown'
      const had = { totp, passkey }
      const left = id === null ? { totp: 0, passkey } : { totp, passkey: passkey - 1 }
      if (required.some(method => had[method] > 0) && required.every(method => left[method] === 0))
        return 'last'
      if (id === null) await write('delete from totp_secrets where sub = $1', [sub])
      else await write('delete from passkeys where sub = $1 and id = $2', [sub, id])
      if (left.totp + left.passkey === 0) await write('delete from recovery_codes where sub = $1', [sub])
      return 'removed'
    }),
  reset: sub =>
    locked([factorsOf(sub)], async write => Number((await write(removeFactors, [sub])).rows[0]?.[0])),
})

/** Adds the first of these emails, as many as there is room for, and returns their ids. */
const addMails = `insert into waiting_mails (${codecs.waitingMails.names})
  select ${codecs.waitingMails.names} from ${codecs.waitingMails.unnested}
    with ordinality as mail (${codecs.waitingMails.names}, place)
  where place <= $${codecs.waitingMails.count + 1}::bigint - (select count(*) from waiting_mails)
  returning id`

type AddedMail = { readonly mail: WaitingMail; readonly most: number }

function createWaitingMails({ run, locked }: Database): WaitingMails {
  // Skips rows that another node is claiming.
  const claim = all(
    run,
    `with due as materialized (${dueRows('waiting_mails', { key: 'id', due: 'due_at', limit: '$3' })} ${skipLocked})
    update waiting_mails set attempts = attempts + 1, due_at = $2 where ${keyIn('id', 'due')}
    returning ${codecs.waitingMails.names}`,
  )
  const postpone = change(run, 'update waiting_mails set due_at = $3 where id = $1 and attempts = $2')
  const remove = change(run, 'delete from waiting_mails where id = $1')
  const due = one(run, 'select 1 from waiting_mails where due_at <= $1 order by due_at limit 1')
  // Mails are counted before some are added. Those that wait for the lock share the next transaction.
  const add = batched<AddedMail, boolean>(
    async asked => {
      const columns = codecs.waitingMails.columnsOf(asked.map(({ mail }) => mail))
      const { most } = asked[0]!
      const { rows } = await locked(['waiting mails'], write => write(addMails, [...columns, most]))
      const added = new Set(rows.map(([id]) => id))
      return asked.map(({ mail }) => added.has(mail.id))
    },
    () =>
      ({ most }) =>
        String(most),
  )
  return {
    add: (mail, most) => add({ mail, most }),
    claim: async (at, until, limit) => codecs.waitingMails.decodeAll(run, await claim(at, until, limit)),
    postpone: async ({ id, attempts }, dueAt) => void (await postpone(id, attempts, dueAt)),
    remove: async id => void (await remove(id)),
    anyDue: async at => (await due(at)) !== undefined,
  }
}
