/** Protects forms from cross-site request forgery: a token in the form must match a random cookie (RFC 6749 §10.12, RFC 9700 §4.7). */

import { createHmac } from 'node:crypto'
import type { HttpRequest } from '@tessera/protocol/http'
import type { DerivedKeys } from '../../model/keys.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import type { Random } from '../../runtime/ports.ts'
import type { Cookies } from './cookies.ts'

export type Csrf = {
  /** Returns the token for a form, and the cookie to set if the browser has none yet. */
  readonly token: (request: HttpRequest) => { readonly token: string; readonly cookie?: string }
  /** Returns whether the form's token matches the cookie of the request. */
  readonly holds: (request: HttpRequest, token: string | undefined) => boolean
}

const cookieName = 'tessera_csrf'
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
  const secretOf = (request: HttpRequest): string | undefined => {
    const secret = cookies.read(request, cookieName)
    return secret !== undefined && wellFormed.test(secret) ? secret : undefined
  }

  return {
    token(request) {
      const secret = secretOf(request)
      if (secret !== undefined) return { token: tokenOf(secret) }
      const fresh = Buffer.from(random.bytes(32)).toString('base64url')
      return { token: tokenOf(fresh), cookie: cookies.write(cookieName, fresh) }
    },
    holds(request, token) {
      const secret = secretOf(request)
      if (secret === undefined || token === undefined) return false
      return derived.accepted('csrf').some(key => equalInConstantTime(token, tokenWith(key, secret)))
    },
  }
}
