/** Users, and who can check their passwords. */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import type { Awaitable } from '../runtime/ports.ts'

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
  /** Of a stored user: see `StoredUser`. */
  readonly epoch?: number
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
   * Returns the user of this name or verified address in this tenant (undefined: among those of no tenant) if the
   * password is theirs. An unknown name costs the same work as a wrong password. `from` is the network that asks. Rejects with `QueueFull`
   * where too many passwords wait to be checked.
   */
  readonly checkPassword: (
    username: string,
    password: string,
    tenant: string | undefined,
    from: string,
  ) => Awaitable<User | undefined>
  /** Returns the user whose password {@link Users.checkPassword} would check; undefined where an address is that of several. */
  readonly findNamed: (username: string, tenant: string | undefined) => Awaitable<User | undefined>
  /** The one user of this tenant whose address this is and who has proven it; undefined where there is none or several. */
  readonly findByVerifiedEmail: (email: string, tenant: string | undefined) => Awaitable<User | undefined>
  /** Whether a user of this tenant but `except`, active or not, has this name or verified address, or one that could be mistaken for it. */
  readonly isNameTaken: (name: string, tenant: string | undefined, except?: string) => Promise<boolean>
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
  /** The session at a provider that the sign-in came from: see `UpstreamSession`. */
  readonly upstream?: string
  /** Of a stored user, as they were when what they showed was checked: see `StoredUser`. */
  readonly epoch?: number
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
      /** It can't tell now: the guess does not count. */
      readonly unavailable?: boolean
      readonly error?: string
      readonly description?: string
      readonly members?: JsonObject
    }

export type CredentialRequest = {
  readonly username: string
  readonly password: string
  /** The network that the request came from: an IPv4 address or an IPv6 /64. */
  readonly from?: string
  /** Omitted: the user signs in at this server's own account pages. */
  readonly client_id?: string
  readonly tenant?: string
  /** `acr_values` as sent. */
  readonly acr_values?: string
}

/** Someone other than this server who can check a password: a directory, a database, a module. */
export type CredentialAuthority = {
  /** @param isAllowed is given by the server to its own directories only. */
  readonly check: (request: CredentialRequest, isAllowed?: IsGuessAllowed) => Awaitable<CredentialCheck>
}

/**
 * Called once a user was found and before their password is checked, with a text that is the same for all names of the
 * user. False where it was guessed too often: the password must not be checked then.
 */
export type IsGuessAllowed = (user: string) => Promise<boolean>

/**
 * Claims that this server says itself, whoever else speaks of the user: registered ones of tokens (RFC 7519 §4.1, OpenID
 * Connect Core 1.0 §2, RFC 9068 §2.2) and the tenant, which only a user's record names.
 */
export const reservedClaims: ReadonlySet<string> = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'nonce', 'azp', 'at_hash', 'c_hash', 's_hash'],
  ...['acr', 'amr', 'auth_time', 'sid', 'idp', 'tenant', 'client_id', 'scope', 'cnf', 'act', 'may_act'],
  ...[
    'events',
    'typ',
    'authorization_id',
    'derived_from',
    'authorization_details',
    '_claim_names',
    '_claim_sources',
  ],
])

/** An identity provider; only one with a credential authority can serve the password grant. */
export type IdentityProvider = {
  readonly name: string
  readonly display_name?: string
  readonly type: string
  /** Tenants whose users sign in with it; empty: all, and users of none. */
  readonly tenants: readonly string[]
  /** E-mail domains whose users sign in with it. */
  readonly domains: readonly string[]
  readonly linking: 'none' | 'verified_email'
  /** For type `oidc`: where the browser is sent. */
  readonly upstream?: UpstreamProvider
  /** For type `ldap`. */
  readonly directory?: Directory
  readonly credentialAuthority?: CredentialAuthority
}

/** What this server needs to know of an OpenID Connect provider; the rest is discovered when it is first used. */
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
  /** Its acr → ours. */
  readonly acr_mapping: Readonly<Record<string, string>>
  readonly end_session: boolean
  /** Our claim → theirs. */
  readonly claims: Readonly<Record<string, string>>
  /** Claims of ours that are a list also where there is one value. */
  readonly list_claims: ReadonlySet<string>
}

/** An LDAP directory (RFC 4511). */
export type Directory = {
  readonly url: string
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
  /** Our claim → their attribute. */
  readonly claims: Readonly<Record<string, string>>
  /** Claims that are a list also where there is one value. */
  readonly list_claims: ReadonlySet<string>
}

/**
 * Decides who a provider's user is here: a `sub`, undefined for what the server would decide, or null for nobody.
 */
export type DecideSubject = (request: {
  readonly provider: string
  /** The issuer of the ID token, or the base of the directory. */
  readonly authority: string
  /** The user there. */
  readonly id: string
  /** What was taken over. */
  readonly claims: JsonObject
  /** What the server derives where there is no link. */
  readonly sub: string
  readonly tenant?: string
}) => Awaitable<string | null | undefined>

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
