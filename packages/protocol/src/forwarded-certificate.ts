/**
 * The client certificate in a header of a proxy that terminates TLS: RFC 9440, percent-encoded PEM as in nginx's
 * `$ssl_client_escaped_cert`, or PEM without its first and last line, as Traefik writes it.
 */

/**
 * Returns the certificate's DER in base64. Returns undefined for a value without a certificate or with several: a proxy
 * may have appended its own to the client's.
 * @param header the name of the header in lower case. That of Traefik may contain a chain, because Traefik replaces it.
 */
export function forwardedCertificateOf(value: string, header?: string): string | undefined {
  if (value.length > maxLength) return undefined
  const own = header === traefikHeader ? (chain.exec(value)?.[1] ?? value) : value
  const der = own.startsWith(':') ? byteSequence.exec(own)?.[1] : pemOf(own)
  // DER of a certificate is a SEQUENCE (0x30) of more than 127 bytes: "MI" in base64.
  return der?.startsWith('MI') && der.length % 4 === 0 ? der : undefined
}

/** Characters, more than the chains of clients have. Node.js accepts no longer headers by default. */
const maxLength = 16_384

/** `passTLSClientCert` of Traefik sets this header to all certificates that the client sent, its own first. */
const traefikHeader = 'x-forwarded-tls-client-cert'
/** Two headers would be joined with a space too. */
const chain = /^([A-Za-z0-9+/]+={0,2})(?:,[A-Za-z0-9+/]+={0,2})+$/

/** RFC 9440 §2.1: a byte sequence between colons (RFC 8941 §3.3.5). */
const byteSequence = /^:([A-Za-z0-9+/]+={0,2}):$/

/** Matched without white space, which two parts of a pattern would otherwise divide in many ways. */
const pem = /^-----BEGINCERTIFICATE-----([A-Za-z0-9+/]+={0,2})-----ENDCERTIFICATE-----$/
const base64 = /^([A-Za-z0-9+/]+={0,2})$/

function pemOf(value: string): string | undefined {
  try {
    const text = decodeURIComponent(value)
    return (pem.exec(text.replaceAll(/\s/g, '')) ?? base64.exec(text))?.[1]
  } catch {
    return undefined
  }
}
