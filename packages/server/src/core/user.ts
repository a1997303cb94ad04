/** Users, and who can check their passwords. */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import type { Awaitable } from './runtime.ts'

/** The identity provider of users that this server knows itself. */
export const localProvider = 'local'

export type User = {
  /** Unique for this issuer, whatever the tenant (OpenID Connect Core 1.0 §2). */
  readonly sub: string
  readonly username: string
  /** Omitted: belongs to none. */
  readonly tenant?: string
  readonly active: boolean
  readonly claims: JsonObject
}

/** A user as the configuration names one; the password stays in memory. */
export type ConfiguredUser = User & {
  /** `plain`: as it stands in the configuration; omitted: no local password. */
  readonly password?:
    | { readonly kind: 'plain'; readonly value: string }
    | { readonly kind: 'argon2id'; readonly encoded: string }
}

export type Users = {
  /** Also finds a user that is not active: the caller checks. */
  readonly find: (sub: string) => Awaitable<User | undefined>
  /**
   * The user of this name in this tenant (undefined: among those of no tenant) if the password is theirs.
   * An unknown name costs the same work as a wrong password.
   */
  readonly checkPassword: (
    username: string,
    password: string,
    tenant: string | undefined,
  ) => Awaitable<User | undefined>
}

/** A user who has proven who they are, and how. */
export type Subject = {
  readonly sub: string
  readonly tenant?: string
  readonly idp: string
  /** RFC 8176 values or a module's own. */
  readonly amr: readonly string[]
  readonly acr?: string
  readonly auth_time: Seconds
  /** Claims that the provider, validator or grant itself supplied. */
  readonly claims?: JsonObject
}

/** The answer of a credential authority: a user, or why not; `members` join the token response or the error response. */
export type CredentialCheck =
  | {
      readonly ok: true
      readonly sub: string
      readonly amr?: readonly string[]
      readonly claims?: JsonObject
      readonly members?: JsonObject
    }
  | {
      readonly ok: false
      readonly error?: string
      readonly description?: string
      readonly members?: JsonObject
    }

export type CredentialRequest = {
  readonly username: string
  readonly password: string
  /** Omitted: the user signs in at this server's own account pages. */
  readonly client_id?: string
  readonly tenant?: string
  /** `acr_values` as sent. */
  readonly acr_values?: string
}

/** Someone other than this server who can check a password: a directory, a database, a module. */
export type CredentialAuthority = {
  readonly check: (request: CredentialRequest) => Awaitable<CredentialCheck>
}

/** An upstream identity provider; only one with a credential authority can serve the password grant. */
export type IdentityProvider = {
  readonly name: string
  readonly display_name?: string
  readonly type: string
  /** What type `oidc` needs to know of the provider; it is contacted when first used. */
  readonly upstream?: {
    readonly issuer: string
    readonly client_id: string
    readonly client_secret?: string
    readonly scope: string
  }
  readonly credentialAuthority?: CredentialAuthority
}

/** What an operator's module may decide about users' claims and standing. */
export type Profile = {
  /** Claims of the given names (all of them where `names` is undefined) for this user, client and use. */
  readonly claims: (request: ProfileRequest) => Awaitable<JsonObject>
  /** Whether the user may have tokens now. */
  readonly isActive: (request: {
    readonly subject: ProfileRequest['subject']
    /** Omitted: the user is at this server's own account pages. */
    readonly client_id?: string
  }) => Awaitable<boolean>
}
export type ProfileRequest = {
  readonly subject: Pick<Subject, 'sub' | 'idp' | 'tenant' | 'claims'>
  readonly client_id: string
  readonly names: readonly string[]
  readonly use: 'access_token' | 'id_token' | 'userinfo'
}
