/** A code is exchanged, with PKCE (RFC 6749 §4.1.3, RFC 7636 §4.5): ID token, JWT access token and refresh token. */

import { codeForm, post } from '../load/requests.ts'
import { api, web } from '../parties.ts'
import { proveAccessToken, proveIdToken } from './proof.ts'
import { type Paths, type Row, wrong } from './row.ts'
import { checkTokens, isNew, looksLikeJwt, parseTokens } from './token-answer.ts'

/** How many of the used codes are sent again. */
const tried = 32

export const codeExchange: Row = {
  name: 'code exchange, ID token ES256 + JWT + refresh',
  needs: { kind: 'code', for: 'each request' },
  endpoint: 'token',
  work(path, codes) {
    let used = 0
    const request = (code: string): string => post(path, web, codeForm(code))
    return {
      next: () => (used < codes.length ? request(codes[used++]!) : undefined),
      check: checkUserTokens(),
      replays: () => codes.slice(0, Math.min(used, tried)).map(request),
    }
  },
  prove: proveUserTokens,
}

/** The response has all three; no refresh token is repeated. */
export function checkUserTokens(type?: 'DPoP'): (body: string) => string | undefined {
  const checkAccessToken = checkTokens('jwt', type)
  const seen = new Set<number>()
  return body => {
    const { id_token, refresh_token } = parseTokens(body)
    if (id_token === undefined || !looksLikeJwt(id_token)) return wrong('no ID token', body)
    if (refresh_token === undefined) return wrong('no refresh token', body)
    if (!isNew(seen, refresh_token)) return wrong('a refresh token for the second time', body)
    return checkAccessToken(body)
  }
}

export async function proveUserTokens(
  body: string,
  jwks: string,
  { publicClient = web.client_id }: Paths,
): Promise<void> {
  const { access_token, id_token, token_type } = parseTokens(body)
  await proveAccessToken(access_token, jwks, {
    ...{ alg: 'ES256', audience: api.audience },
    isBound: token_type === 'DPoP',
  })
  await proveIdToken(id_token ?? '', jwks, publicClient)
}
