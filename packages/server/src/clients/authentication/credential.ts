/** Reads the credential of a request, of which there can be only one (RFC 6749 §2.3). */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { readBasicHeader } from './basic-header.ts'
import {
  type Credential,
  isTooLong,
  maxClientIdLength,
  refuseClient,
  type SecretReading,
  withColons,
} from './method.ts'
import { assertionParties, clientAssertionType } from './private-key-jwt.ts'

/**
 * Refuses `invalid_request` for two credentials or two client ids, and `invalid_client` for no credential or a
 * malformed one.
 * @param parameters parsed with limits such as {@link credentialLimits}.
 * @param maxIdLength characters of the id in a Basic header.
 * @param lenient allows both Basic and body as IdentityServer4 does; the first one with a secret is used.
 */
export function readCredential(
  { headers: { authorization } }: HttpRequest,
  parameters: Parameters,
  lenient: boolean,
  maxIdLength = maxClientIdLength,
): Result<Credential> {
  const basic = readBasicHeader(authorization, maxIdLength)
  if (basic === 'malformed' && !lenient) return refuseClient('basic_malformed')
  const body = readBody(parameters)
  if (isTooLong(body.client_id ?? '', maxIdLength)) return idTooLong
  if (basic === undefined || basic === 'malformed') return readFromBody(body)
  const assertion = body.client_assertion !== undefined || body.client_assertion_type !== undefined
  if (assertion || (body.client_secret !== undefined && !lenient)) return severalCredentials
  if (lenient && basic.secret === '' && body.client_secret !== undefined) return readFromBody(body)
  const { client_id } = body
  const { others = [] } = basic
  const readings = [basic, ...others]
  if (lenient || client_id === undefined) return ok(basicCredential(readings))
  // The id in the body determines which reading is meant.
  const meant = withColons({ method: 'client_secret_basic', readings: [basic, ...others] }, [
    client_id,
  ]).filter(reading => reading.client_id === client_id)
  return meant.length > 0 ? ok(basicCredential(meant)) : mismatch
}

const mismatch = refuse('invalid_request', 'client_id_mismatch', {
  description: 'client_id differs from the Authorization header',
})

/** As {@link credentialLimits} refuses longer parameters. */
const idTooLong = refuse('invalid_client', 'parameter_too_long', {
  description: 'client_id is too long',
  log: { parameter: 'client_id' },
})

const severalCredentials = refuse('invalid_request', 'several_client_credentials', {
  description: 'a request must use exactly one client authentication method',
})

type Body = {
  readonly client_id?: string
  readonly client_secret?: string
  readonly client_assertion?: string
  readonly client_assertion_type?: string
}

const readBody = (parameters: Parameters): Body => ({
  client_id: parameters.get('client_id'),
  client_secret: parameters.get('client_secret'),
  client_assertion: parameters.get('client_assertion'),
  client_assertion_type: parameters.get('client_assertion_type'),
})

/** If the secret is empty, it is empty in every reading. */
function basicCredential(readings: readonly SecretReading[]): Credential {
  const [first = emptyReading, ...others] = readings
  const { client_id, secret } = first
  return secret === ''
    ? { kind: 'identity', client_id }
    : { kind: 'secret', method: 'client_secret_basic', client_id, readings: [first, ...others] }
}

const emptyReading: SecretReading = { client_id: '', secret: '' }

function readFromBody(body: Body): Result<Credential> {
  const { client_id, client_secret: secret } = body
  if (body.client_assertion !== undefined || body.client_assertion_type !== undefined) {
    return secret === undefined ? readAssertion(body) : severalCredentials
  }
  // RFC 6749 §5.2: a request without client authentication.
  if (client_id === undefined) return refuseClient('client_id_missing')
  if (secret === undefined) return ok({ kind: 'identity', client_id })
  return ok({ kind: 'secret', method: 'client_secret_post', client_id, readings: [{ client_id, secret }] })
}

/**
 * Reads the assertion. `client_id` is optional and must equal the assertion's subject (RFC 7521 §4.2), unless another
 * issuer signed it: then it names the client, whose workload identities decide.
 */
function readAssertion({ client_id, client_assertion, client_assertion_type }: Body): Result<Credential> {
  if (client_assertion === undefined || client_assertion_type === undefined) {
    return refuse('invalid_request', 'client_assertion_incomplete', {
      description: 'client_assertion and client_assertion_type are required together',
    })
  }
  if (client_assertion_type !== clientAssertionType) return refuseClient('client_assertion_type_unknown')
  const parties = assertionParties(client_assertion)
  if (parties === undefined) return refuseClient('client_assertion_malformed')
  const { iss, sub } = parties
  if (client_id !== undefined && client_id !== sub && (iss === sub || iss === client_id))
    return refuseClient('client_assertion_identity_mismatch')
  return ok({ kind: 'assertion', client_id: client_id ?? sub, assertion: client_assertion })
}
