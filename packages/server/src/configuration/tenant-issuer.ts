/** What the configuration of a tenant's own issuer is made of: its entry, and what it inherits of the server. */

import type { CredentialAuthority, IdentityProvider, Profile } from '../model/user.ts'
import type { Configuration } from './configuration.ts'
import { tenantPath } from './issuer.ts'
import { type ConfigurationDraft, keyOwners, type TenantDraft, valueWithout } from './schema/whole.ts'

type Settled = ConfigurationDraft & { readonly port: number; readonly issuer: string }

/** The settings of this tenant's issuer, as if they were a configuration's. */
export function tenantSettings(server: Settled, tenant: TenantDraft & { readonly issuer: string }): Settled {
  const settings: Record<string, unknown> = { ...server }
  for (const [key, owner] of Object.entries(keyOwners)) {
    const value = tenant[key as keyof TenantDraft]
    if (owner === 'own') settings[key] = value ?? valueWithout(key as keyof typeof keyOwners)
    if (owner === 'inherited' && value !== undefined) settings[key] = value
  }
  const named = tenant.branding?.name ?? tenant.display_name
  return {
    ...(settings as Settled),
    // No credential is inherited: an API that asks this issuer about tokens is an entry of its own.
    api_resources: tenant.api_resources ?? server.api_resources.map(api => ({ ...api, api_secrets: [] })),
    issuer: tenant.issuer === 'path' ? `${server.issuer}${tenantPath}${tenant.name}` : tenant.issuer,
    // Looks may be inherited, but a page says whose it is.
    branding: {
      ...(tenant.branding ?? server.branding),
      ...(named !== undefined && { name: named }),
    },
    // Within their own issuer they belong to no tenant.
    users: server.users.filter(user => user.tenant === tenant.name).map(({ tenant: _, ...user }) => user),
    tenants: [],
  }
}

/** Hooks are the operator's own code and may serve several issuers: they are told whose user they are asked about. */
export const ofTenant = (tenant: string, configuration: Configuration): Configuration => {
  const { validators, profile, federation, mfaPolicy, consentPolicy, identityProviders } = configuration
  return {
    ...configuration,
    tenant,
    validators: {
      ...validators,
      ...(validators.password && { password: authorityOf(validators.password, tenant) }),
    },
    ...(profile && { profile: profileOf(profile, tenant) }),
    federation: subjectOf(federation, tenant),
    ...(consentPolicy && { consentPolicy: request => consentPolicy({ ...request, tenant }) }),
    ...(mfaPolicy && { mfaPolicy: request => mfaPolicy({ ...request, tenant }) }),
    identityProviders: new Map(
      [...identityProviders].map(([name, provider]) => [name, providerOf(provider, tenant)]),
    ),
  }
}

const authorityOf = (authority: CredentialAuthority, tenant: string): CredentialAuthority => ({
  check: request => authority.check({ ...request, tenant }),
})

const providerOf = (provider: IdentityProvider, tenant: string): IdentityProvider =>
  provider.credentialAuthority
    ? { ...provider, credentialAuthority: authorityOf(provider.credentialAuthority, tenant) }
    : provider

const subjectOf = (
  { subject }: Configuration['federation'],
  tenant: string,
): Configuration['federation'] => ({
  ...(subject && { subject: request => subject({ ...request, tenant }) }),
})

function profileOf({ claims, isActive }: Partial<Profile>, tenant: string): Partial<Profile> {
  const told = <Request extends { readonly subject: object }>(request: Request): Request => ({
    ...request,
    subject: { ...request.subject, tenant },
  })
  return {
    ...(claims && { claims: request => claims(told(request)) }),
    ...(isActive && { isActive: request => isActive(told(request)) }),
  }
}
