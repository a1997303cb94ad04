/** A validated configuration: what `load` answers and the composition root builds from. */

import type { AccountSettings } from '../model/account.ts'
import type { Branding } from '../model/branding.ts'
import type {
  ClientAssertionPolicy,
  Clients,
  Secret,
  SigningAlgorithm,
  UnknownScopes,
} from '../model/client.ts'
import type { ConsentPolicyHook } from '../model/consent.ts'
import type { ExtensionGrant, TokenRequestValidator } from '../model/extension-grant.ts'
import type { MailSettings } from '../model/mail.ts'
import type { MfaPolicy, MfaPolicyHook } from '../model/mfa.ts'
import type { Registration } from '../model/registration.ts'
import type { Resources } from '../model/resource.ts'
import type { SessionLifetimes } from '../model/session.ts'
import type {
  ConfiguredUser,
  CredentialAuthority,
  DecideSubject,
  IdentityProvider,
  Profile,
} from '../model/user.ts'

export type Compatibility = 'none' | 'identityserver4'

export type Storage =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly file: string }
  | ({ readonly kind: 'postgres'; readonly url: string } & StorageConnections)

export type StorageConnections = {
  /** Of one process, at most. */
  readonly poolSize?: number
  /** The address of a streaming standby that is read. */
  readonly replica?: string
  /** Asked for each new one: where the password is a short-lived token, such as those of a cloud's IAM. */
  readonly password?: StoragePassword
}
export type StoragePassword = () => Promise<string>

/** An issuer of assertions that the JWT bearer grant trusts (RFC 7523 §3). */
export type TrustedIssuer = {
  readonly issuer: string
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
}

export type Configuration = {
  readonly issuer: string
  /** The tenant whose own issuer this is; undefined: the server's. */
  readonly tenant?: string
  readonly host: string
  readonly port: number
  readonly storage: Storage
  /** How many processes share the port; undefined: as many as there are cores. */
  readonly workers?: number
  /** How long it says that it ends before it takes no more connections (seconds). */
  readonly drainDelay: number
  /** Who may read the server's figures; undefined: they are not kept. */
  readonly metrics?: { readonly tokens: readonly Secret[] }
  readonly compatibility: Compatibility
  /** What client assertions must be, unless the client has settings of its own. */
  readonly clientAssertions: ClientAssertionPolicy
  /** What authorization requests may name beside the scopes that are registered. */
  readonly unknownScopes: UnknownScopes
  /** Whether ID tokens carry `s_hash`. */
  readonly emitStateHash: boolean
  readonly clients: Clients
  readonly resources: Resources
  readonly users: readonly ConfiguredUser[]
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  /** Those that share this issuer. */
  readonly tenants: ReadonlySet<string>
  /** The configurations of the tenants that have an issuer of their own, by the tenant's name. */
  readonly tenantIssuers: ReadonlyMap<string, Configuration>
  /** When second factors are asked for: the server's policy, and where a tenant's differs. */
  readonly mfa: MfaPolicy
  readonly tenantMfa: ReadonlyMap<string, MfaPolicy>
  readonly consentPolicy?: ConsentPolicyHook
  readonly mfaPolicy?: MfaPolicyHook
  readonly sessions: {
    readonly lifetimes: SessionLifetimes
    /** Which authorizations fall with a session: none, those without `offline_access`, or all. */
    readonly endRevokes: 'none' | 'online' | 'all'
    /** Whether one that expires ends like one that is signed out. */
    readonly endOnExpiry: boolean
    /** Whether frames of other sites may use them. */
    readonly sameSite: 'lax' | 'none'
  }
  /** How its pages look. */
  readonly branding: Branding
  /** The folder whose templates replace ours. */
  readonly templates?: string
  readonly accounts: AccountSettings
  /** The tenants sharing this issuer in which people may sign up. */
  readonly signUpTenants: ReadonlySet<string>
  readonly mail?: MailSettings
  readonly trustedIssuers: readonly TrustedIssuer[]
  /** How clients may register themselves. */
  readonly registration: Registration
  /** What authorization requests must be. */
  readonly authorizationRequests: {
    readonly requirePushed: boolean
    readonly requireSigned: boolean
    /** How long request objects may live (seconds); undefined: as long as their `exp` says. */
    readonly requestObjectMaxLifetime?: number
    /** Whether a `request_uri` need not be registered. */
    readonly allowUnregisteredUris: boolean
    /** Seconds. */
    readonly pushedLifetime: number
    /** Of clients that nobody vouches for, by one network. */
    readonly mostWaiting: number
  }
  /** Every algorithm that a client or an API asks for, with the defaults. */
  readonly signingAlgorithms: readonly SigningAlgorithm[]
  /** The master key of 32 bytes as configured; undefined: made beside the embedded store when developing. */
  readonly masterKey?: Uint8Array
  /** Whose `x-forwarded-for` is believed: limits by address count the browser's, not the proxy's. */
  readonly trustedProxies: readonly string[]
  /** Whether their `x-forwarded-host` says which host was asked for. */
  readonly trustForwardedHost: boolean
  readonly mtls?: {
    readonly certificateHeader: string
    readonly trustedProxies: readonly string[]
    /** The origin at which clients show certificates; undefined: that of the issuer. */
    readonly endpointOrigin?: string
  }
  /** What this server may send requests to besides public https addresses. */
  readonly outbound: { readonly allowedPrivateNetworks: readonly string[] }
  /** Code of a module configuration. */
  readonly grants: readonly ExtensionGrant[]
  readonly validators: {
    /** Checks the password grant's and the login page's local credentials instead of the configured users. */
    readonly password?: CredentialAuthority
    readonly tokenRequest?: TokenRequestValidator
  }
  readonly federation: {
    /** Who a provider's user is here. */
    readonly subject?: DecideSubject
  }
  readonly profile?: Partial<Profile>
}
