/** Certificate-bound access tokens (RFC 8705 §3). */

import type { HttpRequest } from '@tessera/protocol/http'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Confirmation } from '../model/authorization.ts'
import type { Client } from '../model/client.ts'
import { certificateConfirmation, thumbprintOf } from '../model/jose.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'

/**
 * Returns the key binding of this request's tokens: the client certificate, if the client authenticates with it or its
 * tokens must be bound (§3.4; public clients: §4). Undefined for other clients. Refuses a missing certificate:
 * `invalid_client` if it authenticates the client, otherwise `invalid_request`.
 */
export function confirm(request: HttpRequest, client: Client): Result<Confirmation | undefined> {
  const method = client.token_endpoint_auth_method
  const authenticates = method === 'tls_client_auth' || method === 'self_signed_tls_client_auth'
  if (!authenticates && !client.tls_client_certificate_bound_access_tokens) return ok(undefined)
  const { certificate } = request.peer
  if (certificate !== undefined) return ok(certificateConfirmation(certificate))
  return authenticates ? unauthenticated : withoutCertificate
}

const unauthenticated = refuse('invalid_client', 'client_certificate_missing', {
  description: 'client authentication failed',
})

const withoutCertificate = refuse('invalid_request', 'binding_certificate_missing', {
  description: 'a client certificate is required, because tokens of this client are bound to it',
})

/**
 * Returns a refusal unless the sender of the request has the key that the token is bound to (RFC 8705 §3). Unbound
 * tokens pass. Refuses `invalid_token` (RFC 6750 §3.1) otherwise, and for unsupported bindings.
 */
export function checkConfirmation(cnf: Confirmation | undefined, request: HttpRequest): Refusal | undefined {
  if (cnf === undefined) return undefined
  const { 'x5t#S256': thumbprint, ...others } = cnf
  const { certificate } = request.peer
  if (typeof thumbprint !== 'string' || Object.keys(others).length > 0)
    return unproven('token_binding_unknown')
  if (certificate === undefined) return unproven('token_certificate_missing')
  return equalInConstantTime(thumbprintOf(certificate), thumbprint)
    ? undefined
    : unproven('token_bound_to_another_certificate')
}

const unproven = (reason: string): Refusal =>
  refuse('invalid_token', reason, { description: 'The access token is bound to another key' })
