/** The introspection endpoint (RFC 7662), with signed responses on request (RFC 9701). */

import { acceptWeights } from '@tessera/protocol/accept'
import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type Limits, maxTokenLength, parseParameters } from '@tessera/protocol/parameters'
import { type JsonObject, refuse } from '@tessera/protocol/result'
import type { AuthenticateCaller, Caller } from '../../clients/authentication/caller.ts'
import { credentialLimits } from '../../clients/authentication/method.ts'
import type { EncryptForClient } from '../../clients/keys/encryption.ts'
import { isForm, notForm } from '../../messages/form.ts'
import { jsonResponse, noStoreHeaders, type Refuser } from '../../messages/json-response.ts'
import type { Client, SigningAlgorithm } from '../../model/client.ts'
import type { KeyRing } from '../../model/keys.ts'
import { maskedHandle } from '../../model/masked.ts'
import { stepsOf } from '../../model/steps.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import { signJwt } from '../../tokens/jwt.ts'
import { type DescriptionPorts, describeToken } from './token-description.ts'

type IntrospectionPorts = DescriptionPorts & {
  readonly keys: Pick<KeyRing, 'signing'>
  /** The algorithm of responses for APIs without their own: RS256 if it is allowed (RFC 9701 §6). */
  readonly defaultAlgorithm: SigningAlgorithm
  readonly encrypt: EncryptForClient
  readonly authenticateCaller: AuthenticateCaller
  readonly log: Log
  readonly refuser: Refuser
}

/** A token that exceeds its limit can't be ours; it is inactive rather than malformed. */
const limits: Limits = {
  ...credentialLimits,
  token: [maxTokenLength, 'invalid_request'],
  token_type_hint: [100],
}

/**
 * `POST /connect/introspect` with `token`. Ignores `token_type_hint`, because the token itself shows its type. Refuses
 * 415 for another media type, `invalid_client` (always 401, RFC 7662 §2.3) and `invalid_request`.
 */
export function createIntrospectionEndpoint({ log, ...ports }: IntrospectionPorts): Endpoint {
  return async request => {
    if (!isForm(request)) return ports.refuser(request, notForm, { step: 'parse', status: 415 })
    const parameters = parseParameters(request.body, limits)
    if (!parameters.ok) return ports.refuser(request, parameters, { step: 'parse' })
    const clientId = parameters.value.get('client_id')
    const caller = await ports.authenticateCaller(request, parameters.value)
    if (!caller.ok) {
      const isUnauthorized = caller.error === 'invalid_client' && caller.retry_after === undefined
      const status = isUnauthorized ? { status: 401 } : {}
      return ports.refuser(request, caller, { step: 'authenticate', clientId, ...status })
    }
    const token = parameters.value.get('token')
    if (token === undefined) return ports.refuser(request, tokenMissing, { step: 'decide', clientId })
    const { response, reason } = await describeToken(token, caller.value, ports)
    if (reason !== undefined) {
      const { name } = callerOf(caller.value)
      log.debug('token_inactive', {
        ...requestFields(request),
        endpoint: 'introspection',
        client_id: name,
        steps,
        reason,
        received: maskedHandle(token),
      })
    }
    return wantsJwt(request) ? sign(response, caller.value, ports) : jsonResponse(200, response)
  }
}

const steps = stepsOf('introspection')

/** Returns the name of an API or the id of a client. */
const callerOf = (caller: Caller): { readonly name: string } =>
  caller.kind === 'api' ? caller.api : { name: caller.client.client_id }

const tokenMissing = refuse('invalid_request', 'token_missing', { description: 'token is required' })

const signedType = 'application/token-introspection+jwt'

/** Returns whether the caller accepts a signed response (RFC 9701 §4), and prefers none without (RFC 9110 §12.5.1). */
function wantsJwt({ headers: { accept } }: HttpRequest): boolean {
  const weights = acceptWeights(accept)
  const signed = weights.get(signedType) ?? 0
  return signed > 0 && signed >= (weights.get('application/json') ?? 0)
}

/**
 * Signs the response. It has no top-level `sub` and `exp`, so that it can't be used as an access token (RFC 9701 §5).
 */
async function sign(
  token_introspection: JsonObject,
  caller: Caller,
  {
    issuer,
    clock,
    keys,
    defaultAlgorithm,
    encrypt,
  }: Pick<IntrospectionPorts, 'issuer' | 'clock' | 'keys' | 'defaultAlgorithm' | 'encrypt'>,
): Promise<HttpResponse> {
  const isApi = caller.kind === 'api'
  const alg = isApi ? caller.api.access_token_signing_alg : introspectionAlg(caller.client)
  const aud = isApi ? caller.api.name : caller.client.client_id
  const claims = { iss: issuer, aud, iat: clock.now(), token_introspection }
  const signed = await signJwt(keys.signing(alg ?? defaultAlgorithm), 'token-introspection+jwt', claims)
  return {
    status: 200,
    headers: { 'content-type': signedType, ...noStoreHeaders },
    body: isApi ? signed : await encrypted(signed, caller.client, encrypt),
  }
}

const introspectionAlg = (client: Client): SigningAlgorithm =>
  client.introspection_signed_response_alg ?? client.id_token_signed_response_alg

async function encrypted(signed: string, client: Client, encrypt: EncryptForClient): Promise<string> {
  const { introspection_encrypted_response_alg: alg, introspection_encrypted_response_enc: enc } = client
  return alg === undefined ? signed : encrypt(client, { alg, enc }, signed, 'JWT')
}
