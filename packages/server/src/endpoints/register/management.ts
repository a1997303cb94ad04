/** The client configuration endpoint (RFC 7592 §2, OpenID Connect Dynamic Client Registration 1.0 §4). */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { ClientRegistration } from '../../clients/registration/registration.ts'
import { challenge, readBearer } from '../../messages/bearer.ts'
import type { RegisteredClient } from '../../model/registered-client.ts'
import { stepsOf } from '../../model/steps.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import { droppedValues, type InformationPorts, informationResponse, readMetadata } from './information.ts'
import { type CountedAnswer, createRequestLimit, type RequestLimitPorts, refused } from './request-limit.ts'

const steps = stepsOf('register')

type ManagementPorts = InformationPorts &
  RequestLimitPorts & {
    readonly clientRegistration: ClientRegistration
    readonly log: Log
  }

/**
 * `GET`, `PUT` and `DELETE /connect/register/{client_id}` with the registration access token. Refuses 401
 * `invalid_token`, also for unknown clients (RFC 7592 §2); 429 for too many updates from a network; and what
 * registration refuses.
 */
export function createManagementEndpoint(ports: ManagementPorts): Endpoint {
  const { clientRegistration, refuser, log } = ports
  const countRequest = createRequestLimit(ports)

  return async request => {
    const bearer = readBearer(request)
    if (!bearer.ok) return refuseToken(request, bearer)
    if (bearer.value === undefined) return refuseToken(request, tokenMissing)
    const opened = await clientRegistration.open(lastSegment(request.path), bearer.value)
    if (!opened.ok) return refuseToken(request, opened)
    if (request.method === 'PUT')
      return countRequest(request, () => update(request, opened.value), opened.value.client_id)
    if (request.method === 'DELETE') return remove(request, opened.value)
    return informationResponse(200, { client: opened.value, registration_access_token: bearer.value }, ports)
  }

  async function update(request: HttpRequest, client: RegisteredClient): Promise<CountedAnswer> {
    const { client_id } = client
    const metadata = readMetadata(request)
    if (!metadata.ok) return refused(refuser(request, metadata, { step: 'parse', clientId: client_id }))
    const updated = await clientRegistration.update(client, metadata.value)
    if (!updated.ok) return refused(refuser(request, updated, { step: 'decide', clientId: client_id }))
    log.info('client_updated', {
      ...requestFields(request),
      client_id,
      steps,
      ...droppedValues(updated.value),
    })
    return { respond: () => informationResponse(200, updated.value, ports), isCounted: true }
  }

  async function remove(request: HttpRequest, client: RegisteredClient): Promise<HttpResponse> {
    await clientRegistration.remove(client)
    log.info('client_removed', { ...requestFields(request), client_id: client.client_id, steps })
    return { status: 204, headers: { 'cache-control': 'no-store', pragma: 'no-cache' }, body: '' }
  }

  function refuseToken(request: HttpRequest, refusal: Refusal): HttpResponse {
    return refuser(request, refusal, {
      step: 'authenticate',
      headers: { 'www-authenticate': challenge(refusal) },
    })
  }
}

const tokenMissing = refuse('invalid_token', 'registration_token_missing', {
  description: 'a registration access token is required',
})

const lastSegment = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
