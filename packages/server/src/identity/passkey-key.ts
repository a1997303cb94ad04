/** Checks the public key of a new passkey, which its user chooses (COSE_Key, RFC 9052 §7). */

import { decodeCredentialPublicKey } from '@simplewebauthn/server/helpers'
import { isAffordable } from '../model/jose.ts'

/** Labels of COSE keys (RFC 9052 §7.1, RFC 8230 §4). */
const [kty, n, e] = [1, -1, -2]
const rsa = 3

/** Returns whether the key is of another type than RSA, or cheap to use and not known to be weak, as for keys of clients. */
export function isUsableKey(publicKey: Uint8Array<ArrayBuffer>): boolean {
  const key: ReadonlyMap<unknown, unknown> = decodeCredentialPublicKey(publicKey) as never
  if (key.get(kty) !== rsa) return true
  return isAffordable({ kty: 'RSA', n: encoded(key.get(n)), e: encoded(key.get(e)) })
}

const encoded = (value: unknown): string | undefined =>
  value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : undefined
