/** The pushed authorization request endpoint (RFC 9126). */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type Limits, type Parameters, parseParameters, withParameters } from '@tessera/protocol/parameters'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
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
import type { Client } from '../../model/client.ts'
import { replayedProof } from '../../proof/dpop-proof.ts'
import { nonceHeader, type SenderConstraints } from '../../proof/sender-constraint.ts'
import type { Log } from '../../runtime/ports.ts'

type ParPorts = {
  readonly authenticate: AuthenticateClient
  readonly senderConstraints: Pick<SenderConstraints, 'proofOf' | 'headersFor'>
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
 * `expires_in`. A DPoP proof binds the code to its key (RFC 9449 §10.1). Refuses directly (RFC 9126 §2.3) what client
 * authentication and the authorization endpoint refuse, and invalid proofs.
 */
export function createParEndpoint(ports: ParPorts): Endpoint {
  const { refuser, senderConstraints } = ports

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
    const proof = senderConstraints.proofOf(request, client)
    if (!proof.ok) return refuseProof(request, proof, client)
    const asked = requestOf(parameters.value, clientId)
    const resolved = await ports.resolution.resolvePushed(client, asked)
    if (!resolved.ok) return refuser(request, resolved, { step: 'decide', client })
    const bound = boundTo(resolved.value, proof.value?.jkt)
    if (!bound.ok) return refuser(request, bound, { step: 'decide', client })
    const validated = await ports.validate(bound.value)
    if (!validated.ok) return refuser(request, validated, { step: 'decide', client })
    const kept = serializeRequest(bound.value)
    if (!kept.ok) return refuser(request, kept, { step: 'decide', client })
    const { lifetime } = ports.pushedRequests
    const counted = await ports.countPending(request, client, { kind: 'pushed request', lifetime })
    if (!counted.ok) return refuser(request, counted, { step: 'commit', client })
    const keep = () => ports.pushedRequests.keep(clientId, bound.value, proof.value?.use)
    const response = await doCounted(counted.value, keep, stored => stored !== undefined)
    if (!response) return refuseProof(request, replayedProof, client)
    logIgnoredParameters(ports.log, 'par', request, client, validated.value.ignored)
    return jsonResponse(201, response, nonceHeader(proof.value?.nonce))
  }

  function refuseProof(request: HttpRequest, refusal: Refusal, client: Client): HttpResponse {
    return refuser(request, refusal, {
      step: 'prove',
      client,
      headers: senderConstraints.headersFor(refusal),
    })
  }
}

/** Binds the code to the key of the proof (RFC 9449 §10.1), which must be that of `dpop_jkt`. */
function boundTo(parameters: Parameters, jkt: string | undefined): Result<Parameters> {
  const named = parameters.get('dpop_jkt')
  if (jkt === undefined || named === jkt) return ok(parameters)
  return named === undefined ? ok(withParameters(parameters, { dpop_jkt: jkt })) : keysDiffer
}

const keysDiffer = refuse('invalid_request', 'dpop_jkt_differs', {
  description: 'dpop_jkt is not the thumbprint of the key in the DPoP proof',
})

/** Returns the authorization request without credentials. The client may have authenticated without `client_id`. */
const requestOf = (sent: Parameters, client_id: string): Parameters =>
  withParameters(sent, {
    client_secret: undefined,
    client_assertion: undefined,
    client_assertion_type: undefined,
    client_id,
  })
