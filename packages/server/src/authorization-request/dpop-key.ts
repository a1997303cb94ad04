/** The key that a code is bound to (RFC 9449 §10). */

import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Client } from '../model/client.ts'
import { shownValue } from '../model/masked.ts'

/** A SHA-256 in base64url (RFC 7638 §3). */
const thumbprint = /^[\w-]{43}$/

/**
 * Returns `dpop_jkt`. Refuses `invalid_request` if it is not a thumbprint, or if tokens of the client are bound to its
 * certificate: it could not redeem the code.
 */
export function validateKeyThumbprint(
  parameters: Parameters,
  { tls_client_certificate_bound_access_tokens: hasCertificate }: Client,
): Result<{ readonly dpop_jkt?: string }> {
  const dpop_jkt = parameters.get('dpop_jkt')
  if (dpop_jkt === undefined) return ok({})
  if (hasCertificate) return certificateInstead
  return thumbprint.test(dpop_jkt)
    ? ok({ dpop_jkt })
    : refuse('invalid_request', 'dpop_jkt_malformed', {
        description: 'dpop_jkt must be the SHA-256 thumbprint of a key',
        log: { received: shownValue(dpop_jkt) },
      })
}

const certificateInstead = refuse('invalid_request', 'dpop_for_certificate_client', {
  description: 'tokens of this client are bound to its certificate; send no dpop_jkt and no DPoP proof',
})
