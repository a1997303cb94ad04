/** Changed defaults, and which configurations they affect. Each has a section in docs/guides/changed-defaults.md. */

import { hasPrivateUseScheme } from '@tessera/protocol/uri-scheme'
import type { Configuration } from './configuration.ts'
import { isLoopback } from './issuer.ts'

type ChangedDefault = {
  /** The heading of its section in the guide. */
  readonly title: string
  /** Describes the affected parts of a configuration; undefined if there are none. */
  readonly affects: (configuration: Configuration) => string | undefined
}

const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'

export const changedDefaults: readonly ChangedDefault[] = [
  {
    title: 'LDAP groups are lists',
    affects: ({ identityProviders }) =>
      named(
        'identity_providers',
        [...identityProviders.values()]
          .filter(({ directory }) => directory && directory.list_claims.size > 0)
          .map(({ name }) => name),
      ),
  },
  {
    title: 'Configured users sign in like stored users',
    affects: ({ users }) => (users.length > 0 ? 'users' : undefined),
  },
  {
    title: 'Introspection returns token_type Bearer',
    affects: ({ compatibility, resources }) =>
      compatibility === 'none'
        ? named(
            'api_resources',
            [...resources.apis.values()]
              .filter(({ api_secrets }) => api_secrets.length > 0)
              .map(({ name }) => name),
          )
        : undefined,
  },
  {
    title: 'ID tokens contain idp only on request',
    affects: ({ compatibility, clients }) =>
      compatibility === 'none'
        ? named(
            'clients',
            [...clients.all()].filter(({ scope }) => scope.has('openid')).map(({ client_id }) => client_id),
          )
        : undefined,
  },
  {
    title: 'Loopback redirect URIs accept any port',
    affects: ({ clients }) =>
      named(
        'clients',
        [...clients.all()]
          .filter(({ redirect_uris, post_logout_redirect_uris }) =>
            [...redirect_uris, ...post_logout_redirect_uris].some(uri => uri.startsWith('http:')),
          )
          .map(({ client_id }) => client_id),
      ),
  },
  {
    title: 'Application URI schemes require PKCE',
    affects: ({ clients, registration }) =>
      named(
        'clients',
        [...clients.all()]
          .filter(client => !client.require_pkce && client.redirect_uris.some(hasPrivateUseScheme))
          .map(({ client_id }) => client_id),
      ) ?? (registration.mode === 'off' ? undefined : `registration.mode "${registration.mode}"`),
  },
  {
    title: 'x-forwarded-host is ignored by default',
    affects: ({ issuer, trustedProxies, trustForwardedHost, tenantIssuers }) =>
      !trustForwardedHost && trustedProxies.length > 0 && hasTenantsByHost(issuer, tenantIssuers)
        ? 'tenants by host behind trusted_proxies, without trust_forwarded_host'
        : undefined,
  },
  {
    title: 'Sign-up is off in shared tenants',
    affects: ({ accounts, tenants, signUpTenants }) =>
      accounts.signUp
        ? named(
            'tenants',
            [...tenants].filter(name => !signUpTenants.has(name)),
          )
        : undefined,
  },
  {
    title: 'User names are not email addresses',
    affects: ({ accounts, signUpTenants }) =>
      accounts.signUp || signUpTenants.size > 0 ? 'accounts.sign_up' : undefined,
  },
  {
    title: 'Guesses at client and API secrets are limited',
    affects: ({ clients, resources }) =>
      [...clients.all()].some(client => client.client_secrets.length > 0) ||
      [...resources.apis.values()].some(api => api.api_secrets.length > 0)
        ? 'client_secrets and api_secrets'
        : undefined,
  },
  {
    title: 'Exchanged tokens end with their subject token',
    affects: ({ clients }) =>
      named(
        'clients',
        [...clients.all()]
          .filter(client => client.grant_types.has(tokenExchange))
          .map(({ client_id }) => client_id),
      ),
  },
  {
    title: 'Sensitive account pages ask for the second factor',
    affects: ({ accounts, identityProviders }) =>
      accounts.stored || [...identityProviders.values()].some(provider => provider.upstream !== undefined)
        ? 'accounts, or identity_providers of type oidc'
        : undefined,
  },
  {
    title: 'The dev mailbox is local only',
    affects: ({ issuer, host, mail, accounts }) =>
      accounts.stored && mail === undefined && isLoopback(new URL(issuer).hostname) && !isLoopback(host)
        ? `host ${host} without mail`
        : undefined,
  },
  {
    title: 'Software statements override names and logos',
    affects: ({ registration }) =>
      registration.mode !== 'off' && registration.softwareIssuers.length > 0
        ? 'registration with software statements'
        : undefined,
  },
  {
    title: 'Errors do not redirect to unknown self-registered clients',
    affects: ({ registration }) => (registration.mode === 'open' ? 'registration.mode "open"' : undefined),
  },
  {
    title: 'Registration omits values that are not allowed',
    affects: ({ registration }) =>
      registration.mode === 'off' ? undefined : `registration.mode "${registration.mode}"`,
  },
  {
    title: 'Registration limits changed',
    affects: ({ registration }) =>
      registration.mode === 'off' ? undefined : `registration.mode "${registration.mode}"`,
  },
  {
    title: 'Unused self-registered clients are replaced',
    affects: ({ registration }) =>
      registration.mode === 'off' ? undefined : `registration.mode "${registration.mode}"`,
  },
  {
    title: 'Hook results are validated',
    affects: ({ validators, profile, grants, federation, mfaPolicy, consentPolicy }) =>
      validators.password || validators.tokenRequest || profile || grants.length > 0 || federation.subject
        ? 'validators, profile, grants or federation'
        : (mfaPolicy ?? consentPolicy)
          ? 'policies that are code'
          : undefined,
  },
  {
    title: 'A password validator no longer replaces configured users',
    affects: ({ validators, users }) =>
      validators.password && users.some(({ password }) => password)
        ? 'validators.password and users with passwords'
        : undefined,
  },
  {
    title: 'Hooks have a time limit',
    affects: ({ validators, profile, grants, federation, mfaPolicy, consentPolicy, identityProviders }) =>
      validators.password ||
      validators.tokenRequest ||
      profile ||
      grants.length > 0 ||
      federation.subject ||
      mfaPolicy ||
      consentPolicy ||
      [...identityProviders.values()].some(one => one.credentialAuthority)
        ? 'functions of a module'
        : undefined,
  },
  {
    title: 'A new SQLite database with a used key is refused',
    affects: ({ storage }) => (storage.kind === 'sqlite' ? 'storage sqlite' : undefined),
  },
  {
    title: 'Nodes use the clock of PostgreSQL',
    affects: ({ storage }) => (storage.kind === 'postgres' ? 'storage postgres' : undefined),
  },
  {
    title: 'Hung workers are replaced',
    affects: ({ storage, workers }) =>
      storage.kind !== 'memory' && workers !== 1 ? 'several workers' : undefined,
  },
]

const hasTenantsByHost = (issuer: string, tenants: Configuration['tenantIssuers']): boolean =>
  [...tenants.values()].some(tenant => new URL(tenant.issuer).host !== new URL(issuer).host)

const named = (noun: string, names: readonly string[]): string | undefined =>
  names.length === 0 ? undefined : `${noun} ${names.map(name => JSON.stringify(name)).join(', ')}`

/** Returns the fragment of a heading, as Markdown renderers form it. */
export const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-')
