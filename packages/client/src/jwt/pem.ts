/** Private keys as PKCS#8 in PEM (RFC 5958 §2, RFC 7468 §10). */

import { type AsymmetricAlgorithm, algorithmParameters } from './algorithms.ts'
import { decodeBase64 } from './base64url.ts'
import type { CryptoKey } from './crypto-key.ts'

/** Object identifiers as DER, in hexadecimal (RFC 8017 appendix A.1, RFC 5480 §2.1.1, RFC 8410 §3, RFC 9881 §2). */
const algorithmsByIdentifier = [
  ['06092a864886f70d010101', 'RS256'],
  ['06082a8648ce3d030107', 'ES256'],
  ['06052b81040022', 'ES384'],
  ['06052b81040023', 'ES512'],
  ['06032b6570', 'EdDSA'],
  ['0609608648016503040311', 'ML-DSA-44'],
  ['0609608648016503040312', 'ML-DSA-65'],
  ['0609608648016503040313', 'ML-DSA-87'],
] as const satisfies readonly (readonly [string, AsymmetricAlgorithm])[]

/** Bytes at the start of a key in which its algorithm is identified. */
const identifierBytes = 40

export async function importPem(
  pem: string,
  wanted: AsymmetricAlgorithm | undefined,
): Promise<{ readonly key: CryptoKey; readonly alg: AsymmetricAlgorithm }> {
  const body = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(pem)?.[1]
  if (body === undefined)
    throw new TypeError(
      'the key is not PKCS#8 in PEM ("-----BEGIN PRIVATE KEY-----"); convert it with "openssl pkcs8 -topk8 -nocrypt"',
    )
  try {
    const der = decodeBase64(body.replace(/\s/g, ''))
    const alg = wanted ?? algorithmOf(der)
    const parameters = alg && algorithmParameters(alg)
    if (!parameters) throw new TypeError('unknown algorithm')
    return { key: await crypto.subtle.importKey('pkcs8', der, parameters.web, false, ['sign']), alg }
  } catch (cause) {
    throw new TypeError(`the PEM is not a private key that can sign with ${wanted ?? 'a known algorithm'}`, {
      cause,
    })
  }
}

function algorithmOf(der: Uint8Array): AsymmetricAlgorithm | undefined {
  const start = Array.from(der.subarray(0, identifierBytes), byte => byte.toString(16).padStart(2, '0')).join(
    '',
  )
  return algorithmsByIdentifier.find(([identifier]) => start.includes(identifier))?.[1]
}
