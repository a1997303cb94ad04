/**
 * Removes the attestation statement of a new passkey (WebAuthn Level 3 §6.5.4). The server requests none and trusts no
 * makers of authenticators, so a statement proves nothing. Verifying one would build chains of certificates that the
 * sender made, and fetch the revocation lists that they name.
 */

import { decodeAttestationObject, isoBase64URL, isoCBOR } from '@simplewebauthn/server/helpers'

type NewCredential = { readonly response: { readonly attestationObject?: unknown } }

/** Returns the credential with an attestation of the format `none`. Throws for one that can't be decoded. */
export function withoutAttestation<Credential extends NewCredential>(credential: Credential): Credential {
  const sent = isoBase64URL.toBuffer(String(credential.response.attestationObject))
  const authData = decodeAttestationObject(sent).get('authData')
  const none = new Map<string | number, string | Uint8Array | Map<string | number, string>>([
    ['fmt', 'none'],
    ['attStmt', new Map()],
    ['authData', authData],
  ])
  const attestationObject = isoBase64URL.fromBuffer(isoCBOR.encode(none))
  return { ...credential, response: { ...credential.response, attestationObject } }
}
