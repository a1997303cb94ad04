/** Builds the server's configuration from a valid draft, including those of tenants with their own issuer. */

import { withAdminApi } from '../model/admin-api.ts'
import type { Client, SigningAlgorithm } from '../model/client.ts'
import type { MailSettings } from '../model/mail.ts'
import type { ConfiguredMasterKey } from '../model/master-key.ts'
import type { Resources } from '../model/resource.ts'
import { algorithmOr, preferredAlgorithms } from '../model/signature-algorithm.ts'
import type { CredentialAuthority, IdentityProvider, PasswordAuthority, Profile } from '../model/user.ts'
import type { Configuration } from './configuration.ts'
import { isStored } from './entries/stored.ts'
import { localIssuer, loopbackPort, tenantPath } from './issuer.ts'
import { registrationOf } from './registration.ts'
import { accountsOf, userOf } from './schema/accounts.ts'
import { authorizationRequestsOf } from './schema/authorization-requests.ts'
import { authorizationResponsesOf } from './schema/authorization-responses.ts'
import { brandingOf } from './schema/branding.ts'
import { clientOf } from './schema/client.ts'
import { checkedAuthority, checkedHooks, checkedPassword } from './schema/code.ts'
import { deploymentOf, type StorageFiles } from './schema/deployment.ts'
import { directoryOf } from './schema/directory.ts'
import { type ProviderDraft, upstreamOf } from './schema/provider.ts'
import { byName, resourcesOf } from './schema/resource.ts'
import { mfaOf, sessionsOf } from './schema/sign-in.ts'
import { userStoreOf } from './schema/user-store.ts'
import { defined } from './schema/values.ts'
import { webhooksOf } from './schema/webhooks.ts'
import { type ConfigurationDraft, keyOwners, type TenantDraft, valueOfOmitted } from './schema/whole.ts'

/** Values from outside the configuration. */
export type AssemblyContext = {
  /** The folders that a relative database file and other relative files start from. */
  readonly folders: { readonly storage: string; readonly files: string }
  readonly storageFiles: StorageFiles
  readonly masterKey?: ConfiguredMasterKey | undefined
  readonly previousMasterKey?: ConfiguredMasterKey | undefined
}

/** The settings of one issuer. */
type Draft = ConfigurationDraft & { readonly port: number; readonly issuer: string }

const defaultPort = 5080

export function assemble(draft: ConfigurationDraft, surroundings: AssemblyContext): Configuration {
  const server = addressed(draft)
  const tenantIssuers = new Map<string, Configuration>()
  for (const [name, tenant] of tenantSettings(server)) {
    tenantIssuers.set(name, forTenant(name, assembleIssuer(tenant, surroundings)))
  }
  const users = draft.users.filter(({ tenant }) => tenant === undefined || !tenantIssuers.has(tenant))
  return { ...assembleIssuer({ ...server, users }, surroundings), tenantIssuers }
}

/** Returns the settings with the server's port and issuer. */
function addressed(draft: ConfigurationDraft): Draft {
  const port = draft.port ?? loopbackPort(draft.issuer) ?? defaultPort
  return { ...draft, port, issuer: draft.issuer ?? localIssuer(port) }
}

/** Returns the settings of each tenant with its own issuer, by its name. */
export function tenantSettings(draft: ConfigurationDraft): ReadonlyMap<string, Draft> {
  const server = addressed(draft)
  return new Map(
    draft.tenants.flatMap(({ issuer, ...tenant }) =>
      issuer === undefined ? [] : [[tenant.name, tenantDraft(server, { ...tenant, issuer })] as const],
    ),
  )
}

export function assembleIssuer(
  draft: Draft,
  { folders, storageFiles, masterKey, previousMasterKey }: AssemblyContext,
): Configuration {
  const hooks = checkedHooks(draft)
  const { storagePassword } = draft
  const clients = new Map(
    draft.clients.map(client => [client.client_id, clientOf(client, draft.signature_algorithms)]),
  )
  const adminApi = draft.admin_api.enabled
  const resources = adminApi ? withAdminApi(resourcesOf(draft)) : resourcesOf(draft)
  const shared = draft.tenants.filter(({ issuer }) => issuer === undefined)
  return defined({
    ...deploymentOf(
      { ...draft, storagePassword: storagePassword && checkedPassword(storagePassword, hooks.hookTimeout) },
      storageFiles,
      folders,
    ),
    clients: { find: id => clients.get(id), all: () => clients.values() },
    resources,
    users: draft.users.map(userOf),
    identityProviders: byName(
      (draft.identity_providers as readonly ProviderDraft[]).map(one =>
        providerOf(one, folders.files, hooks.hookTimeout, draft.outbound.allowed_private_networks),
      ),
    ),
    tenants: new Set(shared.map(({ name }) => name)),
    tenantIssuers: new Map(),
    // Added by `withEntrySources`, because a source assembles the issuer again.
    entries: undefined as never,
    mfa: mfaOf(draft.mfa, draft.issuer),
    tenantMfa: new Map(shared.flatMap(({ name, mfa }) => (mfa ? [[name, mfa]] : []))),
    sessions: sessionsOf(draft.sessions),
    branding: brandingOf(draft.branding, folders.files),
    accounts: accountsOf(draft.accounts),
    signUpTenants: new Set(shared.flatMap(({ name, accounts }) => (accounts?.sign_up ? name : []))),
    mail: draft.mail && mailOf(draft.mail, draft.outbound.allowed_private_networks),
    webhooks: webhooksOf(draft.webhooks),
    events: draft.events ?? {},
    registration: registrationOf(draft),
    adminApi,
    authorizationRequests: authorizationRequestsOf(draft.authorization_requests),
    authorizationResponses: authorizationResponsesOf(draft.authorization_responses),
    signingAlgorithms: algorithmsOf(draft.signature_algorithms, clients.values(), resources),
    masterKey,
    previousMasterKey,
    grants: draft.grants ?? [],
    ...hooks,
  })
}

const mailOf = (mail: MailSettings, networks: readonly string[]): MailSettings => ({
  from: mail.from,
  smtp: restricted(mail.smtp, isStored(mail), networks),
})

/** A server that was named at run time must be public or in these networks. One of the file may be anywhere. */
const restricted = <Place extends object>(
  place: Place,
  stored: boolean,
  networks: readonly string[],
): Place => (stored ? { ...place, allowed_private_networks: networks } : place)

/** @param folder the base folder for a relative `ca_file`. */
function providerOf(
  draft: ProviderDraft,
  folder: string,
  limit: number,
  networks: readonly string[],
): IdentityProvider {
  const { name, type, directory, credentialAuthority: authority } = draft
  return defined({
    name,
    type,
    display_name: draft.display_name,
    tenants: draft.tenants,
    domains: draft.domains,
    linking: draft.linking,
    upstream: type === 'oidc' ? upstreamOf(draft) : undefined,
    directory:
      type === 'ldap' && directory
        ? restricted(
            directoryOf(directory, folder, draft.claim_mapping, draft.list_claims),
            isStored(draft),
            networks,
          )
        : undefined,
    credentialAuthority:
      authority === undefined
        ? undefined
        : checkedAuthority(
            { hook: `identity_providers.${name}.credentialAuthority`, limit },
            authority as CredentialAuthority,
          ),
  })
}

/** Returns the signing algorithms that a client is configured with. */
const signedFor = (client: Client): readonly (SigningAlgorithm | undefined)[] => [
  client.id_token_signed_response_alg,
  client.userinfo_signed_response_alg,
  client.introspection_signed_response_alg,
  client.authorization_signed_response_alg,
]

/**
 * Returns the defaults for access tokens and for ID tokens, and all algorithms that clients and APIs are configured
 * with.
 */
const algorithmsOf = (
  allowed: readonly SigningAlgorithm[],
  clients: Iterable<Client>,
  resources: Resources,
): readonly SigningAlgorithm[] => [
  ...new Set<SigningAlgorithm>([
    ...Object.values(preferredAlgorithms).map(preferred => algorithmOr(preferred, allowed)),
    ...[...clients].flatMap(signedFor).filter(alg => alg !== undefined),
    ...[...resources.apis.values()].flatMap(api => api.access_token_signing_alg ?? []),
  ]),
]

/** Returns the draft for a tenant's own issuer: its entry, with the values inherited from the server. */
function tenantDraft(server: Draft, tenant: TenantDraft & { readonly issuer: string }): Draft {
  const settings: Record<string, unknown> = { ...server }
  for (const [key, owner] of Object.entries(keyOwners)) {
    const value = tenant[key as keyof TenantDraft]
    if (owner === 'own') settings[key] = value ?? valueOfOmitted(key as keyof typeof keyOwners)
    if (owner === 'inherited' && value !== undefined) settings[key] = value
  }
  const branding = tenant.branding ?? server.branding
  const issuer = tenant.issuer === 'path' ? `${server.issuer}${tenantPath}${tenant.name}` : tenant.issuer
  return {
    ...(settings as Draft),
    issuer,
    // No credential is inherited: an API that introspects at this issuer needs its own entry.
    api_resources: tenant.api_resources ?? server.api_resources.map(api => ({ ...api, api_secrets: [] })),
    // A tenant inherits the server's branding, except the name.
    branding: { ...branding, name: tenant.branding?.name ?? tenant.display_name ?? branding.name },
    // A tenant by host is identified by its host, so it can't share the server's mTLS origin.
    mtls:
      new URL(issuer).origin === new URL(server.issuer).origin
        ? server.mtls
        : server.mtls && { ...server.mtls, endpoint_origin: undefined },
    // Within their tenant's own issuer, users belong to no tenant.
    users: server.users.filter(user => user.tenant === tenant.name).map(({ tenant: _, ...user }) => user),
    tenants: [],
  }
}

/** Adds the tenant to every hook request: hooks are the operator's code, and may serve several issuers. */
export const forTenant = (tenant: string, configuration: Configuration): Configuration => {
  const {
    userStore,
    validators,
    profile,
    federation,
    mfaPolicy,
    consentPolicy,
    previousRefreshToken,
    identityProviders,
  } = configuration
  const { subject } = federation
  return defined({
    ...configuration,
    tenant,
    userStore: userStore && userStoreOf(userStore, tenant),
    validators: defined({
      ...validators,
      password: validators.password && authorityOf(validators.password, tenant),
    }),
    profile: profile && profileOf(profile, tenant),
    federation: defined({ subject: subject && (request => subject({ ...request, tenant })) }),
    consentPolicy: consentPolicy && (request => consentPolicy({ ...request, tenant })),
    previousRefreshToken: previousRefreshToken && (request => previousRefreshToken({ ...request, tenant })),
    mfaPolicy: mfaPolicy && (request => mfaPolicy({ ...request, tenant })),
    identityProviders: new Map([...identityProviders].map(([name, one]) => [name, withTenant(one, tenant)])),
  })
}

const withTenant = (provider: IdentityProvider, tenant: string): IdentityProvider =>
  provider.credentialAuthority
    ? { ...provider, credentialAuthority: authorityOf(provider.credentialAuthority, tenant) }
    : provider

const authorityOf = (authority: PasswordAuthority, tenant: string): PasswordAuthority => ({
  check: request => authority.check({ ...request, tenant }),
})

function profileOf({ claims, isActive }: Partial<Profile>, tenant: string): Partial<Profile> {
  const ofTenant = <Request extends { readonly subject: object }>(request: Request): Request => ({
    ...request,
    subject: { ...request.subject, tenant },
  })
  return defined({
    claims: claims && (request => claims(ofTenant(request))),
    isActive: isActive && (request => isActive(ofTenant(request))),
  } satisfies Partial<Profile>)
}
