/** Signs JSON Web Tokens (RFC 7515 §5.1, RFC 7519 §7.1). */

import { algorithmParameters } from './algorithms.ts'
import { encodeBase64url } from './base64url.ts'
import type { SigningKey } from './signing-key.ts'

/** Returns a signed token. Members of `header` are added to `alg` and `kid`, and claims that are undefined are left out. */
export async function signJwt(
  claims: Readonly<Record<string, unknown>>,
  { key, alg, kid }: SigningKey,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const web = algorithmParameters(alg)?.web
  if (!web) throw new TypeError(`unknown algorithm ${JSON.stringify(alg)}`)
  const signed = [{ ...header, alg, kid }, claims]
    .map(part => encodeBase64url(utf8(JSON.stringify(part))))
    .join('.')
  const signature = await crypto.subtle.sign(web, key, utf8(signed))
  return `${signed}.${encodeBase64url(new Uint8Array(signature))}`
}

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
