/**
 * The operator's own user store, such as a SQL table. Its users sign in like those of the configuration and of this
 * server. What belongs to a user here (sessions, consents, second factors, passkeys) refers to their `sub`.
 */

import type { JsonObject } from '@tessera/protocol/result'
import type { CheckedHook, Hook } from './hook.ts'

export type UserStore = {
  readonly findBySub: Hook<SubLookup, UserStoreUser | null | undefined>
  /** Called with the name as typed, without surrounding spaces. The store decides how to compare names. */
  readonly findByUsername: Hook<UsernameLookup, UserStoreUser | null | undefined>
  /** Returns the only user with this address. Omitted: users can't sign in with their address. */
  readonly findByEmail?: Hook<EmailLookup, UserStoreUser | null | undefined>
  /** Returns whether the password is correct. Omitted: `password_hash` or `password_argon2id` of the user is checked. */
  readonly checkPassword?: Hook<PasswordCheck, boolean>
  /** Returns whether the user exists and has the new password. Omitted: users can't change or reset it here. */
  readonly setPassword?: Hook<NewPassword, boolean>
  /**
   * Called after a sign-in with a `password_hash` that is not argon2id. Replaces the hash if it is still the same, and
   * returns whether it was. Omitted: the hash stays.
   */
  readonly upgradePassword?: Hook<PasswordUpgrade, boolean>
  /** Adds a user who signs up, and returns false if the name or address is taken. Omitted: this server stores them. */
  readonly create?: Hook<NewUser, boolean>
}

export type UserStoreUser = {
  /** 1 to 255 printable ASCII characters, permanent, and never assigned to another user. */
  readonly sub: string
  readonly username: string
  /** A tenant that shares the issuer. */
  readonly tenant?: string | null
  /** Default: true. */
  readonly active?: boolean
  /** Mail goes to `email` only with `email_verified: true`. */
  readonly claims?: JsonObject
  /** In PHC form (RFC 9106). */
  readonly password_argon2id?: string | null
  /** A hash of another server, in one of the documented formats, instead of `password_argon2id`. */
  readonly password_hash?: string | null
}

export type SubLookup = { readonly sub: string; readonly tenant?: string }
export type UsernameLookup = { readonly username: string; readonly tenant?: string }
export type EmailLookup = { readonly email: string; readonly tenant?: string }

export type PasswordCheck = {
  /** Omitted if the store has no such user: the check should take as long then. */
  readonly sub?: string
  readonly password: string
  /** The network of the request. */
  readonly from: string
  readonly tenant?: string
}

export type NewPassword = {
  readonly sub: string
  readonly tenant?: string
  readonly password: string
  readonly password_argon2id: string
}

export type PasswordUpgrade = {
  readonly sub: string
  readonly tenant?: string
  /** The hash that was verified. */
  readonly password_hash: string
  /** The new hash of the same password. */
  readonly password_argon2id: string
}

export type NewUser = NewPassword & {
  readonly username: string
  /** `email` and `email_verified`, if the user has an address, and `name`. */
  readonly claims: JsonObject
}

/** The store as the server calls it. */
export type CheckedUserStore = {
  readonly findBySub: (request: SubLookup) => Promise<UserStoreUser | undefined>
  readonly findByUsername: (request: UsernameLookup) => Promise<UserStoreUser | undefined>
  readonly findByEmail?: (request: EmailLookup) => Promise<UserStoreUser | undefined>
  readonly checkPassword?: CheckedHook<NonNullable<UserStore['checkPassword']>>
  readonly setPassword?: CheckedHook<NonNullable<UserStore['setPassword']>>
  readonly upgradePassword?: CheckedHook<NonNullable<UserStore['upgradePassword']>>
  readonly create?: CheckedHook<NonNullable<UserStore['create']>>
}
