/** Rechecks an earlier sign-in: the authorization, the client's scopes and the user. */

import { type Refusal, refuse } from '@tessera/protocol/result'
import type { Authorization } from '../../model/authorization.ts'
import type { Client } from '../../model/client.ts'
import type { GrantPorts, RefreshChoice, TokenRequest, TokenSubject } from './decision.ts'

/**
 * Refuses `invalid_grant` if the authorization was revoked or the user is inactive, and `invalid_scope` if a scope was
 * withdrawn.
 */
export async function recheckAuthorization(
  authorization: Authorization,
  { client }: TokenRequest,
  { profile, isRevoked }: Pick<GrantPorts, 'profile' | 'isRevoked'>,
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

/** Returns the user of an authorization and how they signed in. */
export const subjectOf = ({
  sub,
  tenant,
  sid,
  idp,
  amr,
  acr,
  auth_time,
  claims,
}: Authorization): TokenSubject => ({
  sub,
  tenant,
  sid,
  idp,
  amr,
  acr,
  auth_time,
  claims,
})

/** Returns a new refresh family if the user granted `offline_access` and the client may still refresh. */
export const refreshOf = ({ scope }: Authorization, { grant_types }: Client): RefreshChoice | undefined =>
  scope.includes('offline_access') && grant_types.has('refresh_token') ? { kind: 'new', scope } : undefined

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
