/** User administration by operators: finds users by `sub`, validates input, and names each problem. */

import type { PasswordProblem } from '../model/account.ts'
import { isDotSegment } from '../model/admin-api.ts'
import type { Memberships } from '../model/membership.ts'
import type { StoredUsers } from '../model/ports/stores.ts'
import { identityKey, type StoredUser } from '../model/stored-user.ts'
import { isDerivedSub } from '../model/user.ts'
import { importedPasswordHash } from '../runtime/password-hash/exported.ts'
import type { HashError } from '../runtime/password-hash/format.ts'
import { passwordHashError } from '../runtime/password-hash/read.ts'
import type { Accounts, NewAccount } from './accounts.ts'
import { isEmail } from './email-address.ts'

type UserProblem =
  | PasswordProblem
  | 'username_taken'
  | 'username_malformed'
  | 'account_taken'
  | 'account_changed'
  | 'account_unknown'
  | 'email_malformed'
  | 'sub_malformed'
  | 'membership_malformed'
  | 'claim_not_allowed'
  | 'password_hash_malformed'

type Outcome =
  | { readonly ok: true; readonly user: StoredUser }
  | {
      readonly ok: false
      readonly problem: UserProblem
      /** For `password_hash_malformed`. */
      readonly hash?: HashError
      /** The `sub` of the stored user who has the name or address. */
      readonly holder?: string
    }

export type UserAdministration = {
  /** Returns the page of users after this `sub`; empty after the last one. */
  readonly list: (after?: string) => Promise<readonly StoredUser[]>
  readonly add: (account: NewAccount) => Promise<Outcome>
  readonly setPassword: (sub: string, password: string) => Promise<Outcome>
  /** Sets a hash as another server exports it: see `importedPasswordHash`. */
  readonly setPasswordHash: (sub: string, exported: string) => Promise<Outcome>
  readonly setActive: (sub: string, active: boolean) => Promise<Outcome>
  readonly rename: (sub: string, username: string) => Promise<Outcome>
  /** Replaces the user's groups, roles or both. New tokens contain the new ones; issued tokens keep theirs. */
  readonly setMemberships: (sub: string, memberships: Memberships) => Promise<Outcome>
}

const page = 500
/** OpenID Connect Core 1.0 §2. */
const wellFormedSub = /^[\x20-\x7E]{1,255}$/

/** Returns whether an operator may give a user this `sub`. The server derives those of users of other providers. */
const isAssignable = (sub: string): boolean =>
  wellFormedSub.test(sub) && !isDotSegment(sub) && !isDerivedSub(sub)

type Exported =
  | { readonly ok: true; readonly passwordHash: string }
  | { readonly ok: false; readonly problem: 'password_hash_malformed'; readonly hash: HashError }

function readExported(exported: string): Exported {
  const passwordHash = importedPasswordHash(exported)
  const hash = passwordHashError(passwordHash)
  return hash ? { ok: false, problem: 'password_hash_malformed', hash } : { ok: true, passwordHash }
}

export function administerUsers(accounts: Accounts, storedUsers: StoredUsers): UserAdministration {
  const refused = (problem: UserProblem): Outcome => ({ ok: false, problem })
  const outcomeOf = (result: Awaited<ReturnType<Accounts['add']>>): Outcome =>
    result.ok ? { ok: true, user: result.value } : refused(result.reason as UserProblem)

  /** Adds the user who has the name or address, so that the operator can rename or delete that account. */
  async function withHolder(
    outcome: Outcome,
    { username, email, tenant }: Pick<NewAccount, 'username' | 'email' | 'tenant'>,
  ): Promise<Outcome> {
    if (outcome.ok || !/^(username|account)_taken$/.test(outcome.problem)) return outcome
    for (const name of [username, ...(email === undefined ? [] : [email])]) {
      const key = identityKey(name)
      const holder =
        (await storedUsers.findByName(key, tenant)) ?? (await storedUsers.findByVerifiedEmail(key, tenant))
      if (holder) return { ...outcome, holder: holder.sub }
    }
    return outcome
  }

  return {
    list: async after => storedUsers.list({ limit: page, after }),
    async add(account) {
      const { username, email, sub, password } = account
      const passwordHash = account.passwordHash === undefined ? undefined : readExported(account.passwordHash)
      if (passwordHash && !passwordHash.ok) return passwordHash
      if (email !== undefined && !isEmail(email)) return refused('email_malformed')
      if (sub !== undefined && !isAssignable(sub)) return refused('sub_malformed')
      const problem = password !== undefined && accounts.passwordProblem(password, { username, email })
      return problem
        ? refused(problem)
        : withHolder(outcomeOf(await accounts.add({ ...account, ...passwordHash })), account)
    },
    async setPassword(sub, password) {
      const user = await accounts.find(sub)
      if (!user) return refused('account_unknown')
      const problem = accounts.passwordProblem(password, user)
      return problem ? refused(problem) : outcomeOf(await accounts.setPassword(user, password))
    },
    async setPasswordHash(sub, exported) {
      const user = await accounts.find(sub)
      if (!user) return refused('account_unknown')
      const read = readExported(exported)
      return read.ok ? outcomeOf(await accounts.setPasswordHash(user, read.passwordHash)) : read
    },
    async rename(sub, username) {
      const user = await accounts.find(sub)
      if (!user) return refused('account_unknown')
      return withHolder(outcomeOf(await accounts.update(user, { username })), { ...user, username })
    },
    async setMemberships(sub, memberships) {
      for (;;) {
        const user = await accounts.find(sub)
        if (!user) return refused('account_unknown')
        const outcome = outcomeOf(await accounts.update(user, memberships))
        // The operator's decision applies even if the user's account changes at the same time.
        if (outcome.ok || outcome.problem !== 'account_changed') return outcome
      }
    },
    setActive: async (sub, active) => outcomeOf(await accounts.setActive(sub, active)),
  }
}
