/** SHA-256 hashes as text. */

import { encodeBase64url } from './base64url.ts'

/** Returns the SHA-256 of bytes, or of text as UTF-8, in base64url without padding. */
export async function sha256(data: string | Uint8Array): Promise<string> {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
  return encodeBase64url(
    new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)),
  )
}
