/** Reads client metadata and writes client information (RFC 7591 §3.2.1, RFC 7592 §3). */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { parseStrangersObject } from '@tessera/protocol/json'
import { type JsonObject, ok, type Result, refuse } from '@tessera/protocol/result'
import type { Registered } from '../../clients/registration/registration.ts'
import { jsonResponse } from '../../messages/json-response.ts'

export type InformationPorts = { readonly issuer: string }

/** Characters of a body. Limits how much memory clients can use. */
const maxLength = 32_768

const json = /^\s*application\/json\s*(;|$)/i

/** Parses the body. Refuses `invalid_client_metadata` if it is not a JSON object or too long. */
export function readMetadata({ headers, body }: HttpRequest): Result<JsonObject> {
  if (!json.test(headers['content-type'] ?? '')) {
    return refuse('invalid_client_metadata', 'media_type_not_json', {
      description: 'the body must be application/json',
    })
  }
  if (body.length > maxLength) {
    return refuse('invalid_client_metadata', 'client_metadata_too_large', {
      description: `the body is longer than ${maxLength} characters`,
    })
  }
  const value = parseStrangersObject(body)
  if (value) return ok(value)
  return refuse('invalid_client_metadata', 'client_metadata_not_json', {
    description: 'the body must be a JSON object with at most 500 levels',
  })
}

/**
 * Responds with everything registered. Secrets are included only when just created, since only their hashes are stored.
 */
export function informationResponse(
  status: 200 | 201,
  { client, client_secret, registration_access_token }: Registered,
  { issuer }: InformationPorts,
): HttpResponse {
  const { client_id, metadata, created_at, client_secret_hash, client_secret_expires_at = 0 } = client
  return jsonResponse(status, {
    client_id,
    client_id_issued_at: created_at,
    client_secret,
    // RFC 7591 §3.2.1: required with a secret; 0 if the secret does not expire.
    client_secret_expires_at: client_secret_hash === undefined ? undefined : client_secret_expires_at,
    registration_access_token,
    registration_client_uri:
      registration_access_token === undefined ? undefined : `${issuer}/connect/register/${client_id}`,
    ...metadata,
  })
}

const maxLogged = 20

/** Returns the requested values that were not registered, for the log. */
export const droppedValues = ({ left = [] }: Registered): { readonly left_out?: readonly string[] } =>
  left.length === 0 ? {} : { left_out: left.slice(0, maxLogged) }
