/** Users whose password can be set on pages: stored ones, and those of an operator's store that has `setPassword`. Adds users who sign up to either. */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { AccountSettings } from '../model/account.ts'
import type { Events } from '../model/events.ts'
import { newId } from '../model/handle.ts'
import type { Memberships } from '../model/membership.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { EndingWithin } from '../model/session.ts'
import { identityKey, type StoredUser } from '../model/stored-user.ts'
import type { Users } from '../model/user.ts'
import type { Awaitable, Log, Random } from '../runtime/ports.ts'
import type { AccessEndings } from './access-endings.ts'
import {
  type Accounts,
  accessEnding,
  couldBeAddress,
  isUsername,
  type NewAccount,
  type PasswordOptions,
} from './accounts.ts'
import { type ConfiguredSubs, visibleStored } from './configured-subs.ts'
import { preparePassword } from './password.ts'
import { type StoreUser, type StoreUsers, verifiedAddressOf } from './store-users.ts'

/** A user of the operator's store, with the fields of a stored user that pages about passwords need. */
type OutsideAccount = Pick<
  StoredUser,
  'sub' | 'username' | 'tenant' | 'email' | 'email_verified_at' | 'password' | 'disabled_at'
>
export type PasswordAccount = StoredUser | OutsideAccount

export type AddedAccount = Pick<StoredUser, 'sub' | 'username' | 'tenant'> & {
  /** Omitted if the operator's store has the user. */
  readonly stored?: StoredUser
}

/** Users who sign up have no groups and no roles. */
type SignUp = Omit<NewAccount, keyof Memberships> & { readonly password: string }

export type PasswordAccounts = Pick<Accounts, 'passwordProblem'> & {
  readonly find: (sub: string) => Promise<PasswordAccount | undefined>
  /** Finds the user who gets a mail with a new password. Always makes the same queries, so that the response takes the same time. */
  readonly findNamed: (typed: string, tenant: string | undefined) => Promise<PasswordAccount | undefined>
  /**
   * Sets the password and ends the user's access, except for the session `keep`. Refuses `invalid_request` with
   * `account_changed` if the user has changed meanwhile, or no longer exists.
   */
  readonly setPassword: (
    account: PasswordAccount,
    password: string,
    options?: PasswordOptions,
  ) => Promise<Result<PasswordAccount>>
  /**
   * Adds a user who signs up. Refuses as `Accounts.add` does.
   * @param redeem redeems the link of the user, before the operator's store adds them: a store may delete a user, and the link
   * must not add that user again. Refuses `invalid_request` with `mail_link_invalid` if it resolves to false.
   */
  readonly signUp: (account: SignUp, redeem?: () => Promise<boolean>) => Promise<Result<AddedAccount>>
}

/** Whether this server stores the user. */
export const isStored = (account: PasswordAccount): account is StoredUser => 'version' in account

type PasswordAccountPorts = {
  readonly configured: ConfiguredSubs
  readonly accounts: Accounts
  readonly stores: Pick<Stores, 'storedUsers' | 'sessions'>
  readonly users: Pick<Users, 'isNameTaken'>
  readonly storeUsers?: StoreUsers | undefined
  /** RFC 9700 §4.15: a user must not be mistaken for a client. */
  readonly isClient: (id: string) => Awaitable<boolean>
  readonly hashArgon2id: (password: string, from?: string) => Promise<string>
  readonly accessEndings: Pick<AccessEndings, 'end'>
  readonly endingWithin: EndingWithin
  readonly settings: Pick<AccountSettings, 'changeEnds'>
  readonly random: Random
  readonly log: Log
  readonly events: Events
}

export function createPasswordAccounts(ports: PasswordAccountPorts): PasswordAccounts {
  const {
    configured,
    accounts,
    storeUsers,
    users,
    hashArgon2id,
    accessEndings,
    endingWithin,
    settings,
    random,
    log,
    events,
  } = ports
  const { storedUsers, sessions } = ports.stores
  const outside = storeUsers?.setPassword && storeUsers

  const visible = (stored: StoredUser | undefined) => visibleStored(stored, configured)

  /** Prepares a password as `Accounts` does, and hashes it. */
  async function hashed(text: string, from: string | undefined) {
    const password = preparePassword(text)
    return { password, password_argon2id: await hashArgon2id(password, from) }
  }

  return {
    passwordProblem: accounts.passwordProblem,
    async find(sub) {
      const stored = visible(await accounts.find(sub))
      if (stored || !outside) return stored
      const found = await outside.find(sub)
      return found && accountOf(found)
    },
    async findNamed(typed, tenant) {
      const key = identityKey(typed)
      const [ofAddress, ofName, byAddress, byName] = await Promise.all([
        storedUsers.findByVerifiedEmail(key, tenant),
        storedUsers.findByName(key, tenant),
        outside?.findByVerifiedEmail(typed, tenant),
        outside?.findByName(typed, tenant),
      ])
      if (byAddress) return accountOf(byAddress)
      return visible(ofAddress) ?? (byName ? accountOf(byName) : visible(ofName))
    },
    async setPassword(account, text, { keep, from } = {}) {
      if (isStored(account)) return accounts.setPassword(account, text, { keep, from })
      const { sub, tenant } = account
      const end = async (): Promise<void> => {
        const ended = await accessEndings.end(sub, () =>
          sessions.endOfUser(sub, accessEnding(endingWithin, settings, keep)),
        )
        endingWithin.ended(ended, 'password_changed')
      }
      const request = { sub, ...(tenant !== undefined && { tenant }), ...(await hashed(text, from)) }
      const changed = await outside?.setPassword?.(request).catch(async error => {
        // The store may have written the new password, so whoever knew the old one must lose access.
        await end()
        throw error
      })
      if (!changed) return refuse('invalid_request', 'account_changed', { log: { sub } })
      await end()
      log.info('password_changed', { sub })
      events.emit('user.password_changed', { sub })
      return ok(account)
    },
    async signUp(account, redeem) {
      if (storeUsers?.create) return signUpOutside(account, storeUsers.create, redeem)
      const added = await accounts.add({ ...account, chosenByUser: true })
      return added.ok ? ok({ ...added.value, stored: added.value }) : added
    },
  }

  async function signUpOutside(
    {
      username,
      sub = newId<string>(random),
      tenant,
      email,
      emailVerified = false,
      claims = {},
      password,
      from,
    }: SignUp,
    create: NonNullable<StoreUsers['create']>,
    redeem: (() => Promise<boolean>) | undefined,
  ): Promise<Result<AddedAccount>> {
    if (!isUsername(username)) return refuse('invalid_request', 'username_malformed')
    const isOwnAddress = emailVerified && email !== undefined && identityKey(email) === identityKey(username)
    if (couldBeAddress(username) && !isOwnAddress) return refuse('invalid_request', 'username_is_address')
    const taken =
      (await users.isNameTaken(username, tenant)) ||
      (email !== undefined && emailVerified && (await users.isNameTaken(email, tenant)))
    if (taken) return refuse('invalid_request', 'username_taken')
    if (await ports.isClient(sub)) return refuse('invalid_request', 'account_taken')
    const hashes = await hashed(password, from)
    if (redeem && !(await redeem())) return refuse('invalid_request', 'mail_link_invalid')
    const added = await create({
      sub,
      username,
      ...(tenant !== undefined && { tenant }),
      claims: { ...claims, ...(email !== undefined && { email, email_verified: emailVerified }) },
      ...hashes,
    })
    if (!added) return refuse('invalid_request', 'username_taken')
    log.info('user_added', { sub, tenant })
    events.emit('user.created', { sub, ...(tenant !== undefined && { tenant }) })
    return ok({ sub, username, ...(tenant !== undefined && { tenant }) })
  }
}

function accountOf({ user, password }: StoreUser): OutsideAccount {
  const { sub, username, tenant, active, claims } = user
  const { email } = claims
  const isVerified = verifiedAddressOf(user) !== undefined
  return {
    sub,
    username,
    ...(tenant !== undefined && { tenant }),
    // The store does not know since when.
    ...(typeof email === 'string' && { email, ...(isVerified && { email_verified_at: 0 }) }),
    ...(!active && { disabled_at: 0 }),
    ...(password !== undefined && { password }),
  }
}
