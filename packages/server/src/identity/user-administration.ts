/** User administration by the operator: users are found by `sub`, input is checked, and each problem has a name. */

import type { PasswordProblem } from '../model/account.ts'
import type { StoredUsers } from '../model/ports/stores.ts'
import { identityKey, type StoredUser } from '../model/stored-user.ts'
import { type Accounts, isEmail, type NewAccount } from './accounts.ts'

type UserProblem =
  | PasswordProblem
  | 'username_taken'
  | 'username_malformed'
  | 'account_taken'
  | 'account_changed'
  | 'account_unknown'
  | 'email_malformed'
  | 'sub_malformed'

type Kept =
  | { readonly ok: true; readonly user: StoredUser }
  | {
      readonly ok: false
      readonly problem: UserProblem
      /** The `sub` of the stored user who has the name or address. */
      readonly holder?: string
    }

export type UserAdministration = {
  /** Returns the page of users after this `sub`; empty at the end. */
  readonly list: (after?: string) => Promise<readonly StoredUser[]>
  readonly add: (account: NewAccount) => Promise<Kept>
  readonly setPassword: (sub: string, password: string) => Promise<Kept>
  readonly setActive: (sub: string, active: boolean) => Promise<Kept>
  readonly rename: (sub: string, username: string) => Promise<Kept>
  /** Deletes the user with everything that belongs to them, and returns what they were. */
  readonly remove: (sub: string) => Promise<Kept>
}

const page = 500
/** OpenID Connect Core 1.0 §2. */
const wellFormedSub = /^[\x20-\x7E]{1,255}$/

export function administerUsers(accounts: Accounts, storedUsers: StoredUsers): UserAdministration {
  const refused = (problem: UserProblem): Kept => ({ ok: false, problem })
  const kept = (result: Awaited<ReturnType<Accounts['add']>>): Kept =>
    result.ok ? { ok: true, user: result.value } : refused(result.reason as UserProblem)

  /** So that an operator can rename or delete the account that is in the way. */
  async function withHolder(
    outcome: Kept,
    { username, email, tenant }: Pick<NewAccount, 'username' | 'email' | 'tenant'>,
  ): Promise<Kept> {
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
    list: async after => storedUsers.list({ limit: page, ...(after !== undefined && { after }) }),
    async add(account) {
      const { username, email, sub, password } = account
      if (email !== undefined && !isEmail(email)) return refused('email_malformed')
      if (sub !== undefined && !wellFormedSub.test(sub)) return refused('sub_malformed')
      const words = { username, ...(email !== undefined && { email }) }
      const fault = password !== undefined && accounts.passwordProblem(password, words)
      return fault ? refused(fault) : withHolder(kept(await accounts.add(account)), account)
    },
    async setPassword(sub, password) {
      const user = await accounts.find(sub)
      if (!user) return refused('account_unknown')
      const fault = accounts.passwordProblem(password, user)
      return fault ? refused(fault) : kept(await accounts.setPassword(user, password))
    },
    async rename(sub, username) {
      const user = await accounts.find(sub)
      if (!user) return refused('account_unknown')
      return withHolder(kept(await accounts.update(user, { username })), { ...user, username })
    },
    async remove(sub) {
      const user = await accounts.find(sub)
      return user && (await accounts.remove(sub)).ok ? { ok: true, user } : refused('account_unknown')
    },
    setActive: async (sub, active) => kept(await accounts.setActive(sub, active)),
  }
}
