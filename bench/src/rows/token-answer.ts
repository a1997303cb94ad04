/** Checks the form of each token response (RFC 6749 §5.1). */

import { lifetimes } from '../parties.ts'
import { wrong } from './row.ts'

export type TokenAnswer = {
  readonly access_token: string
  readonly token_type: string
  readonly expires_in: number
  readonly refresh_token?: string
  readonly id_token?: string
}

export const parseTokens = (body: string): TokenAnswer => JSON.parse(body)

/** Returns a function that checks that no token equals an earlier one. */
export function checkTokens(
  token: 'jwt' | 'reference',
  type: 'Bearer' | 'DPoP' = 'Bearer',
): (body: string) => string | undefined {
  const seen = new Set<number>()
  return body => {
    const { access_token, token_type, expires_in } = parseTokens(body)
    if (token_type.toLowerCase() !== type.toLowerCase()) return wrong(`no ${type} token`, body)
    // Some servers round the lifetime down.
    if (!(expires_in > lifetimes.accessToken - 10 && expires_in <= lifetimes.accessToken))
      return wrong('a lifetime that was not agreed', body)
    if ((token === 'jwt') !== looksLikeJwt(access_token)) return wrong(`no ${token} access token`, body)
    return isNew(seen, access_token) ? undefined : wrong('an access token for the second time', body)
  }
}

/** Three parts (RFC 7515 §3.1), the second not empty. */
export const looksLikeJwt = (token: string): boolean => {
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  return first > 0 && second > first + 20 && token.indexOf('.', second + 1) < 0 && token.length > second + 60
}

/**
 * Remembers 45 bits of each text, from the first 20 letters of a JWT's signature or the last 20 of another text: among
 * 100,000 tokens a false repetition occurs once in 7,000 runs. The end of an ML-DSA signature hardly varies (FIPS 204 §7.1).
 */
export function isNew(seen: Set<number>, text: string): boolean {
  let mark = 0
  const last = Math.max(0, text.length - 20)
  const signature = text.lastIndexOf('.') + 1
  const start = signature > 0 ? Math.min(signature, last) : last
  for (let at = start; at < start + 20 && at < text.length; at++)
    mark = (mark * 131 + text.charCodeAt(at)) % 35_184_372_088_777
  const before = seen.size
  return seen.add(mark).size > before
}
