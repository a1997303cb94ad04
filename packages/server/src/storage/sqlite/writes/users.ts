/** Writes of second factors, waiting mails and counted attempts. */

import type { DatabaseSync } from 'node:sqlite'
import type { Seconds } from '@tessera/protocol/brand'
import type { FactorMethod } from '../../../model/mfa.ts'
import type { AttemptLimit } from '../../../model/ports/stores.ts'
import { counterTolerance } from '../../../model/ports/users.ts'
import type { TokenHash } from '../../../runtime/ports.ts'
import { codecs, type Row } from '../codecs.ts'
import { all, change, one } from '../statements.ts'
import type { Writes } from './operation.ts'

export const userWrites = {
  addTotpSecret(database) {
    const insert = change(
      database,
      `insert into totp_secrets (${codecs.totpSecrets.names}) values (${codecs.totpSecrets.placeholders}) on conflict do nothing`,
    )
    return (secret: Row): boolean => insert(...secret) === 1
  },
  resealTotpSecret(database) {
    const reseal = change(database, 'update totp_secrets set sealed = ?3 where sub = ?1 and sealed = ?2')
    return (sub: string, before: Uint8Array, after: Uint8Array): boolean => reseal(sub, before, after) === 1
  },
  useTotpStep(database) {
    const raise = change(database, 'update totp_secrets set last_step = ?2 where sub = ?1 and last_step < ?2')
    return (sub: string, step: number): boolean => raise(sub, step) === 1
  },
  replaceRecoveryCodes(database) {
    const remove = change(database, 'delete from recovery_codes where sub = ?')
    const insert = change(database, 'insert into recovery_codes (sub, hash) values (?, ?)')
    return (sub: string, hashes: readonly TokenHash[]): void => {
      remove(sub)
      for (const hash of hashes) insert(sub, hash)
    }
  },
  useRecoveryCode(database) {
    const use = change(database, 'delete from recovery_codes where sub = ? and hash = ?')
    return (sub: string, hash: TokenHash): boolean => use(sub, hash) === 1
  },
  addPasskey(database) {
    const count = one(database, 'select count(*) from passkeys where sub = ?')
    const insert = change(
      database,
      `insert into passkeys (${codecs.passkeys.names}) values (${codecs.passkeys.placeholders}) on conflict do nothing`,
    )
    return (passkey: Row, sub: string, most: number): boolean =>
      Number(count(sub)?.[0]) < most && insert(...passkey) === 1
  },
  renamePasskey(database) {
    const rename = change(database, 'update passkeys set name = ? where sub = ? and id = ?')
    return (sub: string, id: string, name: string): boolean => rename(name, sub, id) === 1
  },
  usePasskey(database) {
    const use = change(
      database,
      `update passkeys set counter = ?2, backed_up = ?3, last_used_at = ?4
       where id = ?1 and (counter < ?2 or (counter = 0 and ?2 = 0))`,
    )
    return (id: string, counter: number, backedUp: string, at: number): boolean =>
      use(id, counter, backedUp, at) === 1
  },
  removeSecondFactor(database) {
    const count = one(
      database,
      `select (select count(*) from totp_secrets where sub = ?1), (select count(*) from passkeys where sub = ?1),
        (select count(*) from passkeys where sub = ?1 and id = ?2)`,
    )
    const removeTotp = change(database, 'delete from totp_secrets where sub = ?')
    const removePasskey = change(database, 'delete from passkeys where sub = ? and id = ?')
    const removeCodes = change(database, 'delete from recovery_codes where sub = ?')
    return (
      sub: string,
      id: string | null,
      required: readonly FactorMethod[],
    ): 'removed' | 'last' | 'unknown' => {
      const [totp = 0, passkey = 0, named = 0] = (count(sub, id) ?? []).map(Number)
      if ((id === null ? totp : named) === 0) return 'unknown'
      const left = id === null ? { totp: 0, passkey } : { totp, passkey: passkey - 1 }
      const had = { totp, passkey }
      if (required.some(method => had[method] > 0) && required.every(method => left[method] === 0))
        return 'last'
      if (id === null) removeTotp(sub)
      else removePasskey(sub, id)
      if (left.totp + left.passkey === 0) removeCodes(sub)
      return 'removed'
    }
  },
  resetSecondFactors(database) {
    const [removeTotp, removePasskeys, ...rest] = [
      'totp_secrets',
      'passkeys',
      'recovery_codes',
      'pending_sign_ins',
    ].map(table => change(database, `delete from ${table} where sub = ?`))
    return (sub: string): number => {
      for (const remove of rest) remove(sub)
      return (removeTotp?.(sub) ?? 0) + (removePasskeys?.(sub) ?? 0)
    }
  },
  addWaitingMail(database) {
    const add = change(
      database,
      `insert into waiting_mails (${codecs.waitingMails.names})
      select ${codecs.waitingMails.placeholders} where (select count(*) from waiting_mails) < ?`,
    )
    return (mail: Row, most: number): boolean => add(...mail, most) === 1
  },
  claimWaitingMails(database) {
    const claim = all(
      database,
      `update waiting_mails set attempts = attempts + 1, due_at = ?2 where rowid in
        (select rowid from waiting_mails where due_at <= ?1 order by due_at limit ?3)
      returning ${codecs.waitingMails.names}`,
    )
    return (at: number, until: number, limit: number): readonly Row[] =>
      claim(at, until, limit) as readonly Row[]
  },
  postponeWaitingMail(database) {
    const postpone = change(database, 'update waiting_mails set due_at = ? where id = ? and attempts = ?')
    return (id: string, attempts: number, dueAt: number): void => void postpone(dueAt, id, attempts)
  },
  removeWaitingMail(database) {
    const remove = change(database, 'delete from waiting_mails where id = ?')
    return (id: string): void => void remove(id)
  },
  countAttempts(database) {
    const wait = waitAt(database)
    const living = `expires_at > ?2 and expires_at <= excluded.expires_at + ${counterTolerance}`
    const count = change(
      database,
      `insert into attempts (hash, count, expires_at) values (?1, 1, ?2 + ?3)
      on conflict do update set
        count = case when ${living} then count + 1 else 1 end,
        expires_at = case when ${living} then expires_at else excluded.expires_at end`,
    )
    return (limits: readonly AttemptLimit[], at: Seconds): Seconds => {
      const waiting = wait(limits, at)
      if (waiting === 0) for (const { hash, span } of limits) count(hash, at, span)
      return waiting
    }
  },
  forgiveAttempts(database) {
    const forgive = change(database, 'update attempts set count = count - 1 where hash = ? and count > 0')
    return (hashes: readonly string[]): void => {
      for (const hash of hashes) forgive(hash)
    }
  },
} as const satisfies Writes

export function waitAt(database: DatabaseSync) {
  const waiting = one(
    database,
    `select expires_at from attempts
    where hash = ?1 and count >= ?2 and expires_at > ?3 and expires_at <= ?3 + ?4 + ${counterTolerance}`,
  )
  return (limits: readonly AttemptLimit[], at: Seconds): Seconds =>
    Math.max(
      0,
      ...limits.map(({ hash, most, span }) => Number(waiting(hash, most, at, span)?.[0] ?? at) - at),
    )
}
