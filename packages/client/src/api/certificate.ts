/** Client certificates that access tokens are bound to (RFC 8705 §3). */

import { decodeBase64 } from '../jwt/base64url.ts'
import { sha256 } from '../jwt/sha256.ts'

/** Part of a `tls.TLSSocket`. */
type CertificateSocket = {
  readonly getPeerCertificate?: () => { readonly raw?: Uint8Array } | null | undefined
}

/**
 * Returns the client certificate of a TLS connection in DER; undefined if the client sent none. The server must request
 * it (`requestCert: true`). A self-signed one suffices with `rejectUnauthorized: false`, because the handshake proves
 * possession of the key and the token names the certificate (RFC 8705 §6.5).
 */
export const peerCertificate = (socket: object): Uint8Array | undefined =>
  (socket as CertificateSocket).getPeerCertificate?.()?.raw

/**
 * Returns the client certificate in a header that a trusted proxy sets: `Client-Cert` of RFC 9440, or PEM,
 * percent-encoded or not, as in nginx's `$ssl_client_escaped_cert`. Returns undefined for any other value, and for a
 * header that occurs several times. Use it only if the proxy removes the header from requests of clients.
 */
export function forwardedCertificate(
  header: string | readonly string[] | null | undefined,
): Uint8Array | undefined {
  const [value, ...others] = [header ?? []].flat()
  if (value === undefined || others.length > 0 || value.length > maxLength) return undefined
  const der = byteSequence.exec(value)?.[1] ?? pem.exec(decoded(value).replaceAll(/\s/g, ''))?.[1]
  // DER of a certificate is a SEQUENCE (0x30) of more than 127 bytes: "MI" in base64.
  return der?.startsWith('MI') && der.length % 4 === 0 ? decodeBase64(der) : undefined
}

/** Characters, more than the certificates of clients have. */
const maxLength = 16_384

/** RFC 9440 §2.1: a byte sequence between colons (RFC 8941 §3.3.5). */
const byteSequence = /^:([A-Za-z0-9+/]+={0,2}):$/

/** Matched without white space, which two parts of a pattern would otherwise divide in many ways. */
const pem = /^-----BEGINCERTIFICATE-----([A-Za-z0-9+/]+={0,2})-----ENDCERTIFICATE-----$/

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return ''
  }
}

/** Returns the thumbprint of a certificate: `x5t#S256` (RFC 8705 §3.1). */
export const certificateThumbprint = (der: Uint8Array): Promise<string> => sha256(der)
