/** The URI that a DPoP proof is for (RFC 9449 §4.3), in its normal form (RFC 3986 §6.2.2, §6.2.3). */

/** Returns an http or https URL without query and fragment; undefined for anything else. */
export function normalTargetUri(url: string): string | undefined {
  try {
    const { protocol, host, pathname } = new URL(url)
    if (protocol !== 'https:' && protocol !== 'http:') return undefined
    return `${protocol}//${host}${pathname.replace(/%[0-9a-f]{2}/gi, normalOctet)}`
  } catch {
    return undefined
  }
}

/** Unreserved characters are not encoded, and other octets have digits in upper case. */
function normalOctet(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
  return /[\w.~-]/.test(character) ? character : encoded.toUpperCase()
}
