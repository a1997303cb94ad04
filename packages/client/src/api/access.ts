/** The access that a request has: who calls, for which client, with which scopes. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Json, JsonObject } from '@tessera/protocol/result'

/** Claims of an access token (RFC 9068 §2.2), or members of an introspection response (RFC 7662 §2.2). */
export type AccessClaims = JsonObject & {
  readonly iss?: string
  readonly sub?: string
  readonly aud?: string | readonly string[]
  readonly client_id?: string
  readonly scope?: string | readonly string[]
  readonly exp?: Seconds
  readonly iat?: Seconds
  readonly jti?: string
  readonly acr?: string
  readonly amr?: Json
  readonly auth_time?: Seconds
}

/** How a token was checked; `jwt+introspection`: by both. */
export type AccessSource = 'jwt' | 'introspection' | 'jwt+introspection'

/** The result of a successful check. It is frozen, with all its claims. */
export type Access = {
  /** The issuer of the token, one of those that the guard trusts. */
  readonly issuer: string
  /** `sub`: the user, or the client itself if no user is involved (RFC 9068 §2.2). Unique for each issuer. */
  readonly subject: string | undefined
  readonly client_id: string | undefined
  readonly scopes: readonly string[]
  readonly claims: AccessClaims
  readonly expires_at: Seconds | undefined
  readonly source: AccessSource
  /** The access token, for token exchange. It is not enumerable, so that no log or response contains it by accident. */
  readonly token: string
}

export type CheckedToken = {
  readonly issuer: string
  readonly claims: AccessClaims
  readonly source: AccessSource
}

export function createAccess(token: string, { issuer, claims, source }: CheckedToken): Access {
  const access = {
    issuer,
    subject: text(claims.sub),
    client_id: text(claims.client_id),
    scopes: scopesOf(claims.scope),
    claims,
    expires_at: typeof claims.exp === 'number' ? claims.exp : undefined,
    source,
  }
  Object.defineProperty(access, 'token', { value: token })
  return deepFreeze(access) as Access
}

const text = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined)

/** Reads a scope. Some servers issue a list instead of a string (RFC 6749 §3.3). */
function scopesOf(scope: Json | undefined): readonly string[] {
  if (typeof scope === 'string') return [...new Set(scope.split(' '))].filter(name => name !== '')
  return Array.isArray(scope) ? scope.filter(name => typeof name === 'string') : []
}

/**
 * Freezes a value with all that it contains. Claims may be cached, and a handler must not change them for the next
 * request. It does not call itself, because a response can be nested more deeply than calls.
 */
function deepFreeze<Value>(value: Value): Value {
  const rest: unknown[] = [value]
  while (rest.length > 0) {
    const next = rest.pop()
    if (typeof next !== 'object' || next === null || Object.isFrozen(next)) continue
    for (const member of Object.values(Object.freeze(next))) rest.push(member)
  }
  return value
}
