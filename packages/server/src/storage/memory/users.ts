/** Stored users, their second factors and mails, and counted attempts, in memory. */

import type { Seconds } from '@tessera/protocol/brand'
import type {
  AttemptLimit,
  Attempts,
  Passkeys,
  SecondFactors,
  StoredUsers,
  UserStores,
  WaitingMails,
} from '../../model/ports/stores.ts'
import { isLiveCounter } from '../../model/ports/users.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { endAccess } from './sessions.ts'
import type { Tables } from './tables.ts'
import { storeMessages } from './webhooks.ts'

export function createUserStores(tables: Tables): UserStores {
  const { totpSecrets, recoveryCodes } = tables
  return {
    storedUsers: createStoredUsers(tables),
    totpSecrets: {
      find: sub => totpSecrets.get(sub),
      page: (after, most) =>
        totpSecrets
          .filter(({ sub }) => sub > after)
          .toSorted((one, other) => (one.sub < other.sub ? -1 : 1))
          .slice(0, most),
      async reseal(sub, before, sealed) {
        const secret = totpSecrets.get(sub)
        if (!secret || Buffer.compare(secret.sealed, before) !== 0) return false
        totpSecrets.put({ ...secret, sealed })
        return true
      },
      async add(secret) {
        if (totpSecrets.has(secret.sub)) return false
        totpSecrets.put(secret)
        return true
      },
      async use(sub, step) {
        const secret = totpSecrets.get(sub)
        if (!secret || secret.last_step >= step) return false
        totpSecrets.put({ ...secret, last_step: step })
        return true
      },
    },
    recoveryCodes: {
      count: sub => recoveryCodes.allBy('sub', sub).length,
      async replace(sub, hashes) {
        removeCodes(tables, sub)
        for (const hash of hashes) recoveryCodes.put({ sub, hash })
      },
      async use(sub, hash) {
        return recoveryCodes.delete(sub, hash)
      },
    },
    passkeys: createPasskeys(tables),
    secondFactors: createSecondFactors(tables),
    waitingMails: createWaitingMails(tables),
    attempts: createAttempts(tables),
  }
}

function createStoredUsers(tables: Tables): StoredUsers {
  const { storedUsers, principals, entries, registeredClients } = tables
  const ofTenant = (tenant: string | undefined) => storedUsers.filter(user => user.tenant === tenant)
  const verified = (user: StoredUser) => user.email_verified_at !== undefined && user.email_key !== undefined
  /** A user's name, and the address if it is verified. No other user may have either of them as name or address. */
  const namesOf = (user: StoredUser) => [user.username_key, ...(verified(user) ? [user.email_key ?? ''] : [])]
  const clash = (user: StoredUser): boolean =>
    ofTenant(user.tenant).some(
      other => other.sub !== user.sub && namesOf(other).some(name => namesOf(user).includes(name)),
    )
  /** RFC 9700 §4.15: a client must not be mistaken for a user. */
  const isClient = (sub: string): boolean => entries.has('clients', sub) || registeredClients.has(sub)
  const write = (user: StoredUser): void => {
    storedUsers.put(user)
    principals.put({ kind: 'stored_user', id: user.sub, stands: user.disabled_at === undefined ? 1 : 0 })
  }

  return {
    find: sub => storedUsers.get(sub),
    findByName: (key, tenant) => ofTenant(tenant).find(user => user.username_key === key),
    findByVerifiedEmail: (key, tenant) =>
      ofTenant(tenant).find(user => verified(user) && user.email_key === key),
    any: () => storedUsers.size > 0,
    numberInTenant: tenant => ofTenant(tenant).length,
    list: ({ after = '', limit }) =>
      storedUsers
        .filter(({ sub }) => sub > after)
        .toSorted((one, other) => (one.sub < other.sub ? -1 : 1))
        .slice(0, limit),
    async add(user, messages) {
      // Also the `sub` of a user who was removed.
      if (principals.has('stored_user', user.sub) || isClient(user.sub) || clash(user)) return false
      write(user)
      storeMessages(tables, messages)
      return true
    },
    async replace(user, ending, messages) {
      if (storedUsers.get(user.sub)?.version !== user.version - 1) return { outcome: 'changed' }
      if (clash(user)) return { outcome: 'taken' }
      write(user)
      storeMessages(tables, messages)
      return { outcome: 'replaced', ended: ending ? endAccess(tables, user.sub, ending) : [] }
    },
    async upgradePassword(sub, from, to) {
      const user = storedUsers.get(sub)
      if (user?.password !== from) return false
      storedUsers.put({ ...user, password: to })
      return true
    },
  }
}

function createPasskeys({ passkeys }: Tables): Passkeys {
  const of = (sub: string) => passkeys.filter(passkey => passkey.sub === sub)
  return {
    find: id => passkeys.get(id),
    of,
    async add(passkey, most) {
      if (passkeys.has(passkey.id) || of(passkey.sub).length >= most) return false
      passkeys.put(passkey)
      return true
    },
    async rename(sub, id, name) {
      const passkey = passkeys.get(id)
      if (passkey?.sub !== sub) return false
      passkeys.put({ ...passkey, name })
      return true
    },
    async use(id, { counter, backed_up, at }) {
      const passkey = passkeys.get(id)
      if (!passkey) return false
      if (counter <= passkey.counter && (counter > 0 || passkey.counter > 0)) return false
      passkeys.put({ ...passkey, counter, backed_up, last_used_at: at })
      return true
    },
  }
}

function removeCodes({ recoveryCodes }: Tables, sub: string): void {
  for (const { hash } of recoveryCodes.allBy('sub', sub)) recoveryCodes.delete(sub, hash)
}

function createSecondFactors(tables: Tables): SecondFactors {
  const { totpSecrets, passkeys, pendingSignIns } = tables
  const countOf = (sub: string) => ({
    totp: totpSecrets.has(sub) ? 1 : 0,
    passkey: passkeys.filter(passkey => passkey.sub === sub).length,
  })
  return {
    async remove(sub, factor, required) {
      const had = countOf(sub)
      const known = factor.method === 'totp' ? had.totp > 0 : passkeys.get(factor.id)?.sub === sub
      if (!known) return 'unknown'
      const left = { ...had, [factor.method]: had[factor.method] - 1 }
      if (required.some(method => had[method] > 0) && required.every(method => left[method] === 0))
        return 'last'
      if (factor.method === 'totp') totpSecrets.delete(sub)
      else passkeys.delete(factor.id)
      if (left.totp + left.passkey === 0) removeCodes(tables, sub)
      return 'removed'
    },
    async reset(sub) {
      const { totp, passkey } = countOf(sub)
      totpSecrets.delete(sub)
      passkeys.deleteWhere(one => one.sub === sub)
      removeCodes(tables, sub)
      pendingSignIns.deleteWhere(pending => pending.sub === sub)
      return totp + passkey
    },
  }
}

const createWaitingMails = ({ waitingMails }: Tables): WaitingMails => ({
  async add(mail, most) {
    if (waitingMails.size >= most) return false
    waitingMails.insert(mail)
    return true
  },
  async claim(at, until, limit) {
    const due = waitingMails
      .filter(({ due_at }) => due_at <= at)
      .toSorted((one, other) => one.due_at - other.due_at)
      .slice(0, limit)
      .map(mail => ({ ...mail, attempts: mail.attempts + 1, due_at: until }))
    for (const mail of due) waitingMails.put(mail)
    return due
  },
  async postpone({ id, attempts }, dueAt) {
    const found = waitingMails.get(id)
    if (found?.attempts === attempts) waitingMails.put({ ...found, due_at: dueAt })
  },
  async remove(id) {
    waitingMails.delete(id)
  },
  anyDue: at => waitingMails.filter(({ due_at }) => due_at <= at).length > 0,
})

function createAttempts({ attempts }: Tables): Attempts {
  const living = (hash: TokenHash, at: Seconds, span: Seconds) => {
    const counter = attempts.get(hash)
    return counter && isLiveCounter(counter.expires_at, span, at) ? counter : undefined
  }
  const wait = (limits: readonly AttemptLimit[], at: Seconds): Seconds =>
    Math.max(
      0,
      ...limits.map(({ hash, most, span }) => {
        const counter = living(hash, at, span)
        return counter && counter.count >= most ? counter.expires_at - at : 0
      }),
    )

  return {
    wait,
    // No `await` in here, so that nothing can happen between checking and counting.
    async count(limits, at) {
      const waiting = wait(limits, at)
      if (waiting > 0) return waiting
      for (const { hash, span } of limits) {
        const { count, expires_at } = living(hash, at, span) ?? { count: 0, expires_at: at + span }
        attempts.put({ hash, count: count + 1, expires_at })
      }
      return 0
    },
    async forgive(hashes) {
      for (const hash of hashes) {
        const counter = attempts.get(hash)
        if (counter && counter.count > 0) attempts.put({ ...counter, count: counter.count - 1 })
      }
    },
  }
}
