/** The ports of stored users, second factors, mails and counted attempts, for the main thread. */

import type { DatabaseSync } from 'node:sqlite'
import type {
  Attempts,
  Passkeys,
  RecoveryCodes,
  SecondFactors,
  StoredUsers,
  TotpSecrets,
  UserStores,
  WaitingMails,
} from '../../../model/ports/stores.ts'
import type { StoredUser } from '../../../model/stored-user.ts'
import { fullPage } from '../../tables/full-page.ts'
import { codecs } from '../codecs.ts'
import { all, one, reading } from '../statements.ts'
import type { Calls } from '../writes/operation.ts'
import type { Names, storedUserWrites } from '../writes/stored-users.ts'
import { type userWrites, waitAt } from '../writes/users.ts'
import { endedOf } from './sessions.ts'
import { messageRows } from './webhooks.ts'

type Write = Calls<typeof userWrites & typeof storedUserWrites>

export const createUserStores = (database: DatabaseSync, write: Write): UserStores => ({
  storedUsers: createStoredUsers(database, write),
  totpSecrets: createTotpSecrets(database, write),
  recoveryCodes: createRecoveryCodes(database, write),
  passkeys: createPasskeys(database, write),
  secondFactors: createSecondFactors(write),
  waitingMails: createWaitingMails(database, write),
  attempts: createAttempts(database, write),
})

function createStoredUsers(database: DatabaseSync, write: Write): StoredUsers {
  const find = one(database, `select ${codecs.storedUsers.names} from stored_users where sub = ?`)
  const byName = one(
    database,
    `select ${codecs.storedUsers.names} from stored_users where coalesce(tenant, '') = ? and username_key = ?`,
  )
  const byEmail = one(
    database,
    `select ${codecs.storedUsers.names} from stored_users
    where coalesce(tenant, '') = ? and email_key = ? and email_verified_at is not null`,
  )
  const any = one(database, 'select 1 from stored_users limit 1')
  const countOf = one(database, `select count(*) from stored_users where coalesce(tenant, '') = ?`)
  const list = all(
    database,
    `select ${codecs.storedUsers.names} from stored_users where sub > ? order by sub limit ?`,
  )
  return {
    find: reading(database, sub => codecs.storedUsers.decode(find(sub) ?? [])),
    // No tenant has an empty name.
    findByName: reading(database, (key, tenant) =>
      codecs.storedUsers.decode(byName(tenant ?? '', key) ?? []),
    ),
    findByVerifiedEmail: reading(database, (key, tenant) =>
      codecs.storedUsers.decode(byEmail(tenant ?? '', key) ?? []),
    ),
    any: reading(database, () => any() !== undefined),
    numberInTenant: reading(database, tenant => Number(countOf(tenant)?.[0] ?? 0)),
    list: ({ after = '', limit }) =>
      fullPage(
        limit,
        reading(database, ([sub] = [after]) => list(String(sub), limit)),
        rows => codecs.storedUsers.decodeAll(database, rows),
      ),
    add: (user, messages) =>
      write.addStoredUser(codecs.storedUsers.encode(user), user.sub, namesOf(user), messageRows(messages)),
    async replace(user, ending, messages) {
      const row = codecs.storedUsers.encode(user)
      const { sub, version } = user
      const replaced = await write.replaceStoredUser(
        row,
        sub,
        version - 1,
        namesOf(user),
        ending ?? null,
        messageRows(messages),
      )
      return typeof replaced === 'string'
        ? { outcome: replaced }
        : { outcome: 'replaced', ended: replaced.flatMap(ended => endedOf(database, ended) ?? []) }
    },
    upgradePassword: (sub, from, to) => write.upgradeStoredPassword(sub, from, to),
  }
}

const namesOf = ({ tenant = '', username_key, email_key, email_verified_at }: StoredUser): Names => [
  tenant,
  username_key,
  email_verified_at === undefined ? null : (email_key ?? null),
]

function createTotpSecrets(database: DatabaseSync, write: Write): TotpSecrets {
  const find = one(database, `select ${codecs.totpSecrets.names} from totp_secrets where sub = ?`)
  const page = all(
    database,
    `select ${codecs.totpSecrets.names} from totp_secrets where sub > ? order by sub limit ?`,
  )
  return {
    find: reading(database, sub => codecs.totpSecrets.decode(find(sub) ?? [])),
    page: (after, most) =>
      fullPage(
        most,
        reading(database, ([sub] = [after]) => page(String(sub), most)),
        rows => codecs.totpSecrets.decodeAll(database, rows),
      ),
    reseal: (sub, before, after) => write.resealTotpSecret(sub, before, after),
    add: secret => write.addTotpSecret(codecs.totpSecrets.encode(secret)),
    use: (sub, step) => write.useTotpStep(sub, step),
  }
}

function createRecoveryCodes(database: DatabaseSync, write: Write): RecoveryCodes {
  const count = one(database, 'select count(*) from recovery_codes where sub = ?')
  return {
    count: reading(database, sub => Number(count(sub)?.[0])),
    replace: (sub, hashes) => write.replaceRecoveryCodes(sub, hashes),
    use: (sub, hash) => write.useRecoveryCode(sub, hash),
  }
}

function createPasskeys(database: DatabaseSync, write: Write): Passkeys {
  const find = one(database, `select ${codecs.passkeys.names} from passkeys where id = ?`)
  const of = all(database, `select ${codecs.passkeys.names} from passkeys where sub = ? order by rowid`)
  return {
    find: reading(database, id => codecs.passkeys.decode(find(id) ?? [])),
    of: reading(database, sub => of(sub).flatMap(row => codecs.passkeys.decode(row) ?? [])),
    add: (passkey, most) => write.addPasskey(codecs.passkeys.encode(passkey), passkey.sub, most),
    rename: (sub, id, name) => write.renamePasskey(sub, id, name),
    use: (id, { counter, backed_up, at }) => write.usePasskey(id, counter, JSON.stringify(backed_up), at),
  }
}

const createSecondFactors = (write: Write): SecondFactors => ({
  remove: (sub, factor, required) =>
    write.removeSecondFactor(sub, factor.method === 'totp' ? null : factor.id, required),
  reset: sub => write.resetSecondFactors(sub),
})

function createWaitingMails(database: DatabaseSync, write: Write): WaitingMails {
  const due = one(database, 'select 1 from waiting_mails where due_at <= ? limit 1')
  return {
    add: (mail, most) => write.addWaitingMail(codecs.waitingMails.encode(mail), most),
    claim: async (at, until, limit) =>
      codecs.waitingMails.decodeAll(database, await write.claimWaitingMails(at, until, limit)),
    postpone: ({ id, attempts }, dueAt) => write.postponeWaitingMail(id, attempts, dueAt),
    remove: id => write.removeWaitingMail(id),
    anyDue: reading(database, at => due(at) !== undefined),
  }
}

const createAttempts = (database: DatabaseSync, write: Write): Attempts => ({
  count: (limits, at) => write.countAttempts(limits, at),
  forgive: hashes => write.forgiveAttempts(hashes),
  wait: reading(database, waitAt(database)),
})
