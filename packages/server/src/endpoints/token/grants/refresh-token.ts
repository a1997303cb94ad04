/** The refresh token grant (RFC 6749 §6): rotation by compare-and-set, idempotent retry, reuse detection (RFC 9700 §4.14.2). */

import type { Seconds } from '@tessera/protocol/brand'
import { grantTypes } from '@tessera/protocol/grant-types'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { isWithin } from '@tessera/protocol/scope'
import { requestedResources } from '../../../authorization-request/requested-resources.ts'
import { parseRequestedScope } from '../../../authorization-request/requested-scope.ts'
import type { RefreshFamily } from '../../../model/authorization.ts'
import { type Client, isPublic } from '../../../model/client.ts'
import type { Use } from '../../../model/ports/stores.ts'
import { idleEnd, type RefreshHandle } from '../../../tokens/refresh-token.ts'
import type { Grant, GrantPorts, RefusedDecision } from '../decision.ts'
import { recheckAuthorization, subjectOf } from '../recheck-authorization.ts'

/** Whole seconds, and what clocks that agree may differ by: a rotation so far ahead was now. */
const clockTolerance: Seconds = 2

export const refreshToken: Grant = {
  grantType: grantTypes.refreshToken,
  limits: { refresh_token: [100, 'invalid_grant'] },
  async decide(request, ports) {
    const { client, parameters, confirmation } = request
    const value = parameters.get('refresh_token')
    if (value === undefined) {
      return refuse('invalid_request', 'refresh_token_missing', { description: 'refresh_token is required' })
    }
    const now = ports.clock.now()
    const handle = ports.refreshTokens.parse(value)
    if (!handle) return refuse('invalid_grant', 'refresh_token_malformed')
    if (handle.expires_at <= now) return refuse('invalid_grant', 'refresh_token_expired')
    const found = await ports.stores.families.find(handle.family)
    if (!found) return refuse('invalid_grant', 'refresh_token_unknown')
    const { family, authorization } = found
    const log = { family: family.id, authorization_id: authorization.id }
    if (family.client_id !== client.client_id)
      return refuse('invalid_grant', 'refresh_token_of_another_client', { log })
    if (family.idle_expires_at <= now) return refuse('invalid_grant', 'refresh_token_idle_too_long', { log })
    if (isPublic(client) && !sameConfirmation(family, confirmation))
      return refuse('invalid_grant', 'refresh_token_bound_to_another_key', { log })

    const use = useOf(handle, family, client, now, ports)
    if (!use.ok) return use
    if (!client.scope.has('offline_access'))
      return refuse('invalid_grant', 'offline_access_withdrawn', { log })
    const refusal = await recheckAuthorization(authorization, request, ports)
    if (refusal) return refusal
    const scope = narrowedScope(parameters.get('scope'), family.scope)
    if (!scope.ok) return scope
    const audience = requestedResources(parameters, ports.resources, authorization.resources)
    if (!audience.ok) return audience

    return {
      ok: true,
      client,
      scope: scope.value,
      audience: audience.value,
      subject: subjectOf(authorization),
      authorization: { kind: 'existing', authorization },
      use: use.value,
      confirmation,
      refresh: { kind: 'existing', family, generation: nextGeneration(use.value, family) },
      ...(!client.update_access_token_claims_on_refresh && { keptClaims: family.access_claims ?? {} }),
      ...(family.scope.includes('openid') && { idToken: {} }),
    }
  },
}

/** What this generation of the family may still be used for; an older one is reuse and revokes what it came from. */
function useOf(
  { family: id, generation }: RefreshHandle,
  family: RefreshFamily,
  client: Client,
  now: Seconds,
  { log }: GrantPorts,
): Result<Use> | RefusedDecision {
  if (generation === family.generation) {
    const kind = client.refresh_token_usage === 'one_time' ? 'refresh_rotation' : 'refresh_reuse'
    return ok({ kind, family: id, generation, idleExpiresAt: idleEnd(client, now, family.expires_at) })
  }
  if (generation > family.generation) {
    // Only a store that lost its newest writes can be behind its own tokens.
    // Whoever holds an older token could go on with it, and this client could not: nobody goes on.
    log.error('refresh_generation_ahead', { family: id, generation, stored_generation: family.generation })
    return {
      ...refuse('invalid_grant', 'refresh_generation_ahead', { log: { family: id, generation } }),
      effect: { kind: 'revoke_authorization', id: family.authorization_id },
    }
  }
  const since = now - client.refresh_token_retry_window
  if (
    client.refresh_token_retry_window > 0 &&
    generation === family.generation - 1 &&
    family.rotated_at >= since
  ) {
    const ahead_seconds = family.rotated_at - now
    if (ahead_seconds > clockTolerance) {
      // Whether this is a retry or a replay nobody can say: neither do tokens go out nor does the sign-in end.
      log.error('refresh_rotated_in_future', { family: id, generation, ahead_seconds })
      return refuse('invalid_grant', 'refresh_rotated_in_future', { log: { family: id, generation } })
    }
    return ok({ kind: 'refresh_retry', family: id, generation: family.generation, since })
  }
  return {
    ...refuse('invalid_grant', 'refresh_token_reused', { log: { family: id, generation } }),
    effect: { kind: 'revoke_authorization', id: family.authorization_id },
  }
}

const nextGeneration = (use: Use, { generation }: RefreshFamily): number =>
  use.kind === 'refresh_rotation' ? generation + 1 : generation

const scopeWidened = refuse('invalid_scope', 'scope_widened', {
  description: 'scope asks for more than was granted before',
})

/** RFC 6749 §6: may be narrowed for this access token, never widened. */
function narrowedScope(
  parameter: string | undefined,
  original: readonly string[],
): Result<readonly string[]> {
  const requested = parseRequestedScope(parameter)
  if (!requested.ok) return requested
  if (requested.value === undefined) return ok(original)
  return isWithin(requested.value, original) ? ok(requested.value) : scopeWidened
}

/**
 * RFC 8705 §4: a public client uses a bound family with the key that it was bound to. A confidential one is bound by its
 * authentication (§7.1), so that it may renew a certificate and keep its sign-ins.
 */
const sameConfirmation = ({ cnf }: RefreshFamily, presented: RefreshFamily['cnf']): boolean =>
  cnf === undefined || JSON.stringify(cnf) === JSON.stringify(presented)
