/** A validated configuration: what `loadConfiguration` returns and the server is built from. */

import type { AccountSettings } from '../model/account.ts'
import type { AuditSettings } from '../model/audit-record.ts'
import type { Branding } from '../model/branding.ts'
import type {
  ClientAssertionPolicy,
  Clients,
  Secret,
  SigningAlgorithm,
  UnknownScopes,
} from '../model/client.ts'
import type { ConsentPolicyHook } from '../model/consent.ts'
import type { EventCallbacks } from '../model/events.ts'
import type { ExtensionGrant, TokenRequestValidator } from '../model/extension-grant.ts'
import type { CheckedHook, HookContext } from '../model/hook.ts'
import type { MailSettings } from '../model/mail.ts'
import type { ConfiguredMasterKey } from '../model/master-key.ts'
import type { MfaPolicy, MfaPolicyHook } from '../model/mfa.ts'
import type { PreviousRefreshTokenHook } from '../model/previous-refresh-token.ts'
import type { Registration } from '../model/registration.ts'
import type { Resources } from '../model/resource.ts'
import type { SecurityProfile } from '../model/security-profile.ts'
import type { SessionLifetimes } from '../model/session.ts'
import type {
  ConfiguredUser,
  FederatedSubjectHook,
  IdentityProvider,
  PasswordAuthority,
  Profile,
} from '../model/user.ts'
import type { CheckedUserStore } from '../model/user-store.ts'
import type { Webhook } from '../model/webhook.ts'
import type { LoggedNetwork } from '../runtime/network.ts'
import type { Awaitable } from '../runtime/ports.ts'
import type { EntrySource } from './entries/entry-source.ts'

export type Storage =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly file: string }
  | ({ readonly kind: 'postgres'; readonly url: string } & StorageConnections)

export type StorageConnections = {
  /** Maximum number of connections per process. */
  readonly poolSize?: number
  /** The address of a streaming standby for reads. */
  readonly replica?: string
  /** Called for each new connection, for passwords that are short-lived tokens, such as cloud IAM tokens. */
  readonly password?: () => Promise<string>
  /** The same for the replica. Default: `password`. */
  readonly replicaPassword?: () => Promise<string>
  /** The files with the addresses of the database and the replica, if the passwords come from there. */
  readonly files?: readonly (string | undefined)[]
}
/** Returns the password of the database, for each new connection. */
export type StoragePasswordHook = (context: HookContext) => Awaitable<string>

/** An issuer of assertions that the JWT bearer grant trusts (RFC 7523 §3). */
type TrustedIssuer = {
  readonly issuer: string
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
}

export type Configuration = {
  readonly issuer: string
  /** The tenant that this issuer belongs to; undefined for the server's issuer. */
  readonly tenant?: string
  readonly host: string
  readonly port: number
  readonly storage: Storage
  /** Number of processes that share the port; undefined: one per core. */
  readonly workers?: number
  /** Seconds at shutdown during which the server reports that it is not ready but still accepts connections. */
  readonly drainDelay: number
  /** Who may read the metrics; undefined: metrics are off. */
  readonly metrics?: { readonly tokens: readonly Secret[] }
  /** Whether requests are traced. */
  readonly tracing: boolean
  readonly compatibility: 'none' | 'identityserver4'
  /** Requirements for this issuer and all of its clients; undefined: none. */
  readonly securityProfile?: SecurityProfile
  /** Requirements for client assertions, unless the client has its own. */
  readonly clientAssertions: ClientAssertionPolicy
  /** Treatment of unknown scopes in authorization requests. */
  readonly unknownScopes: UnknownScopes
  /** Whether ID tokens contain `s_hash`. */
  readonly emitStateHash: boolean
  readonly clients: Clients
  readonly resources: Resources
  readonly users: readonly ConfiguredUser[]
  /** The entries as written, and how others are added to them. */
  readonly entries: EntrySource<Configuration>
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  /** The tenants that share this issuer. */
  readonly tenants: ReadonlySet<string>
  /** The configurations of tenants that have their own issuer, by the tenant's name. */
  readonly tenantIssuers: ReadonlyMap<string, Configuration>
  /** When second factors are required: the server's policy, and those of tenants that differ. */
  readonly mfa: MfaPolicy
  readonly tenantMfa: ReadonlyMap<string, MfaPolicy>
  readonly consentPolicy?: CheckedHook<ConsentPolicyHook>
  readonly previousRefreshToken?: CheckedHook<PreviousRefreshTokenHook>
  readonly mfaPolicy?: CheckedHook<MfaPolicyHook>
  readonly sessions: {
    readonly lifetimes: SessionLifetimes
    /** Which authorizations are revoked with a session: none, those without `offline_access`, or all. */
    readonly endRevokes: 'none' | 'online' | 'all'
    /** Whether an expired session ends like a sign-out. */
    readonly endOnExpiry: boolean
    /** Whether frames of other sites receive the session cookie. */
    readonly sameSite: 'lax' | 'none'
  }
  /** How the pages look. */
  readonly branding: Branding
  /** A folder with templates that replace the built-in ones. */
  readonly templates?: string
  readonly accounts: AccountSettings
  /** The tenants that share this issuer and allow sign-up. */
  readonly signUpTenants: ReadonlySet<string>
  readonly mail?: MailSettings
  /** Where events are sent. */
  readonly webhooks: readonly Webhook[]
  readonly audit: AuditSettings
  readonly trustedIssuers: readonly TrustedIssuer[]
  /** Dynamic client registration. */
  readonly registration: Registration
  /** Whether the admin API is served. */
  readonly adminApi: boolean
  /** Requirements for authorization requests. */
  readonly authorizationRequests: {
    readonly requirePushed: boolean
    readonly requireSigned: boolean
    /** Maximum lifetime of request objects in seconds; undefined: their `exp`. */
    readonly requestObjectMaxLifetime?: number
    /** Whether an unregistered `request_uri` is accepted. */
    readonly allowUnregisteredUris: boolean
    /** Seconds. */
    readonly pushedLifetime: number
    /** Maximum number of pending requests per network, for clients that are not trusted. */
    readonly mostPending: number
  }
  /** Requirements for authorization responses. */
  readonly authorizationResponses: {
    /** Whether every response must be a JWT (JARM). */
    readonly requireSigned: boolean
    /** Seconds. */
    readonly jwtLifetime: number
  }
  /** The JWS algorithms that this issuer signs with and accepts. */
  readonly signatureAlgorithms: readonly SigningAlgorithm[]
  /** Those that it has keys for: the defaults, and all that clients and APIs are configured with. */
  readonly signingAlgorithms: readonly SigningAlgorithm[]
  /** The configured master key; undefined: the embedded store creates one next to the database, for development. */
  readonly masterKey?: ConfiguredMasterKey
  /** The master key before, while it is being replaced. */
  readonly previousMasterKey?: ConfiguredMasterKey
  /** Proxies trusted to set `x-forwarded-for`, so that limits per address count browsers and not proxies. */
  readonly trustedProxies: readonly string[]
  /** How much of a client's address log lines contain. */
  readonly logClientNetwork: LoggedNetwork
  /** Whether `x-forwarded-host` from these proxies selects the host. */
  readonly trustForwardedHost: boolean
  readonly mtls?: {
    readonly certificateHeader: string
    readonly trustedProxies: readonly string[]
    /** The origin where clients use certificates; undefined: the issuer's origin. */
    readonly endpointOrigin?: string
  }
  readonly dpop: {
    /** Whether new tokens are bound to the keys of DPoP proofs. */
    readonly enabled: boolean
    /** Whether proofs must contain a nonce. */
    readonly requireNonce: boolean
  }
  /** Where this server may send requests, besides public https addresses. */
  readonly outbound: { readonly allowedPrivateNetworks: readonly string[] }
  /** Code from a module configuration. */
  readonly grants: readonly ExtensionGrant[]
  /** Local users in the operator's store. */
  readonly userStore?: CheckedUserStore
  readonly validators: {
    /** Checks the local credentials of the password grant and the login page, instead of the configured users. */
    readonly password?: PasswordAuthority
    readonly tokenRequest?: CheckedHook<TokenRequestValidator>
  }
  readonly federation: {
    /** Decides which local user a provider's user is. */
    readonly subject?: CheckedHook<FederatedSubjectHook>
  }
  /** Called after events. */
  readonly events: EventCallbacks
  readonly profile?: Partial<Profile>
  /** How long a hook may take, in seconds. */
  readonly hookTimeout: number
}
