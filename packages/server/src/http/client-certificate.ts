/** A client certificate that a TLS-terminating proxy passes on (RFC 9440, or URL-encoded PEM as nginx writes it). */

export type ForwardedCertificates = {
  readonly certificateHeader: string
  /** IP addresses of proxies: the header is ignored from anyone else. */
  readonly trustedProxies: readonly string[]
}

/** DER in base64; undefined when there is none, or none that can be trusted. */
export function forwardedCertificate(
  headers: Readonly<Record<string, string | undefined>>,
  address: string,
  { certificateHeader, trustedProxies }: ForwardedCertificates,
): string | undefined {
  const value = headers[certificateHeader.toLowerCase()]
  if (!value || !trustedProxies.includes(address.replace(/^::ffff:/, ''))) return undefined
  return value.startsWith(':') ? bytesOf(value) : pemOf(value)
}

/** RFC 9440 §2.1: a byte sequence between colons (RFC 8941 §3.3.5). */
const bytesOf = (value: string): string | undefined => /^:([A-Za-z0-9+/=]+):$/.exec(value)?.[1]

const pem = /^-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/

function pemOf(value: string): string | undefined {
  try {
    return pem.exec(decodeURIComponent(value))?.[1]?.replace(/\s/g, '')
  } catch {
    return undefined
  }
}
