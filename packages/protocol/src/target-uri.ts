/** The URI that a DPoP proof is for, compared with that of its request (RFC 9449 §4.3 (9)). */

/**
 * A URI with an authority and without a user, as http and https have. Besides the characters of RFC 3986 §2, allows those
 * that browsers and Node send unencoded (URL Standard §1.3).
 */
const httpUri = /^https?:\/\/[^/?#@\\\s]+(?:[/?#][!#-[\]-~]*)?$/i

/** `URL` leaves these in a path, although a URI has only their escapes (RFC 3986 §2). */
const unescaped = /[|^]/g

const encoded = /%[0-9a-f]{2}/gi
const unreserved = /[\w.~-]/

/**
 * Returns the URI in its normal form (RFC 3986 §6.2.2, §6.2.3), without query and fragment; undefined if it is not an
 * http or https URI.
 */
export function normalTargetUri(uri: string): string | undefined {
  if (!httpUri.test(uri) || !URL.canParse(uri)) return undefined
  const { origin, pathname } = new URL(uri)
  // `URL` lowers the case of scheme and host, removes the default port and dot segments, and adds an empty path.
  return origin + pathname.replace(encoded, normalEscape).replace(unescaped, encodeURIComponent)
}

/** Decodes unreserved characters, and writes other escapes in upper case (RFC 3986 §6.2.2.1, §6.2.2.2). */
function normalEscape(triplet: string): string {
  const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16))
  return unreserved.test(character) ? character : triplet.toUpperCase()
}
