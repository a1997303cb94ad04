/** The device authorization grant (RFC 8628 §3.4–3.5). */

import type { Seconds } from '@tessera/protocol/brand'
import { grantTypes } from '@tessera/protocol/grant-types'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { DeviceAuthorization } from '../../../model/authorization.ts'
import { hashHandle } from '../../../model/handle.ts'
import { maskedHandle } from '../../../model/masked.ts'
import type { Grant, RefusedDecision } from '../decision.ts'
import { recheckAuthorization, refreshOf, subjectOf } from '../recheck-authorization.ts'

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
    const { device, authorization } = found
    if (device.client_id !== client.client_id) return refuse('invalid_grant', 'device_code_of_another_client')
    const waiting = pendingRefusal(device, ports.clock.now())
    if (waiting) return waiting
    // RFC 8628 §3.1 defines no resource parameter; the scope determines the APIs.
    if (parameters.all('resource').length > 0) return resourceNotSupported
    if (!authorization) return refuse('invalid_grant', 'authorization_revoked')
    const refusal = await recheckAuthorization(authorization, request, ports)
    if (refusal) return refusal

    const { scope } = authorization
    return {
      ok: true,
      client,
      scope,
      audience: [],
      subject: subjectOf(authorization),
      authorization: { kind: 'existing', authorization },
      use: { kind: 'device_code', hash: device.hash },
      confirmation: request.confirmation,
      refresh: refreshOf(authorization, client),
      idToken: scope.includes('openid') ? {} : undefined,
    }
  },
}

/**
 * Returns why there are no tokens yet, or won't be any. `slow_down` only replaces `authorization_pending` (RFC 8628
 * §3.5), so a device that polls too fast still learns immediately that the user has decided or that the code has
 * expired.
 */
function pendingRefusal(device: DeviceAuthorization, now: Seconds): RefusedDecision | undefined {
  if (device.used_at !== undefined) return refuse('invalid_grant', 'device_code_used')
  if (device.expires_at <= now) return expired
  if (device.status === 'denied') return denied
  if (device.status !== 'pending') return undefined
  const isTooFast = device.last_polled_at !== undefined && now < device.last_polled_at + device.interval
  return isTooFast ? polled(tooFast, device, true) : polled(pending, device, false)
}

const resourceNotSupported = refuse('invalid_target', 'resource_not_supported', {
  description: 'The device code grant has no resource parameter',
})
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
