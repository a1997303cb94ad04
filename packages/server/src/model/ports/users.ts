/** Users who are kept here, what they prove themselves by, and what they are told. Ports, one for each noun. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable, TokenHash } from '../../runtime/ports.ts'
import type { Passkey, TotpSecret } from '../factor.ts'
import type { WaitingMail } from '../mail.ts'
import type { FactorMethod } from '../mfa.ts'
import type { StoredUser } from '../stored-user.ts'
import type { AccessEnding, EndedSession } from './sessions.ts'

/** Users who signed up here or were added by an operator. Whether one stands for `commit` is written with it. */
export type StoredUsers = {
  readonly find: (sub: string) => Awaitable<StoredUser | undefined>
  /** @param key the name as it is compared. */
  readonly findByName: (key: string, tenant: string | undefined) => Awaitable<StoredUser | undefined>
  readonly findByVerifiedEmail: (key: string, tenant: string | undefined) => Awaitable<StoredUser | undefined>
  readonly any: () => Awaitable<boolean>
  /** In the order of their `sub`, from behind `after` on. */
  readonly list: (page: {
    readonly after?: string
    readonly limit: number
  }) => Awaitable<readonly StoredUser[]>
  /**
   * Answers false, and stores nothing, where the `sub` is or was a stored user's, or where the name or the verified
   * address is another's: a name that is another's address is taken too, and the other way round.
   */
  readonly add: (user: StoredUser) => Promise<boolean>
  /** Puts it in the place of the version before it, and ends the user's access in the same write where that is given. */
  readonly replace: (user: StoredUser, ending?: AccessEnding) => Promise<Replacement>
  /** In one write: the user is gone, with factors, links and consents, and their access ends. Their `sub` never stands again. Undefined where there is none. */
  readonly remove: (sub: string, ending: AccessEnding) => Promise<readonly EndedSession[] | undefined>
}

/** `changed`: the version before it is not the one that stands; `taken`: name or address is another user's. */
export type Replacement =
  | { readonly outcome: 'replaced'; readonly ended: readonly EndedSession[] }
  | { readonly outcome: 'changed' | 'taken' }

export type TotpSecrets = {
  readonly find: (sub: string) => Awaitable<TotpSecret | undefined>
  /** Answers false, and stores nothing, when the user has one. */
  readonly add: (secret: TotpSecret) => Promise<boolean>
  /** Raises the newest used step to this one; answers false when it is that high already, or there is no secret. */
  readonly use: (sub: string, step: number) => Promise<boolean>
}

/** Hashes of codes that each open a user's account once. */
export type RecoveryCodes = {
  /** How many are left. */
  readonly count: (sub: string) => Awaitable<number>
  /** Puts these in the place of all that the user had. */
  readonly replace: (sub: string, hashes: readonly TokenHash[]) => Promise<void>
  /** Answers whether this call used it. */
  readonly use: (sub: string, hash: TokenHash) => Promise<boolean>
}

export type Passkeys = {
  readonly find: (id: string) => Awaitable<Passkey | undefined>
  /** A user's, the oldest first. */
  readonly of: (sub: string) => Awaitable<readonly Passkey[]>
  /** Answers false, and stores nothing, when the id is taken or the user has that many already. */
  readonly add: (passkey: Passkey, most: number) => Promise<boolean>
  /** Answers whether the user has it. */
  readonly rename: (sub: string, id: string, name: string) => Promise<boolean>
  /** Writes a use. Answers false, and writes nothing, unless the counter rose or has always been 0 (WebAuthn Level 3 §7.2). */
  readonly use: (id: string, use: PasskeyUse) => Promise<boolean>
}

type PasskeyUse = { readonly counter: number; readonly backed_up: boolean; readonly at: Seconds }

/** What is written of a user's second factors together: two requests at once must not each leave the other's. */
export type SecondFactors = {
  /**
   * Takes one away, and the recovery codes with the last one: they stand for it. `last`: it is the last of the required
   * methods, and nothing was taken; `unknown`: the user has none such.
   */
  readonly remove: (
    sub: string,
    factor: { readonly method: 'totp' } | { readonly method: 'passkey'; readonly id: string },
    required: readonly FactorMethod[],
  ) => Promise<'removed' | 'last' | 'unknown'>
  /** Takes all away, with the recovery codes and the sign-ins that wait for one; answers how many apps and passkeys that were. */
  readonly reset: (sub: string) => Promise<number>
}

/** Mails that are to be handed on. */
export type WaitingMails = {
  /** Adds it unless `most` wait already; answers whether it was added. */
  readonly add: (mail: WaitingMail, most: number) => Promise<boolean>
  /** Takes those that are due, the longest first, and puts them off until the given time, so that no other process sends them meanwhile. Counts the attempt. */
  readonly claim: (at: Seconds, until: Seconds, limit: number) => Promise<readonly WaitingMail[]>
  /** Puts it off, unless another process has claimed it since. */
  readonly postpone: (mail: WaitingMail, dueAt: Seconds) => Promise<void>
  /** Handed on, or given up. */
  readonly remove: (id: string) => Promise<void>
  readonly anyDue: (at: Seconds) => Awaitable<boolean>
}

/** Counted attempts: of passwords, codes and whatever else may be tried a bounded number of times. */
export type Attempts = {
  /**
   * Counts one for each key, in one write with looking at them, and answers 0; or counts nothing and answers how long
   * to wait until each key has room.
   */
  readonly count: (limits: readonly AttemptLimit[], at: Seconds) => Promise<Seconds>
  /** Takes one back of each. */
  readonly forgive: (hashes: readonly TokenHash[]) => Promise<void>
  /** Returns how long to wait until each key has room, 0 where all have, and counts nothing. */
  readonly wait: (limits: readonly AttemptLimit[], at: Seconds) => Awaitable<Seconds>
}

export type AttemptLimit = {
  /** Of what is counted: a name, a network. */
  readonly hash: TokenHash
  readonly most: number
  /** How long a count lives from its first attempt on. */
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
