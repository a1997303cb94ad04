/**
 * Redeems a refresh token of the server that this one replaces: a hook describes it, and a new authorization with its own
 * refresh family begins. In the same write, the token is marked as used.
 */

import { refuse } from '@tessera/protocol/result'
import { isWithin } from '@tessera/protocol/scope'
import { requestedResources } from '../../authorization-request/requested-resources.ts'
import {
  parseRequestedScope,
  userScopeKinds,
  validateScopes,
} from '../../authorization-request/requested-scope.ts'
import { accessOf } from '../../identity/access-endings.ts'
import { hashHandle } from '../../model/handle.ts'
import type { CheckedHook } from '../../model/hook.ts'
import { rememberUntil } from '../../model/jose.ts'
import type { PreviousRefreshTokenHook } from '../../model/previous-refresh-token.ts'
import type { Decision, GrantPorts, RefusedDecision, TokenRequest } from './decision.ts'

/** @param value a text that this server did not issue. */
export async function redeemPrevious(
  value: string,
  { client, parameters, confirmation }: TokenRequest,
  ports: GrantPorts,
  hook: CheckedHook<PreviousRefreshTokenHook>,
): Promise<Decision | RefusedDecision> {
  const { clock, resources, profile, extension, isRevoked, accessEndings } = ports
  const { client_id } = client
  const found = await hook({ refresh_token: value, client_id })
  if (!found) return refuse('invalid_grant', 'refresh_token_malformed')
  const { sub, expires_at, acr, amr = [], auth_time = clock.now() } = found
  const log = { sub }
  if (found.client_id !== client_id)
    return refuse('invalid_grant', 'refresh_token_of_another_client', { log })
  if (expires_at <= clock.now()) return refuse('invalid_grant', 'refresh_token_expired', { log })
  if (!client.scope.has('offline_access')) return refuse('invalid_grant', 'offline_access_withdrawn', { log })

  const user = await extension.user(sub)
  const tenant = user?.tenant
  // Without the time of the sign-in, the token may be older than any revocation.
  if (isRevoked({ client_id, tenant, created_at: found.auth_time ?? 0 }))
    return refuse('invalid_grant', 'authorization_revoked', { log })
  if (tenant !== undefined && client.tenants.length > 0 && !client.tenants.includes(tenant))
    return refuse('invalid_grant', 'user_of_another_tenant', { log })
  const access = await accessOf(sub, user, accessEndings)
  const subject = { sub, tenant, idp: 'local', amr, acr, auth_time, ...access }
  if (!(await profile.isActive({ subject, client_id })))
    return refuse('invalid_grant', 'user_inactive', { log })

  const given = [...new Set([...found.scope, 'offline_access'])].toSorted()
  const agreed = validateScopes(given, { client, resources, kinds: userScopeKinds })
  if (!agreed.ok) return agreed
  const requested = parseRequestedScope(parameters.get('scope'))
  if (!requested.ok) return requested
  const scope = requested.value ?? agreed.value.scope
  if (!isWithin(scope, agreed.value.scope))
    return refuse('invalid_scope', 'scope_widened', {
      description: 'scope exceeds the scope that was granted originally',
    })
  const audience = requestedResources(parameters, resources)
  if (!audience.ok) return audience

  return {
    ok: true,
    client,
    scope,
    audience: audience.value,
    subject,
    authorization: { kind: 'new' },
    confirmation,
    refresh: { kind: 'new', scope: agreed.value.scope },
    idToken: scope.includes('openid') ? {} : undefined,
    use: {
      kind: 'assertion',
      hash: hashHandle(`refresh token of another server\n${value}`),
      expires_at: rememberUntil(expires_at),
    },
  }
}
