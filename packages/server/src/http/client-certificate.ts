/**
 * Reads a client certificate from a header of a proxy: RFC 9440, percent-encoded PEM as in nginx's
 * `$ssl_client_escaped_cert`, or PEM without its first and last line, as Traefik writes it.
 */

/**
 * Returns the certificate's DER in base64. Returns undefined for a value without a certificate or with several: a proxy
 * may have appended its own to the client's.
 * @param header the name in lower case. That of Traefik may contain a chain, because Traefik replaces it.
 */
export function certificateOf(value: string, header: string): string | undefined {
  const own = header === traefikHeader ? (chain.exec(value)?.[1] ?? value) : value
  const der = own.startsWith(':') ? bytes.exec(own)?.[1] : pemOf(own)
  // DER of a certificate is a SEQUENCE (0x30) of more than 127 bytes: "MI" in base64.
  return der?.startsWith('MI') && der.length % 4 === 0 ? der : undefined
}

/** `passTLSClientCert` of Traefik sets this header to all certificates that the client sent, its own first. */
const traefikHeader = 'x-forwarded-tls-client-cert'
/** Two headers would be joined with a space too. */
const chain = /^([A-Za-z0-9+/]+={0,2})(?:,[A-Za-z0-9+/]+={0,2})+$/

/** RFC 9440 §2.1: a byte sequence between colons (RFC 8941 §3.3.5). */
const bytes = /^:([A-Za-z0-9+/]+={0,2}):$/

const pem = /^\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/\s]+={0,2})\s*-----END CERTIFICATE-----\s*$/
const base64 = /^([A-Za-z0-9+/]+={0,2})$/

function pemOf(value: string): string | undefined {
  try {
    const text = decodeURIComponent(value)
    return (pem.exec(text) ?? base64.exec(text))?.[1]?.replace(/\s/g, '')
  } catch {
    return undefined
  }
}
