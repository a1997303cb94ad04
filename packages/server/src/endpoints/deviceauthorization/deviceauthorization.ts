/** The device authorization endpoint (RFC 8628 §3.1, §3.2). */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { Endpoint } from '@tessera/protocol/http'
import type { Limits } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { maxScopeLength } from '../../authorization-request/parameter-limits.ts'
import { validateResources } from '../../authorization-request/requested-resources.ts'
import { userScopeKinds, validateScope } from '../../authorization-request/requested-scope.ts'
import type { AuthenticateClient } from '../../clients/authentication/authenticate.ts'
import { credentialLimits } from '../../clients/authentication/method.ts'
import type { CountPending } from '../../identity/attempt-limits.ts'
import { doCounted } from '../../identity/attempts.ts'
import { readForm } from '../../messages/form.ts'
import { logIgnoredParameters } from '../../messages/ignored.ts'
import { jsonResponse, type Refuser } from '../../messages/json-response.ts'
import type { DeviceAuthorization } from '../../model/authorization.ts'
import type { Client } from '../../model/client.ts'
import { hashHandle, newHandle } from '../../model/handle.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Resources } from '../../model/resource.ts'
import { stepsOf } from '../../model/steps.ts'
import type { UserCodes } from '../../pages/flow/user-code.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Clock, Log, Random } from '../../runtime/ports.ts'

type DeviceAuthorizationPorts = {
  readonly issuer: string
  readonly authenticate: AuthenticateClient
  readonly resources: Resources
  readonly stores: Pick<Stores, 'devices'>
  readonly userCodes: UserCodes
  readonly countPending: CountPending
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly refuser: Refuser
}

const steps = stepsOf('deviceauthorization')

const limits: Limits = {
  ...credentialLimits,
  scope: [maxScopeLength, 'invalid_scope'],
  resource: [512, 'invalid_target'],
}

const grantTypeNotAllowed = refuse('unauthorized_client', 'grant_type_not_allowed', {
  description: 'This client may not use the device code grant',
})

/** `POST /connect/deviceauthorization`. */
export function createDeviceAuthorizationEndpoint(ports: DeviceAuthorizationPorts): Endpoint {
  return async request => {
    const parameters = readForm(request, limits)
    if (!parameters.ok) return ports.refuser(request, parameters, { step: 'parse' })
    const authenticated = await ports.authenticate(request, parameters.value)
    if (!authenticated.ok) {
      return ports.refuser(request, authenticated, {
        step: 'authenticate',
        clientId: parameters.value.get('client_id'),
      })
    }
    const { client } = authenticated.value
    if (!client.grant_types.has(grantTypes.deviceCode)) {
      return ports.refuser(request, grantTypeNotAllowed, { step: 'grant', client })
    }
    const apis = validateResources(parameters.value.all('resource'), ports.resources)
    if (!apis.ok) return ports.refuser(request, apis, { step: 'decide', client })
    const granted = validateScope(parameters.value.get('scope'), {
      client,
      resources: ports.resources,
      kinds: userScopeKinds,
      apis: apis.value,
      ignoresOfflineAccess: true,
    })
    if (!granted.ok) return ports.refuser(request, granted, { step: 'decide', client })
    const { scope, ignored } = granted.value
    const waiting = { kind: 'device authorization', lifetime: client.device_code_lifetime } as const
    const counted = await ports.countPending(request, client, waiting)
    if (!counted.ok) return ports.refuser(request, counted, { step: 'commit', client })
    const make = () => issue(client, { scope, resources: apis.value }, ports)
    const codes = await doCounted(counted.value, make, ({ ok }) => ok)
    if (!codes.ok) return ports.refuser(request, codes, { step: 'commit', client })

    ports.log.info('device_authorization_issued', {
      ...requestFields(request),
      client_id: client.client_id,
      steps,
      scope,
    })
    logIgnoredParameters(ports.log, 'deviceauthorization', request, client, ignored)
    const verification_uri = `${ports.issuer.replace(/\/$/, '')}/device`
    const { device_code, user_code } = codes.value
    return jsonResponse(200, {
      device_code,
      user_code,
      verification_uri,
      verification_uri_complete: `${verification_uri}?user_code=${user_code}`,
      expires_in: client.device_code_lifetime,
      interval: client.device_polling_interval,
    })
  }
}

/** User codes have 34 bits and expire within minutes, so even one collision is rare. */
const maxTries = 5

async function issue(
  client: Client,
  { scope, resources }: Required<Pick<DeviceAuthorization, 'scope' | 'resources'>>,
  { stores, userCodes, clock, random }: DeviceAuthorizationPorts,
): Promise<Result<{ device_code: string; user_code: string }>> {
  const device_code = newHandle(random, 'td')
  for (let tries = 0; tries < maxTries; tries++) {
    const user_code = userCodes.make()
    const issued = await stores.devices.issue({
      hash: hashHandle(device_code),
      user_code_hash: userCodes.hash(user_code),
      client_id: client.client_id,
      scope,
      ...(resources.length > 0 && { resources }),
      status: 'pending',
      interval: client.device_polling_interval,
      expires_at: clock.now() + client.device_code_lifetime,
    })
    if (issued) return ok({ device_code, user_code })
  }
  return refuse('temporarily_unavailable', 'user_codes_exhausted', {
    description: 'No user code is available; try again',
  })
}
