/** The refresh token grant (RFC 6749 §6): rotation by compare-and-set, idempotent retry, reuse detection (RFC 9700 §4.14.2). */

import type { Seconds } from '@tessera/protocol/brand'
import { grantTypes } from '@tessera/protocol/grant-types'
import { maxTokenLength } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { isWithin } from '@tessera/protocol/scope'
import { requestedResources } from '../../../authorization-request/requested-resources.ts'
import { parseRequestedScope } from '../../../authorization-request/requested-scope.ts'
import { recheckFamily } from '../../../identity/recheck-authorization.ts'
import type { RefreshFamily } from '../../../model/authorization.ts'
import { type Client, isPublic } from '../../../model/client.ts'
import { maskedHandle } from '../../../model/masked.ts'
import type { Use } from '../../../model/ports/stores.ts'
import { bindingOfFamily, idleEnd, isOwnFormat, type RefreshHandle } from '../../../tokens/refresh-token.ts'
import type { Grant, GrantPorts, RefusedDecision } from '../decision.ts'
import { subjectOf } from '../earlier-sign-in.ts'
import { redeemPrevious } from '../previous-refresh-token.ts'
import { isSameKey, retryOf } from '../retry-window.ts'

export const refreshToken: Grant = {
  grantType: grantTypes.refreshToken,
  limits: { refresh_token: [maxTokenLength, 'invalid_grant'] },
  async decide(request, ports) {
    const { client, parameters, confirmation } = request
    const value = parameters.get('refresh_token')
    if (value === undefined) {
      return refuse('invalid_request', 'refresh_token_missing', { description: 'refresh_token is required' })
    }
    const now = ports.clock.now()
    const handle = ports.refreshTokens.parse(value)
    const received = maskedHandle(value)
    if (!handle) {
      const { previousRefreshToken: hook } = ports
      return hook && !isOwnFormat(value)
        ? redeemPrevious(value, request, ports, hook)
        : refuse('invalid_grant', 'refresh_token_malformed', { log: { received } })
    }
    if (handle.expires_at <= now) {
      const late = `${now - handle.expires_at} s after it expired`
      return refuse('invalid_grant', 'refresh_token_expired', {
        log: { family: handle.family, received: late },
      })
    }
    const found = await ports.stores.families.find(handle.family)
    if (!found)
      return refuse('invalid_grant', 'refresh_token_unknown', { log: { family: handle.family, received } })
    const { family, authorization } = found
    const log = { family: family.id, authorization_id: authorization.id }
    if (family.client_id !== client.client_id)
      return refuse('invalid_grant', 'refresh_token_of_another_client', {
        log: { ...log, expected: `a refresh token of ${client.client_id}` },
      })
    if (family.idle_expires_at <= now) return refuse('invalid_grant', 'refresh_token_idle_too_long', { log })
    if (isPublic(client) && !sameConfirmation(family, confirmation))
      return refuse('invalid_grant', 'refresh_token_bound_to_another_key', { log })

    const use = useOf(handle, family, client, { now, confirmation, sub: authorization.sub }, ports)
    if (!use.ok) return use
    const refusal = await recheckFamily(found, client, ports)
    if (refusal) return refusal
    const scope = narrowedScope(parameters.get('scope'), family.scope)
    if (!scope.ok) return scope
    const audience = requestedResources(parameters, ports.resources, {
      agreed: authorization.resources,
      scope: scope.value,
    })
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
      keptClaims: client.update_access_token_claims_on_refresh ? undefined : (family.access_claims ?? {}),
      idToken: family.scope.includes('openid') ? {} : undefined,
    }
  },
}

/** Returns how this generation may be used. An older generation is reuse and revokes the authorization. */
function useOf(
  { family: id, generation }: RefreshHandle,
  family: RefreshFamily,
  client: Client,
  {
    now,
    confirmation,
    sub,
  }: { readonly now: Seconds; readonly confirmation: RefreshFamily['cnf']; readonly sub: string },
  ports: GrantPorts,
): Result<Use> | RefusedDecision {
  const generations = {
    family: id,
    authorization_id: family.authorization_id,
    generation,
    expected: `generation ${family.generation}`,
    received: `generation ${generation}`,
  }
  if (generation === family.generation) {
    const current = { family: id, generation, idleExpiresAt: idleEnd(client, now, family.expires_at) }
    return client.refresh_token_usage === 'reuse'
      ? ok({ kind: 'refresh_reuse', ...current })
      : ok({ kind: 'refresh_rotation', ...current, cnf: bindingOfFamily(client, confirmation) })
  }
  if (generation > family.generation) {
    // The store lost its newest writes, so an older token would become current again, and this one would be unknown.
    // Revoke both.
    ports.log.error('refresh_generation_ahead', {
      family: id,
      generation,
      stored_generation: family.generation,
    })
    return {
      ...refuse('invalid_grant', 'refresh_generation_ahead', { log: generations }),
      effect: { kind: 'revoke_authorization', id: family.authorization_id, sub },
    }
  }
  const retry = generation === family.generation - 1 ? retryOf(family, client, ports) : undefined
  if (retry) return retry.ok ? retry : { ...retry, log: generations }
  return {
    ...refuse('invalid_grant', 'refresh_token_reused', { log: generations }),
    effect: { kind: 'revoke_authorization', id: family.authorization_id, sub },
  }
}

const nextGeneration = (use: Use, { generation }: RefreshFamily): number =>
  use.kind === 'refresh_rotation' ? generation + 1 : generation

const scopeWidened = refuse('invalid_scope', 'scope_widened', {
  description: 'scope exceeds the scope that was granted originally',
})

/** Returns the requested scope, which may be narrower than the original one but not wider (RFC 6749 §6). */
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
 * Returns whether the request has the key that the family is bound to (RFC 8705 §4, RFC 9449 §5), also within the retry
 * window. Checked for public clients only: client authentication binds the tokens of others (RFC 8705 §7.1), so they can
 * change their keys.
 */
const sameConfirmation = ({ cnf }: RefreshFamily, presented: RefreshFamily['cnf']): boolean =>
  cnf === undefined || isSameKey(cnf, presented)
