/** base64url without padding (RFC 4648 §5, RFC 7515 §2), and base64 (RFC 4648 §4). */

export function encodeBase64url(bytes: Uint8Array): string {
  let binary = ''
  // In parts, because the number of arguments is limited.
  for (let start = 0; start < bytes.length; start += 8192)
    binary += String.fromCharCode(...bytes.subarray(start, start + 8192))
  return btoa(binary).replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_')
}

/**
 * Returns the bytes; undefined if the text is anything but the one correct encoding of them: no padding, no white
 * space, no bits that are left over.
 */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined
  const bytes = decodeBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
  return encodeBase64url(bytes.subarray(-(bytes.length % 3 || 3))) === text.slice(-(text.length % 4 || 4))
    ? bytes
    : undefined
}

/** Returns the bytes of base64, with or without padding. Throws if the text is anything else. */
export const decodeBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), character => character.charCodeAt(0))
