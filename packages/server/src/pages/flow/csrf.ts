/**
 * Protects forms from cross-site request forgery: a token in the form must match a random cookie of the browser (RFC
 * 6749 §10.12, RFC 9700 §4.7).
 */

import { createHmac } from 'node:crypto'
import type { HttpRequest } from '@tessera/protocol/http'
import type { DerivedKeys } from '../../model/keys.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import type { Random } from '../../runtime/ports.ts'
import type { Cookies } from './cookies.ts'

export type Csrf = {
  /** Returns the token for a form, and the cookie to set if the browser has none yet. */
  readonly token: (request: HttpRequest) => { readonly token: string; readonly cookie?: string }
  /** Returns whether the form's token matches a cookie of the request. */
  readonly holds: (request: HttpRequest, token: string | undefined) => boolean
}

/**
 * A browser without the cookie that loads two pages at once gets one with each. Under the same name it would keep only
 * one of them, and the form of the other page would be refused. All 64 of them fit into the headers of a request.
 */
const cookieNames = ['tessera_csrf', ...Array.from({ length: 63 }, (_, slot) => `tessera_csrf_${slot + 1}`)]
const wellFormed = /^[\w-]{43}$/

export function createCsrf({
  derived,
  random,
  cookies,
}: {
  derived: DerivedKeys
  random: Random
  cookies: Cookies
}): Csrf {
  const tokenWith = (key: Uint8Array, secret: string): string =>
    createHmac('sha256', key).update(secret).digest('base64url')
  const tokenOf = (secret: string): string => tokenWith(derived.derive('csrf'), secret)
  const secretsOf = (request: HttpRequest): readonly string[] =>
    cookies.readEach(request, cookieNames).filter(secret => wellFormed.test(secret))

  return {
    token(request) {
      const [secret] = secretsOf(request)
      if (secret !== undefined) return { token: tokenOf(secret) }
      const bytes = random.bytes(32)
      const fresh = Buffer.from(bytes).toString('base64url')
      const name = cookieNames[(bytes[0] ?? 0) % cookieNames.length]!
      return { token: tokenOf(fresh), cookie: cookies.write(name, fresh) }
    },
    holds(request, token) {
      if (token === undefined) return false
      const keys = derived.accepted('csrf')
      return secretsOf(request).some(secret =>
        keys.some(key => equalInConstantTime(token, tokenWith(key, secret))),
      )
    },
  }
}
