/** From a draft without faults to the configuration that the server is built from. */

import { resolve } from 'node:path'
import type { JsonObject } from '@tessera/protocol/result'
import type { Client, SigningAlgorithm } from '../model/client.ts'
import type { MailSettings } from '../model/mail.ts'
import type { MfaPolicy } from '../model/mfa.ts'
import type { Resources } from '../model/resource.ts'
import type { ConfiguredUser } from '../model/user.ts'
import { clientOf, secretOf } from './assemble-client.ts'
import { brandingOf } from './branding.ts'
import type { Configuration } from './configuration.ts'
import { checkedHooks } from './hooks.ts'
import { canHavePasskeys, localIssuer, loopbackPort } from './issuer.ts'
import { providerOf } from './providers.ts'
import { registrationOf } from './registration.ts'
import { accountSettings } from './schema/accounts.ts'
import type { ProviderDraft } from './schema/provider.ts'
import { lifetimesOf } from './schema/sessions.ts'
import type { UserDraft } from './schema/user.ts'
import type { ConfigurationDraft } from './schema/whole.ts'
import { standardIdentityResources } from './standard-resources.ts'
import { storageOf } from './storage.ts'
import { ofTenant, tenantSettings } from './tenant-issuer.ts'

const defaultPort = 5080

/** `directory`: what a relative database file starts from; `folder`: what other relative files do. */
export type Surroundings = {
  readonly directory: string
  readonly folder: string
  readonly masterKey?: Uint8Array
}

/** The server's configuration, and within it that of each tenant with an issuer of its own. */
export function assemble(draft: ConfigurationDraft, surroundings: Surroundings): Configuration {
  const port = draft.port ?? loopbackPort(draft.issuer) ?? defaultPort
  const issuer = draft.issuer ?? localIssuer(port)
  const apart = new Set(draft.tenants.flatMap(tenant => (tenant.issuer === undefined ? [] : tenant.name)))
  const users = draft.users.filter(({ tenant }) => tenant === undefined || !apart.has(tenant))
  const main = assembleIssuer({ ...draft, port, issuer, users }, surroundings)
  const tenantIssuers = new Map(
    draft.tenants.flatMap(tenant => {
      if (tenant.issuer === undefined) return []
      const settings = tenantSettings({ ...draft, port, issuer }, { ...tenant, issuer: tenant.issuer })
      const configuration = assembleIssuer(withOwnMtls(settings, issuer), surroundings)
      return [[tenant.name, ofTenant(tenant.name, configuration)]]
    }),
  )
  return { ...main, tenantIssuers }
}

/** A tenant by host is known by its host: another origin would be the server's. */
const withOwnMtls = <Settings extends ConfigurationDraft & { readonly issuer: string }>(
  settings: Settings,
  server: string,
): Settings => {
  if (!settings.mtls || new URL(settings.issuer).origin === new URL(server).origin) return settings
  const { endpoint_origin: _, ...mtls } = settings.mtls
  return { ...settings, mtls }
}

function assembleIssuer(
  draft: ConfigurationDraft & { readonly port: number; readonly issuer: string },
  { directory, folder, masterKey }: Surroundings,
): Configuration {
  const clients = new Map(draft.clients.map(client => [client.client_id, clientOf(client)]))
  const resources = resourcesOf(draft)
  return {
    issuer: draft.issuer,
    host: draft.host,
    port: draft.port,
    storage: storageOf(draft.storage, directory, {
      poolSize: draft.storage_pool_size,
      ...(draft.storage_replica !== undefined && { replica: draft.storage_replica }),
      ...(draft.storagePassword && { password: draft.storagePassword }),
    }),
    ...(draft.workers !== undefined && { workers: draft.workers }),
    drainDelay: draft.drain_delay,
    ...(draft.metrics && { metrics: { tokens: draft.metrics.tokens.map(secretOf) } }),
    compatibility: draft.compatibility,
    unknownScopes: draft.unknown_scopes,
    emitStateHash: draft.emit_state_hash,
    clientAssertions: {
      audience: draft.client_assertion_audience,
      maxLifetime: draft.client_assertion_max_lifetime,
    },
    clients: { find: id => clients.get(id), all: () => clients.values() },
    resources,
    users: draft.users.map(userOf),
    identityProviders: byName(
      (draft.identity_providers as readonly ProviderDraft[]).map(provider => providerOf(provider, folder)),
    ),
    tenants: new Set(draft.tenants.flatMap(({ name, issuer }) => (issuer === undefined ? name : []))),
    tenantIssuers: new Map(),
    mfa: mfaOf(draft.mfa, draft.issuer),
    tenantMfa: new Map(
      draft.tenants.flatMap(({ name, issuer, mfa }) => (mfa && issuer === undefined ? [[name, mfa]] : [])),
    ),
    sessions: {
      lifetimes: lifetimesOf(draft.sessions),
      endRevokes: draft.sessions.end_revokes,
      endOnExpiry: draft.sessions.end_on_expiry,
      sameSite: draft.sessions.same_site,
    },
    branding: brandingOf(draft.branding, folder),
    ...(draft.templates !== undefined && { templates: resolve(folder, draft.templates) }),
    accounts: accountSettings(draft.accounts),
    signUpTenants: new Set(
      draft.tenants.flatMap(({ name, issuer, accounts }) =>
        issuer === undefined && accounts?.sign_up ? [name] : [],
      ),
    ),
    ...(draft.mail && { mail: mailOf(draft.mail) }),
    trustedIssuers: draft.trusted_issuers,
    registration: registrationOf(draft),
    authorizationRequests: {
      requirePushed: draft.authorization_requests.require_pushed,
      requireSigned: draft.authorization_requests.require_signed,
      ...(draft.authorization_requests.request_object_max_lifetime !== undefined && {
        requestObjectMaxLifetime: draft.authorization_requests.request_object_max_lifetime,
      }),
      allowUnregisteredUris: draft.authorization_requests.allow_unregistered_request_uris,
      pushedLifetime: draft.authorization_requests.pushed_lifetime,
      mostWaiting: draft.authorization_requests.max_waiting_per_network,
    },
    signingAlgorithms: algorithmsOf(clients.values(), resources),
    ...(masterKey && { masterKey }),
    trustedProxies: draft.trusted_proxies,
    trustForwardedHost: draft.trust_forwarded_host,
    ...(draft.mtls && {
      mtls: {
        certificateHeader: draft.mtls.certificate_header.toLowerCase(),
        trustedProxies: draft.mtls.trusted_proxies,
        ...(draft.mtls.endpoint_origin !== undefined && { endpointOrigin: draft.mtls.endpoint_origin }),
      },
    }),
    outbound: { allowedPrivateNetworks: draft.outbound.allowed_private_networks },
    grants: draft.grants ?? [],
    ...checkedHooks(draft),
  }
}

const mailOf = ({ from, smtp }: NonNullable<ConfigurationDraft['mail']>): MailSettings => {
  const { username, password, ...server } = smtp
  return {
    from,
    smtp: {
      ...server,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    },
  }
}

/** Where the issuer can have none, nobody is offered passkeys. */
const mfaOf = (mfa: ConfigurationDraft['mfa'], issuer: string): MfaPolicy => ({
  ...mfa,
  methods: mfa.methods.filter(method => method !== 'passkey' || canHavePasskeys(issuer)),
})

const byName = <Value extends { readonly name: string }>(
  values: readonly Value[],
): ReadonlyMap<string, Value> => new Map(values.map(value => [value.name, value]))

const resourcesOf = (draft: ConfigurationDraft): Resources => ({
  // A redefined standard resource replaces the standard one and keeps its place.
  identity: byName([...standardIdentityResources, ...draft.identity_resources]),
  apiScopes: byName(draft.api_scopes),
  apis: byName(draft.api_resources.map(api => ({ ...api, api_secrets: api.api_secrets.map(secretOf) }))),
})

function userOf({ password, password_argon2id, claims, ...user }: UserDraft): ConfiguredUser {
  return {
    ...user,
    claims: claims as JsonObject,
    ...(password !== undefined && { password: { kind: 'plain', value: password } }),
    ...(password_argon2id !== undefined && { password: { kind: 'argon2id', encoded: password_argon2id } }),
  }
}

/** Every algorithm that a client is answered with. */
const signedFor = (client: Client): readonly SigningAlgorithm[] => [
  client.id_token_signed_response_alg,
  ...[client.userinfo_signed_response_alg, client.introspection_signed_response_alg].flatMap(
    alg => alg ?? [],
  ),
]

/** The defaults (ID tokens RS256, access tokens ES256) and whatever else a client or an API asks for. */
const algorithmsOf = (clients: Iterable<Client>, resources: Resources): readonly SigningAlgorithm[] => [
  ...new Set<SigningAlgorithm>([
    'ES256',
    'RS256',
    ...[...clients].flatMap(signedFor),
    ...[...resources.apis.values()].flatMap(api => api.access_token_signing_alg ?? []),
  ]),
]
