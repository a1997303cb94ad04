/**
 * Verifies where a response may be sent, before anything else is checked (RFC 6749 §3.1.2.4, §4.1.2.1; RFC 9700 §2.1).
 */

import { isClientIdUrl } from '@tessera/protocol/client-id-url'
import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Client, Clients } from '../model/client.ts'
import { shownList, shownValue } from '../model/masked.ts'
import { isRedirectUriOf } from '../model/redirect.ts'
import { isRegisteredId } from '../model/registered-client.ts'
import { isSealedId } from '../model/sealed-client.ts'
import type { ResponseTarget } from './authorization-request.ts'
import { errorResponseMode, parseResponseMode } from './response-type.ts'

export type ResponseTargetPorts = {
  readonly clients: Pick<Clients, 'find'>
  /** Whether every response must be a JWT (JARM). */
  readonly requireSignedResponse: boolean
}

/**
 * Returns the response target. Refuses without redirecting: `invalid_request` for a missing `client_id` and for a
 * missing or unregistered redirection URI; `unauthorized_client` for an unknown or disabled client.
 */
export async function proveResponseTarget(
  parameters: Parameters,
  { clients, requireSignedResponse }: ResponseTargetPorts,
): Promise<Result<ResponseTarget>> {
  const clientId = parameters.get('client_id')
  if (clientId === undefined)
    return refuse('invalid_request', 'client_id_missing', { description: 'Missing client_id' })
  const client = await clients.find(clientId)
  if (!client?.enabled) return refuseUnusable(clientId, client)
  const redirectUri = parameters.get('redirect_uri')
  // There is no default, because OpenID Connect Core 1.0 §3.1.2.1 requires the parameter.
  if (redirectUri === undefined) return refuseMode('redirect_uri_missing', 'Missing redirect_uri', clientId)
  if (!isRedirectUriOf(client, redirectUri)) {
    return refuseMode('redirect_uri_not_registered', 'Invalid redirect_uri', clientId, {
      expected: shownList(client.redirect_uris),
      received: shownValue(redirectUri),
    })
  }
  const context = { client, redirectUri, requireSignedResponse }
  const mode = parseResponseMode(parameters, context)
  return ok({
    client,
    redirect_uri: redirectUri,
    response_mode: mode.ok ? mode.value : errorResponseMode(parameters, context),
    state: parameters.get('state'),
  })
}

/** Refuses a client that is unknown or disabled. */
export const refuseUnusable = (clientId: string, client: Client | undefined): Refusal =>
  refuse('unauthorized_client', client ? 'client_disabled' : unknownReason(clientId), {
    description: 'Unknown client or client not enabled',
    log: { client_id: clientId },
  })

/** Returns a separate reason for self-registered ids, whose client can register again, and for URLs. */
const unknownReason = (clientId: string): string => {
  if (isClientIdUrl(clientId)) return 'client_document_unknown'
  if (isSealedId(clientId)) return 'sealed_client_unknown'
  return isRegisteredId(clientId) ? 'registered_client_unknown' : 'client_unknown'
}

const refuseMode = (
  reason: string,
  description: string,
  client_id: string,
  values?: { readonly expected: readonly string[]; readonly received: string },
): Refusal => refuse('invalid_request', reason, { description, log: { client_id, ...values } })
