/** Ports to stored users, their second factors and mails, and counted attempts. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable, TokenHash } from '../../runtime/ports.ts'
import type { Passkey, TotpSecret } from '../factor.ts'
import type { WaitingMail } from '../mail.ts'
import type { FactorMethod } from '../mfa.ts'
import type { StoredUser } from '../stored-user.ts'
import type { AccessEnding, EndedSession, Messages } from './sessions.ts'

/** Users who signed up here or were added by an operator. Each write also enables or disables the user for `commit`. */
export type StoredUsers = {
  readonly find: (sub: string) => Awaitable<StoredUser | undefined>
  /** @param key the name in normalized form: see `identityKey`. */
  readonly findByName: (key: string, tenant: string | undefined) => Awaitable<StoredUser | undefined>
  readonly findByVerifiedEmail: (key: string, tenant: string | undefined) => Awaitable<StoredUser | undefined>
  readonly any: () => Awaitable<boolean>
  /** Returns how many users belong to a tenant, disabled ones too. */
  readonly numberInTenant: (tenant: string) => Awaitable<number>
  /** Returns users in the order of their `sub`, from the one after `after`. */
  readonly list: (page: {
    readonly after?: string
    readonly limit: number
  }) => Awaitable<readonly StoredUser[]>
  /**
   * Returns false, and stores nothing, if a stored user has or had the `sub`, if a stored or registered client has it as
   * `client_id` (RFC 9700 §4.15), or if another user has the name or the verified address.
   */
  readonly add: (user: StoredUser, messages?: Messages) => Promise<boolean>
  /** Replaces the previous version, and with `ending` ends the user's access in the same write. */
  readonly replace: (user: StoredUser, ending?: AccessEnding, messages?: Messages) => Promise<Replacement>
  /**
   * Replaces the hash `from` by `to`, both of the same password, and returns whether `from` was still stored. Changes neither
   * the version nor the epoch, since nothing changes for the user.
   */
  readonly upgradePassword: (sub: string, from: string, to: string) => Promise<boolean>
}

/** `changed`: another version is stored. `taken`: another user has the name or the address. */
export type Replacement =
  | { readonly outcome: 'replaced'; readonly ended: readonly EndedSession[] }
  | { readonly outcome: 'changed' | 'taken' }

export type TotpSecrets = {
  readonly find: (sub: string) => Awaitable<TotpSecret | undefined>
  /** Returns false, and stores nothing, if the user has one. */
  readonly add: (secret: TotpSecret) => Promise<boolean>
  /** Returns at most `most` secrets in the order of their `sub`, starting after `after`. */
  readonly page: (after: string, most: number) => Awaitable<readonly TotpSecret[]>
  /** Replaces the sealed bytes if they are still `before`. Returns whether they were. */
  readonly reseal: (sub: string, before: Uint8Array, after: Uint8Array) => Promise<boolean>
  /** Raises the newest used step to this one. Returns false if it is not lower, or if there is no secret. */
  readonly use: (sub: string, step: number) => Promise<boolean>
}

/** Hashes of codes that each replace a second factor once. */
export type RecoveryCodes = {
  /** Returns how many are left. */
  readonly count: (sub: string) => Awaitable<number>
  /** Replaces all codes of the user. */
  readonly replace: (sub: string, hashes: readonly TokenHash[]) => Promise<void>
  /** Returns whether this call consumed it. */
  readonly use: (sub: string, hash: TokenHash) => Promise<boolean>
}

export type Passkeys = {
  readonly find: (id: string) => Awaitable<Passkey | undefined>
  /** Returns the user's passkeys, the oldest first. */
  readonly of: (sub: string) => Awaitable<readonly Passkey[]>
  /** Returns false, and stores nothing, if the id is taken or the user already has `most`. */
  readonly add: (passkey: Passkey, most: number) => Promise<boolean>
  /** Returns whether the user has it. */
  readonly rename: (sub: string, id: string, name: string) => Promise<boolean>
  /** Records a use. Returns false, and writes nothing, unless the counter rose or has always been 0 (WebAuthn Level 3 §7.2). */
  readonly use: (id: string, use: PasskeyUse) => Promise<boolean>
}

type PasskeyUse = { readonly counter: number; readonly backed_up: boolean; readonly at: Seconds }

/**
 * Writes that involve all second factors of a user, because two concurrent requests could otherwise each delete one and
 * leave none.
 */
export type SecondFactors = {
  /**
   * Deletes a factor, and with the last one the recovery codes, which replace it. `last`: it is the last of the required
   * methods, and nothing was deleted. `unknown`: the user does not have it.
   */
  readonly remove: (
    sub: string,
    factor: { readonly method: 'totp' } | { readonly method: 'passkey'; readonly id: string },
    required: readonly FactorMethod[],
  ) => Promise<'removed' | 'last' | 'unknown'>
  /** Deletes all factors, the recovery codes and pending sign-ins. Returns how many apps and passkeys were deleted. */
  readonly reset: (sub: string) => Promise<number>
}

/** Mails that wait to be sent. */
export type WaitingMails = {
  /** Adds a mail unless `most` already wait. Returns whether it was added. */
  readonly add: (mail: WaitingMail, most: number) => Promise<boolean>
  /** Returns mails that are due, the longest overdue first. Counts the attempt, and postpones them to `until`, so that no other process sends them meanwhile. */
  readonly claim: (at: Seconds, until: Seconds, limit: number) => Promise<readonly WaitingMail[]>
  /** Postpones it, unless another process has claimed it since. */
  readonly postpone: (mail: WaitingMail, dueAt: Seconds) => Promise<void>
  /** Deletes a mail that was sent or abandoned. */
  readonly remove: (id: string) => Promise<void>
  readonly anyDue: (at: Seconds) => Awaitable<boolean>
}

/** Counters of attempts at passwords, codes and other values that may be tried a limited number of times. */
export type Attempts = {
  /**
   * Counts one attempt in every counter, in one write, and returns 0. If a counter is full, counts nothing and returns
   * the seconds to wait until all have room.
   */
  readonly count: (limits: readonly AttemptLimit[], at: Seconds) => Promise<Seconds>
  /** Subtracts one attempt from each counter. */
  readonly forgive: (hashes: readonly TokenHash[]) => Promise<void>
  /** Returns the seconds to wait until all counters have room; 0 if they have. Counts nothing. */
  readonly wait: (limits: readonly AttemptLimit[], at: Seconds) => Awaitable<Seconds>
}

/**
 * A counter that ends later than its span allows was started by a clock that was ahead, and counts as ended. Setting the
 * clock back by less keeps it, so that corrections of a running clock forgive no attempts.
 */
export const counterTolerance: Seconds = 600

/** Returns whether a counter that ends at this time has not ended; see {@link counterTolerance}. */
export const isLiveCounter = (end: Seconds, span: Seconds, now: Seconds): boolean =>
  end > now && end <= now + span + counterTolerance

export type AttemptLimit = {
  /** A hash of what is counted, such as a name or a network. */
  readonly hash: TokenHash
  readonly most: number
  /** The lifetime of a counter, from its first attempt. */
  readonly span: Seconds
}

export type UserStores = {
  readonly storedUsers: StoredUsers
  readonly totpSecrets: TotpSecrets
  readonly recoveryCodes: RecoveryCodes
  readonly passkeys: Passkeys
  readonly secondFactors: SecondFactors
  readonly waitingMails: WaitingMails
  readonly attempts: Attempts
}
