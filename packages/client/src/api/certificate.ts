/** Client certificates that access tokens are bound to (RFC 8705 §3). */

import { forwardedCertificateOf } from '@tessera/protocol/forwarded-certificate'
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
 * Returns the client certificate in a header that a trusted proxy sets: `Client-Cert` of RFC 9440; PEM, percent-encoded
 * or not, as in nginx's `$ssl_client_escaped_cert`; or PEM without its first and last line, as Traefik writes it.
 * Returns undefined for any other value, and for a header that occurs several times. Use it only if the proxy removes
 * the header from requests of clients.
 * @param name the header's name. The chain in `X-Forwarded-Tls-Client-Cert` is read only with it: Traefik writes the
 * client's certificate first. Other headers with several certificates count as none.
 */
export function forwardedCertificate(
  header: string | readonly string[] | null | undefined,
  name?: string,
): Uint8Array | undefined {
  const [value, ...others] = [header ?? []].flat()
  if (value === undefined || others.length > 0) return undefined
  const der = forwardedCertificateOf(value, name?.toLowerCase())
  return der === undefined ? undefined : decodeBase64(der)
}

/** Returns the thumbprint of a certificate: `x5t#S256` (RFC 8705 §3.1). */
export const certificateThumbprint = (der: Uint8Array): Promise<string> => sha256(der)
