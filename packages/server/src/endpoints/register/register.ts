/** The client registration endpoint (RFC 7591 §3, OpenID Connect Dynamic Client Registration 1.0 §3). */

import type { Endpoint, HttpRequest } from '@tessera/protocol/http'
import { type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Secrets } from '../../clients/authentication/secrets.ts'
import type { ClientRegistration } from '../../clients/registration/registration.ts'
import { challenge, readBearer } from '../../messages/bearer.ts'
import type { Registration } from '../../model/registration.ts'
import { stepsOf } from '../../model/steps.ts'
import { networkOf, requestFields } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import { droppedValues, type InformationPorts, informationResponse, readMetadata } from './information.ts'
import { type CountedAnswer, createRequestLimit, type RequestLimitPorts, refused } from './request-limit.ts'

const steps = stepsOf('register')

type RegisterPorts = InformationPorts &
  RequestLimitPorts & {
    readonly registration: Registration
    readonly clientRegistration: ClientRegistration
    readonly secrets: Secrets
    readonly log: Log
  }

/**
 * `POST /connect/register` with client metadata as JSON. Responds 201 with what was registered. Refuses 401
 * `invalid_token` without a required initial access token, 429 for too many requests from a network, and the errors of
 * RFC 7591 §3.2.2.
 */
export function createRegisterEndpoint(ports: RegisterPorts): Endpoint {
  const { registration, clientRegistration, refuser } = ports
  const countRequest = createRequestLimit(ports)

  return async request => countRequest(request, () => register(request))

  async function register(request: HttpRequest): Promise<CountedAnswer> {
    const allowed = registration.mode === 'open' ? undefined : await initialAccessTokenRefusal(request, ports)
    if (allowed) {
      const headers = { 'www-authenticate': challenge(allowed) }
      return refused(refuser(request, allowed, { step: 'authenticate', headers }))
    }
    const metadata = readMetadata(request)
    if (!metadata.ok) return refused(refuser(request, metadata, { step: 'parse' }))
    const registered = await clientRegistration.register(
      metadata.value,
      registration.mode === 'open' ? undefined : 'initial_access_token',
    )
    if (!registered.ok) {
      const response = refuser(request, registered, { step: 'decide' })
      // The URLs in the metadata were fetched, so a full server must not allow any number of such requests.
      return registered.reason === 'registered_clients_full'
        ? { respond: () => response, isCounted: true }
        : refused(response)
    }
    const { client_id } = registered.value.client
    ports.log.info('client_registered', {
      ...requestFields(request),
      client_id,
      steps,
      ...droppedValues(registered.value),
    })
    return { respond: () => informationResponse(201, registered.value, ports), isCounted: true }
  }
}

/** Checks the initial access token, which is a bearer token (RFC 7591 §3.1). */
async function initialAccessTokenRefusal(
  request: HttpRequest,
  { registration, secrets }: RegisterPorts,
): Promise<Refusal | undefined> {
  const bearer: Result<string | undefined> = readBearer(request)
  if (!bearer.ok) return bearer
  if (bearer.value === undefined) return refuseToken('initial_access_token_missing')
  const check = await secrets.check(bearer.value, registration.initialAccessTokens, networkOf(request))
  if (check === 'busy')
    return refuse('temporarily_unavailable', 'client_secret_queue_full', {
      description: 'too many secrets are being checked; try again later',
    })
  return check === 'fits' ? undefined : refuseToken('initial_access_token_invalid')
}

const refuseToken = (reason: string): Refusal =>
  refuse('invalid_token', reason, { description: 'an initial access token is required' })
