/** Decides which identity providers and tenants a client and its users may use. */

import { type Refusal, refuse } from '@tessera/protocol/result'
import type { Client } from '../model/client.ts'
import { type IdentityProvider, localProvider } from '../model/user.ts'

/** Refuses a tenant that the client may not use. Returns undefined if it may, or if there is no tenant. No client: the server's own pages. */
export function tenantRefusal(
  client: Client | undefined,
  tenant: string | undefined,
  known: ReadonlySet<string>,
): Refusal | undefined {
  if (tenant === undefined) return undefined
  if (known.has(tenant) && (!client || client.tenants.length === 0 || client.tenants.includes(tenant)))
    return undefined
  return refuse('invalid_request', 'tenant_not_allowed', {
    description: 'tenant is not available to this client',
    log: { tenant },
  })
}

/**
 * Returns whether the client may use this identity provider: `identity_provider_restrictions` limits external ones,
 * `enable_local_login` the local one. The server's own pages (undefined) may use all.
 */
export const mayUseProvider = (client: Client | undefined, idp: string): boolean =>
  client === undefined ||
  (idp === localProvider
    ? client.enable_local_login
    : client.identity_provider_restrictions.length === 0 ||
      client.identity_provider_restrictions.includes(idp))

/** Returns whether users of this tenant sign in with this provider; undefined: users without a tenant. */
export const servesTenant = (
  { tenants }: Pick<IdentityProvider, 'tenants'>,
  tenant: string | undefined,
): boolean => tenants.length === 0 || (tenant !== undefined && tenants.includes(tenant))
