/** The pushed authorization request endpoint (RFC 9126). */

import type { Endpoint } from '@tessera/protocol/http'
import { type Limits, type Parameters, parseParameters, withParameters } from '@tessera/protocol/parameters'
import { requestLimits } from '../../authorization-request/parameter-limits.ts'
import type { PushedRequests } from '../../authorization-request/pushed-request.ts'
import type { AuthorizationRequestResolution } from '../../authorization-request/resolution.ts'
import { serializeRequest } from '../../authorization-request/serialized-request.ts'
import type { ValidateAuthorizationRequest } from '../../authorization-request/validation.ts'
import type { AuthenticateClient } from '../../clients/authentication/authenticate.ts'
import { credentialLimits } from '../../clients/authentication/method.ts'
import type { CountPending } from '../../identity/attempt-limits.ts'
import { doCounted } from '../../identity/attempts.ts'
import { isForm, notForm } from '../../messages/form.ts'
import { logIgnoredParameters } from '../../messages/ignored.ts'
import { jsonResponse, type Refuser } from '../../messages/json-response.ts'
import type { Log } from '../../runtime/ports.ts'

type ParPorts = {
  readonly authenticate: AuthenticateClient
  readonly resolution: AuthorizationRequestResolution
  readonly validate: ValidateAuthorizationRequest
  readonly pushedRequests: PushedRequests
  readonly countPending: CountPending
  readonly log: Log
  readonly refuser: Refuser
}

const limits: Limits = { ...requestLimits, ...credentialLimits }

/**
 * `POST /connect/par`: stores the authorization request of an authenticated client. Responds 201 with `request_uri` and
 * `expires_in`. Refuses directly (RFC 9126 §2.3) what client authentication and the authorization endpoint refuse.
 */
export function createParEndpoint(ports: ParPorts): Endpoint {
  const { refuser } = ports

  return async request => {
    if (!isForm(request)) return refuser(request, notForm, { step: 'parse' })
    const parameters = parseParameters(request.body, limits)
    if (!parameters.ok) return refuser(request, parameters, { step: 'parse' })
    const authenticated = await ports.authenticate(request, parameters.value)
    if (!authenticated.ok)
      return refuser(request, authenticated, {
        step: 'authenticate',
        clientId: parameters.value.get('client_id'),
      })
    const { client } = authenticated.value
    const clientId = client.client_id
    const asked = requestOf(parameters.value, clientId)
    const resolved = await ports.resolution.resolvePushed(client, asked)
    if (!resolved.ok) return refuser(request, resolved, { step: 'decide', client })
    const validated = await ports.validate(resolved.value)
    if (!validated.ok) return refuser(request, validated, { step: 'decide', client })
    const kept = serializeRequest(resolved.value)
    if (!kept.ok) return refuser(request, kept, { step: 'decide', client })
    const { lifetime } = ports.pushedRequests
    const counted = await ports.countPending(request, client, { kind: 'pushed request', lifetime })
    if (!counted.ok) return refuser(request, counted, { step: 'commit', client })
    logIgnoredParameters(ports.log, 'par', request, client, validated.value.ignored)
    const keep = () => ports.pushedRequests.keep(clientId, resolved.value)
    return jsonResponse(201, await doCounted(counted.value, keep, () => true))
  }
}

/** Returns the authorization request without credentials. The client may have authenticated without `client_id`. */
const requestOf = (sent: Parameters, client_id: string): Parameters =>
  withParameters(sent, {
    client_secret: undefined,
    client_assertion: undefined,
    client_assertion_type: undefined,
    client_id,
  })
