/**
 * Reads a client certificate from a header of a proxy: RFC 9440, percent-encoded PEM as in nginx's
 * `$ssl_client_escaped_cert`, or PEM without its first and last line, as Traefik writes it.
 */

/** Returns the certificate's DER in base64. Returns undefined for a value without a certificate or with several. */
export function certificateOf(value: string): string | undefined {
  const der = value.startsWith(':') ? bytes.exec(value)?.[1] : pemOf(value)
  // DER of a certificate is a SEQUENCE (0x30) of more than 127 bytes: "MI" in base64.
  return der?.startsWith('MI') && der.length % 4 === 0 ? der : undefined
}

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
