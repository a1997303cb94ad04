/** Manages stored users: adds, changes, disables and deletes them. */

import type { Seconds } from '@tessera/protocol/brand'
import { type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { AccountSettings, PasswordProblem } from '../model/account.ts'
import { changesBetween } from '../model/audit-record.ts'
import type { Events, PreparedEvent } from '../model/events.ts'
import { newId } from '../model/handle.ts'
import { areMembershipNames, type Memberships, withMemberships } from '../model/membership.ts'
import type { AccessEnding, EndedSession, Stores } from '../model/ports/stores.ts'
import type { EndCause, EndingWithin } from '../model/session.ts'
import { identityKey, type StoredUser } from '../model/stored-user.ts'
import { isDerivedSub, type Users } from '../model/user.ts'
import { problemOfClaims, type RecordClaims, recordClaimsOf } from '../model/user-claims.ts'
import type { Awaitable, Clock, Log, Random } from '../runtime/ports.ts'
import { passwordProblem, preparePassword } from './password.ts'

export type NewAccount = Memberships & {
  readonly username: string
  /** Default: a random one. */
  readonly sub?: string
  readonly tenant?: string
  readonly email?: string
  readonly emailVerified?: boolean
  /** Must contain no member of the account, such as `email` or `roles`, and no claim that only this server sets. */
  readonly claims?: JsonObject
  /** Omitted: the user has no password until one is set. */
  readonly password?: string
  /** Instead of `password`: a hash of another server, in a format of `readPasswordHash`. */
  readonly passwordHash?: string
  /** Whether the user is added without access, until `setActive`. */
  readonly disabled?: boolean
  /** Checks everything, and stores nothing. */
  readonly dryRun?: boolean
  /** Whether the user chose the name. An operator may choose any name. */
  readonly chosenByUser?: boolean
  /** The network of the request, for fair queueing of hashes. Omitted: an operator. */
  readonly from?: string
}

export type Accounts = {
  readonly find: (sub: string) => Awaitable<StoredUser | undefined>
  /**
   * Refuses `invalid_request` with `username_taken`, `username_malformed`, `username_is_address`, `claim_not_allowed`
   * (`claims` contains a member of the account, such as `email` or `roles`, or a claim that only this server sets),
   * `membership_malformed` or `account_taken` (another user has the address, or the `sub` is or was that of a user, is a
   * `client_id`, or has the form of one that the server derives for users of other providers).
   */
  readonly add: (account: NewAccount) => Promise<Result<StoredUser>>
  /** Returns why the user may not choose this password; undefined if they may. */
  readonly passwordProblem: (
    password: string,
    user: Pick<StoredUser, 'username' | 'email'>,
  ) => PasswordProblem | undefined
  /**
   * Sets the password and ends the user's access in one write, except for the session `keep`. Refuses `invalid_request`
   * with `account_changed` if the stored user is no longer this version.
   */
  readonly setPassword: (
    user: StoredUser,
    password: string,
    options?: PasswordOptions,
  ) => Promise<Result<StoredUser>>
  /** As `setPassword`, with a hash of another server. */
  readonly setPasswordHash: (user: StoredUser, passwordHash: string) => Promise<Result<StoredUser>>
  /**
   * Changes the user. A new address counts as verified. `claims`, `groups` and `roles` each replace only themselves. Refuses
   * `account_changed`, `username_malformed`, `username_taken`, `claim_not_allowed`, `membership_malformed` or `account_taken`.
   */
  readonly update: (user: StoredUser, changes: AccountChanges) => Promise<Result<StoredUser>>
  /** Enables or disables the user. Disabling ends their access. Refuses `account_unknown`. */
  readonly setActive: (sub: string, active: boolean) => Promise<Result<StoredUser>>
  /**
   * Ends all sessions and sign-ins in progress, and revokes every authorization. Resolves to the ended sessions. Refuses
   * `account_unknown`.
   */
  readonly endAccess: (sub: string) => Promise<Result<readonly EndedSession[]>>
  /** See {@link EraseStoredUser}. */
  readonly remove: EraseStoredUser
}

/**
 * Deletes a stored user with everything that is stored about them. The `sub` is never assigned again. Refuses
 * `account_unknown`.
 * @param actor who deletes the user, for events. Default: `application`.
 */
export type EraseStoredUser = (sub: string, actor?: string) => Promise<Result<true>>

export type PasswordOptions = {
  /** The session to keep. */
  readonly keep?: string | undefined
  /** The network of the request; omitted: an operator. */
  readonly from?: string | undefined
}

type AccountChanges = Memberships & {
  readonly username?: string
  readonly verifiedEmail?: string
  readonly claims?: JsonObject
}

export type AccountPorts = {
  readonly stores: Pick<Stores, 'storedUsers'>
  readonly users: Pick<Users, 'isNameTaken' | 'find'>
  /** RFC 9700 §4.15: a user must not be mistaken for a client. */
  readonly isClient: (id: string) => Awaitable<boolean>
  readonly erase: EraseStoredUser
  readonly hashArgon2id: (password: string, from?: string) => Promise<string>
  readonly endingWithin: EndingWithin
  readonly settings: Pick<AccountSettings, 'passwordPolicy' | 'changeEnds'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly events: Events
}

const maxNameLength = 200

/**
 * Returns whether the name is one line of visible text, without control, format, line-separator or invisible characters
 * (UAX #31 §2.3: a name that contains one looks like another name).
 */
export const isUsername = (username: string): boolean =>
  username.trim() !== '' &&
  username.length <= maxNameLength &&
  !/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(username)

/**
 * Returns whether a name could be someone's email address. Such a name would look like the owner's account, and would
 * prevent the owner from verifying the address. Users may therefore have such a name only if it is their own verified
 * address.
 */
export const couldBeAddress = (username: string): boolean => identityKey(username).includes('@')

/** Returns the refusal of claims that a stored user can't have; undefined if they are accepted. */
export function claimsRefusal(
  { claims = {}, groups, roles }: Partial<RecordClaims>,
  sub?: string,
): Refusal | undefined {
  const problem = problemOfClaims(claims)
  if (problem) return refuse('invalid_request', 'claim_not_allowed', { log: { sub, claim: problem.claim } })
  return areMembershipNames({ groups, roles })
    ? undefined
    : refuse('invalid_request', 'membership_malformed', { log: { sub } })
}

/** Returns the members of a user that operators change. */
export const detailsOf = ({ username, email, claims }: StoredUser) => ({ username, email, claims })

/** Returns what ends when a user's access ends: everything except the session that continues. */
export const accessEnding = (
  endingWithin: EndingWithin,
  { changeEnds }: Pick<AccountSettings, 'changeEnds'>,
  kept_sid?: string,
): AccessEnding => ({
  ...endingWithin.ending(),
  everything: changeEnds === 'everything',
  ...(kept_sid !== undefined && { kept_sid }),
})

export function createAccounts(ports: AccountPorts): Accounts {
  const { users, hashArgon2id, settings, endingWithin, clock, random, log, events } = ports
  const { storedUsers } = ports.stores
  const hash = (password: string, from?: string) => hashArgon2id(preparePassword(password), from)

  const replace = async (...given: Parameters<typeof replaceUser>): Promise<Result<StoredUser>> => {
    const replaced = await replaceUser(...given)
    return replaced.ok ? ok(replaced.value.user) : replaced
  }

  async function replaceUser(
    user: StoredUser,
    event: PreparedEvent,
    ends?: {
      readonly cause: EndCause
      readonly keep?: string | undefined
      readonly everything?: boolean
    },
  ): Promise<Result<{ readonly user: StoredUser; readonly ended: readonly EndedSession[] }>> {
    const next = { ...user, version: user.version + 1, epoch: user.epoch + (ends ? 1 : 0) }
    const replaced = await storedUsers.replace(
      next,
      ends && {
        ...accessEnding(endingWithin, settings, ends.keep),
        ...(ends.everything && { everything: true }),
      },
      event.messages,
    )
    if (replaced.outcome === 'replaced') {
      event.happened()
      if (ends) endingWithin.ended(replaced.ended, ends.cause)
      return ok({ user: next, ended: replaced.ended })
    }
    const reason = replaced.outcome === 'taken' ? 'account_taken' : 'account_changed'
    return refuse('invalid_request', reason, { log: { sub: user.sub } })
  }

  async function changePassword(
    user: StoredUser,
    password: string,
    keep?: string | undefined,
  ): Promise<Result<StoredUser>> {
    const { sub } = user
    const event = events.prepare('user.password_changed', { sub })
    const next = { ...user, password, password_changed_at: clock.now() }
    const replaced = await replace(next, event, { cause: 'password_changed', keep })
    if (replaced.ok) log.info('password_changed', { sub })
    return replaced
  }

  return {
    find: sub => storedUsers.find(sub),
    async add({
      username,
      sub = newId<string>(random),
      tenant,
      email,
      emailVerified,
      claims = {},
      groups,
      roles,
      password,
      passwordHash,
      disabled = false,
      dryRun = false,
      chosenByUser = false,
      from,
    }) {
      if (!isUsername(username)) return refuse('invalid_request', 'username_malformed')
      const proven = emailVerified && email !== undefined && identityKey(email) === identityKey(username)
      if (chosenByUser && couldBeAddress(username) && !proven)
        return refuse('invalid_request', 'username_is_address')
      const refusal = claimsRefusal({ claims, groups, roles })
      if (refusal) return refusal
      if (await users.isNameTaken(username, tenant)) return refuse('invalid_request', 'username_taken')
      if (email !== undefined && emailVerified && (await users.isNameTaken(email, tenant)))
        return refuse('invalid_request', 'account_taken')
      const now: Seconds = clock.now()
      const encoded = password === undefined || dryRun ? passwordHash : await hash(password, from)
      const user: StoredUser = {
        sub,
        version: 1,
        epoch: 0,
        username,
        username_key: identityKey(username),
        ...(tenant !== undefined && { tenant }),
        ...(email !== undefined && { email, email_key: identityKey(email) }),
        ...(email !== undefined && emailVerified && { email_verified_at: now }),
        claims: withMemberships(claims, { groups, roles }),
        ...(encoded !== undefined && { password: encoded, password_changed_at: now }),
        created_at: now,
        ...(disabled && { disabled_at: now }),
      }
      const known = isDerivedSub(sub) || (await users.find(sub)) !== undefined || (await ports.isClient(sub))
      const created = events.prepare('user.created', { sub, ...(tenant !== undefined && { tenant }) })
      if (!known && dryRun) return ok(user)
      if (known || !(await storedUsers.add(user, created.messages)))
        return refuse('invalid_request', 'account_taken')
      created.happened()
      log.info('user_added', { sub, tenant })
      return ok(user)
    },
    passwordProblem: (password, { username, email }) =>
      passwordProblem(password, settings.passwordPolicy, [username, email]),
    setPassword: async (user, password, { keep, from } = {}) =>
      changePassword(user, await hash(password, from), keep),
    setPasswordHash: (user, passwordHash) => changePassword(user, passwordHash),
    async update(user, { username, verifiedEmail, claims, groups, roles }) {
      const { sub, tenant } = user
      const refusal = claimsRefusal({ claims, groups, roles }, sub)
      if (refusal) return refusal
      if (username !== undefined && !isUsername(username))
        return refuse('invalid_request', 'username_malformed', { log: { sub } })
      if (username !== undefined && (await users.isNameTaken(username, tenant, sub)))
        return refuse('invalid_request', 'username_taken', { log: { sub } })
      if (verifiedEmail !== undefined && (await users.isNameTaken(verifiedEmail, tenant, sub)))
        return refuse('invalid_request', 'account_taken', { log: { sub } })
      const known = recordClaimsOf(user.claims)
      const changesClaims = claims !== undefined || groups !== undefined || roles !== undefined
      const lists = { groups: groups ?? known.groups, roles: roles ?? known.roles }
      const next = {
        ...user,
        ...(username !== undefined && { username, username_key: identityKey(username) }),
        ...(verifiedEmail !== undefined && {
          email: verifiedEmail,
          email_key: identityKey(verifiedEmail),
          email_verified_at: clock.now(),
        }),
        ...(changesClaims && { claims: withMemberships(claims ?? known.claims, lists) }),
      }
      const given = {
        username: username !== undefined,
        email: verifiedEmail !== undefined,
        claims: changesClaims,
      }
      const changed = (['username', 'email', 'claims'] as const).filter(name => given[name])
      const details = changesBetween(detailsOf(user), detailsOf(next), changed)
      return replace(next, events.prepare('user.updated', { sub, changed }, details))
    },
    async setActive(sub, active) {
      for (;;) {
        const user = await storedUsers.find(sub)
        if (!user) return refuse('invalid_request', 'account_unknown', { log: { sub } })
        const { disabled_at: _, ...rest } = user
        const event = events.prepare(active ? 'user.enabled' : 'user.disabled', { sub })
        const replaced = active
          ? await replace(rest, event)
          : await replace({ ...rest, disabled_at: clock.now() }, event, { cause: 'disabled' })
        // The operator's decision applies even if the user's account changes at the same time.
        if (!replaced.ok) continue
        log.info(active ? 'user_enabled' : 'user_disabled', { sub })
        return replaced
      }
    },
    async endAccess(sub) {
      for (;;) {
        const user = await storedUsers.find(sub)
        if (!user) return refuse('invalid_request', 'account_unknown', { log: { sub } })
        const event = events.prepare('user.access_revoked', { sub })
        const replaced = await replaceUser(user, event, { cause: 'access_revoked', everything: true })
        // The operator's decision applies even if the user's account changes at the same time.
        if (replaced.ok) return ok(replaced.value.ended)
      }
    },
    remove: ports.erase,
  }
}
