/** The device authorization grant (RFC 8628 §3.4–3.5). */

import type { Seconds } from '@tessera/protocol/brand'
import { grantTypes } from '@tessera/protocol/grant-types'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { requestedResources } from '../../../authorization-request/requested-resources.ts'
import { recheckAuthorization } from '../../../identity/recheck-authorization.ts'
import type { DeviceAuthorization, RefreshFamily } from '../../../model/authorization.ts'
import { hashHandle } from '../../../model/handle.ts'
import { maskedHandle } from '../../../model/masked.ts'
import type { Decision, Grant, GrantPorts, RefusedDecision, TokenRequest } from '../decision.ts'
import { refreshOf, subjectOf } from '../earlier-sign-in.ts'
import { isSameKey, retryOf } from '../retry-window.ts'

export const deviceCode: Grant = {
  grantType: grantTypes.deviceCode,
  limits: { device_code: [100, 'invalid_grant'] },
  async decide(request, ports) {
    const { client, parameters } = request
    const value = parameters.get('device_code')
    if (value === undefined)
      return refuse('invalid_request', 'device_code_missing', { description: 'device_code is required' })
    const found = await ports.stores.devices.find(hashHandle(value))
    if (!found)
      return refuse('invalid_grant', 'device_code_unknown', { log: { received: maskedHandle(value) } })
    const { device, authorization, family } = found
    if (device.client_id !== client.client_id) return refuse('invalid_grant', 'device_code_of_another_client')
    const isUsed = device.used_at !== undefined
    const waiting = isUsed ? undefined : pendingRefusal(device, ports.clock.now())
    if (waiting) return waiting
    const retry = isUsed ? retryOfCode(family, request, ports) : undefined
    if (retry && !retry.ok) return retry
    if (!authorization) return refuse('invalid_grant', 'authorization_revoked')
    const refusal = await recheckAuthorization(authorization, request.client, ports)
    if (refusal) return refusal

    const audience = requestedResources(parameters, ports.resources, {
      agreed: authorization.resources,
      scope: authorization.scope,
    })
    if (!audience.ok) return audience
    const { scope } = authorization
    return {
      ok: true,
      client,
      scope,
      audience: audience.value,
      subject: subjectOf(authorization),
      authorization: { kind: 'existing', authorization },
      ...(retry?.value ?? {
        use: { kind: 'device_code', hash: device.hash },
        refresh: refreshOf(authorization, client),
      }),
      confirmation: request.confirmation,
      idToken: scope.includes('openid') ? {} : undefined,
    }
  },
}

/**
 * Decides on a used code: its response was lost, or it is replayed. The same client with the same key gets the first
 * refresh token again, as within the retry window of a refresh. `refresh_token_usage: "reuse"` leaves no trace of a use,
 * and without a refresh token nothing shows that the response was lost, so these codes are never accepted again.
 */
function retryOfCode(
  family: RefreshFamily | undefined,
  { client, confirmation }: TokenRequest,
  ports: Pick<GrantPorts, 'clock' | 'log'>,
): Result<Pick<Decision, 'use' | 'refresh' | 'keptClaims'>> {
  const used = refuse('invalid_grant', 'device_code_used', { log: family && { family: family.id } })
  if (family?.generation !== 1 || client.refresh_token_usage === 'reuse') return used
  const retry = retryOf(family, client, ports)
  if (!retry) return used
  if (!retry.ok) return retry
  if (!isSameKey(family.cnf, confirmation))
    return refuse('invalid_grant', 'device_code_used_with_another_key', { log: { family: family.id } })
  return ok({
    use: retry.value,
    refresh: { kind: 'existing', family, generation: family.generation },
    keptClaims: client.update_access_token_claims_on_refresh ? undefined : (family.access_claims ?? {}),
  })
}

/**
 * Returns why there are no tokens yet, or won't be any. `slow_down` only replaces `authorization_pending` (RFC 8628
 * §3.5), so a device that polls too fast still learns immediately that the user has decided or that the code has
 * expired.
 */
function pendingRefusal(device: DeviceAuthorization, now: Seconds): RefusedDecision | undefined {
  if (device.expires_at <= now) return expired
  if (device.status === 'denied') return denied
  if (device.status !== 'pending') return undefined
  const isTooFast = device.last_polled_at !== undefined && now < device.last_polled_at + device.interval
  return isTooFast ? polled(tooFast, device, true) : polled(pending, device, false)
}

const expired = refuse('expired_token', 'device_code_expired', {
  description: 'The user did not decide in time',
})
const denied = refuse('access_denied', 'device_denied', { description: 'The user denied the request' })
const pending = refuse('authorization_pending', 'device_pending', {
  description: 'The user has not decided yet',
})
const tooFast = refuse('slow_down', 'device_polled_too_fast', {
  description: 'Wait 5 seconds longer between requests',
})

const polled = (refusal: Refusal, { hash }: DeviceAuthorization, slowDown: boolean): RefusedDecision => ({
  ...refusal,
  effect: { kind: 'device_polled', hash, slowDown },
})
