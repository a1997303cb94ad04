/** Reads JSON Web Tokens in the JWS compact serialization (RFC 7515 §7.1, RFC 7519 §7.2), without verifying them. */

import { isJsonObject } from '@tessera/protocol/json'
import type { Json, JsonObject } from '@tessera/protocol/result'
import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'
import { decodeBase64url } from './base64url.ts'

/** The header of a token (RFC 7515 §4.1). */
export type JwtHeader = {
  readonly alg: string
  readonly kid?: string
  readonly typ?: string
  readonly [name: string]: Json | undefined
}

export type JwtParts = {
  readonly header: JwtHeader
  readonly payload: Uint8Array<ArrayBuffer>
  /** The part of the token that is signed. */
  readonly signed: string
  readonly signature: Uint8Array<ArrayBuffer>
}

/** Characters of the longest token that is read. */
const maxLength = 131_072

/** Splits a token. Fails with `invalid` if it is not a signed token in compact serialization, or too large. */
export function splitJwt(token: string): Result<JwtParts> {
  if (token.length > maxLength)
    return invalidToken('token_too_large', `the token is longer than ${maxLength} characters`)
  const parts = token.split('.', 6)
  if (parts.length === 5)
    return fail(new ClientError('unsupported', 'token_encrypted', 'the token is encrypted'))
  const [first = '', second = '', third = ''] = parts
  const header = jsonOf(decodeBase64url(first))
  const payload = decodeBase64url(second)
  const signature = decodeBase64url(third)
  if (parts.length !== 3 || !isHeader(header) || !payload || !signature)
    return invalidToken('token_malformed', 'the token is not a signed JSON Web Token')
  return ok({ header, payload, signed: `${first}.${second}`, signature })
}

/** Returns the header and the claims of a token, which prove nothing. */
export function decodeJwt(
  token: string,
): Result<{ readonly header: JwtHeader; readonly claims: JsonObject }> {
  const parts = splitJwt(token)
  if (!parts.ok) return parts
  const claims = readClaims(parts.value)
  return claims.ok ? ok({ header: parts.value.header, claims: claims.value }) : claims
}

export function readClaims({ payload }: JwtParts): Result<JsonObject> {
  const claims = jsonOf(payload)
  return claims
    ? ok(claims)
    : invalidToken('payload_malformed', 'the payload of the token is not a JSON object')
}

/** Creates the failure of a token that is not valid. */
export const invalidToken = (code: string, message: string): Result<never> =>
  fail(new ClientError('invalid', code, message))

const isHeader = (header: JsonObject | undefined): header is JsonObject & JwtHeader =>
  typeof header?.alg === 'string' &&
  (header.kid === undefined || typeof header.kid === 'string') &&
  (header.typ === undefined || typeof header.typ === 'string')

function jsonOf(bytes: Uint8Array | undefined): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
    )
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
