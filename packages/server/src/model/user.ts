/** Users, identity providers, and the hooks that decide about users. */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import type { Awaitable } from '../runtime/ports.ts'
import type { Hook } from './hook.ts'

/** The identity provider of local users. */
export const localProvider = 'local'

export type User = {
  /** Unique for this issuer, across tenants (OpenID Connect Core 1.0 §2). */
  readonly sub: string
  readonly username: string
  /** Omitted: no tenant. */
  readonly tenant?: string
  readonly active: boolean
  /** `groups` and `roles` are lists of names (see `Memberships`). */
  readonly claims: JsonObject
  /** For stored users: see `StoredUser`. */
  readonly epoch?: number
}

/** A user of the configuration. The password is only in memory. */
export type ConfiguredUser = User & {
  /** `plain`: as written in the configuration. `hash`: in a format of `readPasswordHash`. Omitted: no local password. */
  readonly password?:
    | { readonly kind: 'plain'; readonly value: string }
    | { readonly kind: 'hash'; readonly encoded: string }
}

export type Users = {
  /** Returns inactive users too; the caller must check. */
  readonly find: (sub: string) => Awaitable<User | undefined>
  /**
   * Returns the user with this name or verified address if the password is correct. Without a tenant, only users
   * without a tenant match. An unknown name takes as much work as a wrong password. `from` is the network of the
   * request. Rejects with `QueueFull` if too many passwords are waiting to be checked.
   */
  readonly checkPassword: (
    username: string,
    password: string,
    tenant: string | undefined,
    from: string,
  ) => Awaitable<User | undefined>
  /** Returns the user whose password {@link Users.checkPassword} would check; undefined if several have the address. */
  readonly findNamed: (username: string, tenant: string | undefined) => Awaitable<User | undefined>
  /** Returns whether a user of the configuration has this name, and a password. */
  readonly isConfigured: (username: string, tenant: string | undefined) => boolean
  /** Returns the only user of this tenant with this verified address; undefined if there is none, or if there are several. */
  readonly findByVerifiedEmail: (email: string, tenant: string | undefined) => Awaitable<User | undefined>
  /** Returns whether a user of this tenant other than `except`, active or not, has this name or verified address, or a confusable one. */
  readonly isNameTaken: (name: string, tenant: string | undefined, except?: string) => Promise<boolean>
  /**
   * Returns whether the configuration and this server's store have two users with this `sub`, whose names differ. A passkey
   * or an account at a provider, which only have the `sub`, could belong to either of them.
   */
  readonly isShared: (sub: string) => Awaitable<boolean>
}

/** Returns whether the server derives such a `sub` for users of other providers. Nobody else may have one. */
export const isDerivedSub = (sub: string): boolean => /^fed_[\w-]{43}$/.test(sub)

/** Returns whether an access token is of a user. No other one contains `auth_time`, and no hook can add it. */
export const isOfUser = (claims: JsonObject): boolean => claims.auth_time !== undefined

/** An authenticated user, and how they authenticated. */
export type Subject = {
  readonly sub: string
  readonly tenant?: string
  readonly idp: string
  /** Values of RFC 8176, or of a module. */
  readonly amr: readonly string[]
  readonly acr?: string
  readonly auth_time: Seconds
  /**
   * When this server accepted the sign-in, by its own clock. Absent if `auth_time` is that time. A provider may state an
   * `auth_time` that is hours earlier.
   */
  readonly signed_in_at?: Seconds
  /** Claims from the provider, validator or grant. */
  readonly claims?: JsonObject
  /** The id of the `UpstreamSession` that the sign-in originates from. */
  readonly upstream?: string
  /** For stored users: their epoch when the credentials were checked (see `StoredUser`). */
  readonly epoch?: number
}

/** Returns when this server accepted the sign-in, to compare with its other times. */
export const signedInAt = ({
  auth_time,
  signed_in_at,
}: Pick<Subject, 'auth_time' | 'signed_in_at'>): Seconds => signed_in_at ?? auth_time

/** A subject that is about to sign in. */
export type CheckedSubject = Subject & {
  /** For users who are not stored here: the latest end of their access when they were checked (see `AccessEndings`). */
  readonly ending?: number | null
}

/** The result of a credential authority. `members` are added to the token response or the error response. */
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
      /** The check could not be done, so it does not count as a guess. */
      readonly unavailable?: boolean
      readonly error?: string
      readonly description?: string
      readonly members?: JsonObject
    }

export type CredentialRequest = {
  readonly username: string
  readonly password: string
  /** The network of the request: an IPv4 address or an IPv6 /64. */
  readonly from?: string
  /** Omitted: the server's own account pages. */
  readonly client_id?: string
  readonly tenant?: string
  /** `acr_values` as sent. */
  readonly acr_values?: string
}

/** Checks passwords outside this server: a module of the operator. */
export type CredentialAuthority = {
  readonly check: Hook<CredentialRequest, CredentialCheck>
}

/** Checks passwords outside this server: a directory, or a module's `CredentialAuthority`. */
export type PasswordAuthority = {
  /** @param isAllowed passed only to this server's own directories. */
  readonly check: (request: CredentialRequest, isAllowed?: IsGuessAllowed) => Awaitable<CredentialCheck>
}

/**
 * Called after a user is found and before their password is checked, with a string that is the same for all names of
 * the user. Resolves to false after too many guesses; the password must not be checked then.
 */
export type IsGuessAllowed = (user: string) => Promise<boolean>

/**
 * Claims that only this server may set: registered claims of tokens (RFC 7519 §4.1, OpenID Connect Core 1.0 §2, RFC
 * 9068 §2.2) and the tenant, which always comes from the user's record.
 */
export const reservedClaims: ReadonlySet<string> = new Set([
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'nonce',
  'azp',
  'at_hash',
  'c_hash',
  's_hash',
  'acr',
  'amr',
  'auth_time',
  'sid',
  'idp',
  'tenant',
  'client_id',
  'scope',
  'cnf',
  'act',
  'may_act',

  'events',
  'typ',
  'authorization_id',
  'derived_from',
  'derived_from_clients',
  'authorization_details',
  '_claim_names',
  '_claim_sources',
])

/** An identity provider. The password grant needs one with a credential authority. */
export type IdentityProvider = {
  readonly name: string
  readonly display_name?: string
  readonly type: string
  /** Tenants whose users sign in with it; empty: all tenants, and users without a tenant. */
  readonly tenants: readonly string[]
  /** Email domains whose users sign in with it. */
  readonly domains: readonly string[]
  readonly linking: 'none' | 'verified_email'
  /** For type `oidc`. */
  readonly upstream?: UpstreamProvider
  /** For type `ldap`. */
  readonly directory?: Directory
  readonly credentialAuthority?: PasswordAuthority
}

/** Settings of an OpenID Connect provider. The rest is discovered on first use. */
export type UpstreamProvider = {
  readonly issuer: string
  readonly client_id: string
  readonly client_secret?: string
  readonly client_jwk?: Readonly<Record<string, unknown>>
  readonly token_endpoint_auth_method?:
    | 'client_secret_basic'
    | 'client_secret_post'
    | 'private_key_jwt'
    | 'none'
  readonly id_token_signed_response_alg?: string
  readonly scope: string
  readonly response_mode: 'query' | 'form_post'
  readonly userinfo: boolean
  readonly trust_amr: boolean
  /** Maps the provider's acr values to ours. */
  readonly acr_mapping: Readonly<Record<string, string>>
  readonly end_session: boolean
  /** Maps our claims to the provider's. */
  readonly claims: Readonly<Record<string, string>>
  /** Our claims that are lists even with one value. */
  readonly list_claims: ReadonlySet<string>
}

/** Returns whether the attribute of an entry contains the DNs of its groups. */
export const isGroupsAttribute = (attribute: string): boolean => /^(is)?memberof$/i.test(attribute)

/** An LDAP directory (RFC 4511). */
export type Directory = {
  readonly url: string
  /**
   * The private networks that it may be in, if it was made at run time. Omitted for one of the configuration file, which
   * may be anywhere.
   */
  readonly allowed_private_networks?: readonly string[]
  readonly tls: 'required' | 'none'
  /** PEM. */
  readonly ca?: string
  readonly bind_dn?: string
  readonly bind_password?: string
  readonly user_dn?: string
  readonly base: string
  readonly filter: string
  readonly scope: 'one' | 'sub'
  readonly id_attribute: string
  readonly active_filter?: string
  readonly timeout: Seconds
  readonly max_connections: number
  /** Only groups below this DN are used in claims from group attributes. */
  readonly group_base?: string
  /** `name`: such claims contain the names of the groups, not their DNs. */
  readonly group_format: 'dn' | 'name'
  /** Maps our claims to attributes. */
  readonly claims: Readonly<Record<string, string>>
  /** Claims that are lists even with one value. */
  readonly list_claims: ReadonlySet<string>
}

/** Maps a provider's user to a local `sub`. Undefined leaves the decision to the server; null rejects the user. */
export type FederatedSubjectHook = Hook<FederatedUser, string | null | undefined>
export type FederatedUser = {
  readonly provider: string
  /** The issuer of the ID token, or the base of the directory. */
  readonly authority: string
  /** The provider's identifier of the user. */
  readonly id: string
  /** The copied claims. */
  readonly claims: JsonObject
  /** The `sub` that the server derives if there is no link. */
  readonly sub: string
  readonly tenant?: string
}

/** An operator's hooks for users' claims and whether users are active. */
export type ProfileHooks = {
  /** Returns the named claims for this user, client and use. */
  readonly claims?: Hook<ProfileRequest, JsonObject>
  /** Returns whether the user may have tokens now. */
  readonly isActive?: Hook<ActiveRequest, boolean>
}
export type ProfileRequest = {
  readonly subject: Pick<Subject, 'sub' | 'idp' | 'tenant' | 'claims'>
  readonly client_id: string
  readonly names: readonly string[]
  readonly use: 'access_token' | 'id_token' | 'userinfo'
}
export type ActiveRequest = {
  readonly subject: ProfileRequest['subject']
  /** Omitted: the server's own account pages. */
  readonly client_id?: string
}

/** @property sign_in_tenant Where a user without a tenant signed in, if the subject is an authorization. */
export type ActiveSubject = ActiveRequest['subject'] & {
  readonly sign_in_tenant?: string | undefined
  readonly epoch?: number | undefined
}

/** The claims of users, and whether they are active: by the operator's hooks, or else by their records. */
export type Profile = {
  readonly claims: (request: ProfileRequest) => Awaitable<JsonObject>
  readonly isActive: (request: ActiveRequest & { readonly subject: ActiveSubject }) => Awaitable<boolean>
}
