/** Binding to a client certificate (RFC 8705 §3). */

import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Confirmation } from '../model/authorization.ts'
import type { Client } from '../model/client.ts'
import { certificateConfirmation, thumbprintOf } from '../model/jose.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'

/**
 * Returns the binding to the certificate of the connection, if the client authenticates with it or its tokens must be
 * bound to it (§3.4; public clients: §4). Undefined for other clients. Refuses a missing certificate: `invalid_client`
 * if it authenticates the client, otherwise `invalid_request`.
 */
export function bindToCertificate(
  { token_endpoint_auth_method: method, tls_client_certificate_bound_access_tokens: mustBind }: Client,
  certificate: string | undefined,
): Result<Confirmation | undefined> {
  const authenticates = method === 'tls_client_auth' || method === 'self_signed_tls_client_auth'
  if (!authenticates && !mustBind) return ok(undefined)
  if (certificate !== undefined) return ok(certificateConfirmation(certificate))
  return authenticates ? unauthenticated : withoutCertificate
}

const unauthenticated = refuse('invalid_client', 'client_certificate_missing', {
  description: 'client authentication failed',
})

const withoutCertificate = refuse('invalid_request', 'binding_certificate_missing', {
  description: 'a client certificate is required, because tokens of this client are bound to it',
})

/** Returns the reason if the connection does not have the certificate with this thumbprint. */
export function certificateProblem(thumbprint: string, certificate: string | undefined): string | undefined {
  if (certificate === undefined) return 'token_certificate_missing'
  return equalInConstantTime(thumbprintOf(certificate), thumbprint)
    ? undefined
    : 'token_bound_to_another_certificate'
}

/** Refuses a proof of another kind from a client whose tokens must be bound to a certificate. */
export const certificateInstead: Refusal = refuse('invalid_request', 'dpop_for_certificate_client', {
  description: 'tokens of this client are bound to its certificate; send no DPoP proof',
})
