/** The tokens of a user, as a store keeps them: plain JSON. */

import type { Seconds } from '@tessera/protocol/brand'
import { parseJsonObject } from '@tessera/protocol/json'
import { encodeBase64url } from '../jwt/base64url.ts'
import type { UserTokens } from '../token/claims.ts'
import type { IdTokenClaims } from '../validation/id-token.ts'

/** The tokens of one sign-in. */
export type SessionTokens = {
  /** Random. It stays the same when tokens are refreshed, and another sign-in gets another one. */
  readonly id: string
  readonly access_token: string
  readonly token_type: string
  readonly expires_in?: Seconds
  readonly expires_at?: Seconds
  readonly refresh_token?: string
  /** Seconds that the refresh token may be kept without being used. */
  readonly refresh_token_timeout?: Seconds
  /** When the refresh token expires if it is not used. */
  readonly refresh_token_expires_at?: Seconds
  /** When the user's authorization ends: a user interface can ask for a new sign-in before that. */
  readonly authorization_expires_at?: Seconds
  readonly scope?: string
  /** For the `id_token_hint` of a sign-out. */
  readonly id_token?: string
  /** The validated claims of the newest ID token, and those that only an earlier one had. */
  readonly claims?: IdTokenClaims
}

const kept = ['refresh_token', 'scope', 'id_token', 'claims'] as const

/** Members about the refresh token. */
const expiry = ['refresh_token_timeout', 'refresh_token_expires_at', 'authorization_expires_at'] as const

/** Returns the tokens of a new sign-in. */
export const newSession = (response: UserTokens): SessionTokens => ({
  id: encodeBase64url(crypto.getRandomValues(new Uint8Array(16))),
  ...tokensOf(response),
})

/**
 * Returns refreshed tokens. Members that the response does not have keep their values (RFC 6749 §6), and so do claims:
 * the next ID token is compared with the `nonce` and `auth_time` of the first one (OpenID Connect Core 1.0 §12.2). What
 * is known of the expiry of a refresh token does not apply to the next one.
 */
export function refreshedSession(session: SessionTokens, response: UserTokens): SessionTokens {
  const names = response.refresh_token === undefined ? [...kept, ...expiry] : kept
  const older = names.flatMap(name => (session[name] === undefined ? [] : [[name, session[name]]]))
  const refreshed = { id: session.id, ...Object.fromEntries(older), ...tokensOf(response) }
  return response.claims ? { ...refreshed, claims: { ...session.claims, ...response.claims } } : refreshed
}

function tokensOf(response: UserTokens): Omit<SessionTokens, 'id'> {
  const { access_token, token_type } = response
  const optional = ['expires_in', 'expires_at', ...kept, ...expiry] as const
  const given = optional.flatMap(name => (response[name] === undefined ? [] : [[name, response[name]]]))
  return { access_token, token_type, ...Object.fromEntries(given) }
}

/** Returns the tokens that a text contains as JSON; undefined if it contains anything else. */
export function parseSession(text: string): SessionTokens | undefined {
  const members = parseJsonObject(text)
  if (!members) return undefined
  const isText = (name: string): boolean => typeof members[name] === 'string'
  const isOptional = (name: string, type: string): boolean =>
    members[name] === undefined || (typeof members[name] === type && members[name] !== null)
  const isValid =
    ['id', 'access_token', 'token_type'].every(isText) &&
    ['refresh_token', 'scope', 'id_token'].every(name => isOptional(name, 'string')) &&
    ['expires_in', 'expires_at', ...expiry].every(name => isOptional(name, 'number')) &&
    isOptional('claims', 'object')
  return isValid ? (members as unknown as SessionTokens) : undefined
}
