/** Rechecks an earlier sign-in: the authorization, the client's scopes and the user. */

import { type Refusal, refuse } from '@tessera/protocol/result'
import type { Authorization, IsRevoked, RefreshFamily } from '../model/authorization.ts'
import type { Client } from '../model/client.ts'
import type { Profile } from '../model/user.ts'

type RecheckPorts = { readonly profile: Pick<Profile, 'isActive'>; readonly isRevoked: IsRevoked }

/**
 * Refuses `invalid_grant` if the authorization was revoked or the user is inactive, and `invalid_scope` if a scope was
 * withdrawn.
 */
export async function recheckAuthorization(
  authorization: Authorization,
  client: Client,
  { profile, isRevoked }: RecheckPorts,
): Promise<Refusal | undefined> {
  const log = { authorization_id: authorization.id }
  if (isRevoked(authorization)) return refuse('invalid_grant', 'authorization_revoked', { log })
  const tenant = authorization.tenant ?? authorization.sign_in_tenant
  if (tenant !== undefined && client.tenants.length > 0 && !client.tenants.includes(tenant)) {
    return refuse('invalid_grant', 'user_of_another_tenant', { log })
  }
  const withdrawn = withdrawnScope(authorization.scope, client)
  if (withdrawn) return withdrawn
  const active = await profile.isActive({ subject: authorization, client_id: client.client_id })
  return active ? undefined : refuse('invalid_grant', 'user_inactive', { log })
}

/**
 * Refuses what {@link recheckAuthorization} does, and `invalid_grant` if the client may no longer have refresh tokens.
 * The refresh token grant and introspection both use it, so that an active token is one that can be used (RFC 7662 §2.2).
 */
export async function recheckFamily(
  { family, authorization }: { readonly family: RefreshFamily; readonly authorization: Authorization },
  client: Client,
  ports: RecheckPorts,
): Promise<Refusal | undefined> {
  if (!client.scope.has('offline_access'))
    return refuse('invalid_grant', 'offline_access_withdrawn', {
      log: { family: family.id, authorization_id: authorization.id },
    })
  return recheckAuthorization(authorization, client, ports)
}

/** Refuses `invalid_scope` if the client no longer has a scope that was granted before. */
const withdrawnScope = (scope: readonly string[], client: Client): Refusal | undefined => {
  const lost = scope.find(name => !client.scope.has(name))
  return lost === undefined
    ? undefined
    : refuse('invalid_scope', 'scope_withdrawn', {
        description: `This client may no longer use the scope ${lost}`,
        log: { scope: lost },
      })
}
