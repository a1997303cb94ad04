/** Validation of ID tokens (OpenID Connect Core 1.0 §3.1.3.7, §3.2.2.11, §3.3.2.11, §12.2). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Client } from '../create-client.ts'
import { invalidToken } from '../jwt/decode.ts'
import type { VerifiedJwt } from '../jwt/verify.ts'
import { ok, type Result } from '../result.ts'
import {
  audiencesOf,
  checkAcr,
  checkAudience,
  checkAuthTime,
  checkIssuer,
  checkNumbers,
  checkOptionalTexts,
  checkTexts,
  type Refused,
} from './claims.ts'
import { type ClientTokenOptions, verifyClientToken } from './client-token.ts'
import { checkHash } from './hash.ts'

/** Claims of a validated ID token (OpenID Connect Core 1.0 §2). Other claims are as the server sent them. */
export type IdTokenClaims = JsonObject & {
  readonly iss: string
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly exp: Seconds
  readonly iat: Seconds
  readonly auth_time?: Seconds
  readonly nonce?: string
  readonly acr?: string
  /** The methods of authentication, a list of strings (RFC 8176 §1). Not checked: some servers send one string. */
  readonly amr?: Json
  readonly azp?: string
  readonly sid?: string
}

/** The request that an ID token belongs to, and what came with it. */
export type IdTokenExpectations = {
  /** The nonce that was sent. If none was, a token with one is refused. */
  readonly nonce?: string | undefined
  /** Accepts any nonce, for refreshed tokens if the first ID token is not known. */
  readonly anyNonce?: boolean | undefined
  /** The maximum age of the authentication in seconds, as it was sent. The token must then contain `auth_time`. */
  readonly max_age?: Seconds | undefined
  /** When the authorization request was made. The age of the authentication is counted from then instead of now. */
  readonly requestedAt?: Seconds | undefined
  /** The classes of which the token must have one (`acr`): a list, or separated by spaces. */
  readonly acr_values?: string | readonly string[] | undefined
  /** Whether the token came from the authorization endpoint, where nonce and hashes are required. */
  readonly frontChannel?: boolean | undefined
  /** The access token that came with it, for `at_hash`. */
  readonly access_token?: string | undefined
  /** The code that came with it, for `c_hash`. */
  readonly code?: string | undefined
  /** The `state` that came with it, for `s_hash`, which is checked if the token contains it. */
  readonly state?: string | undefined
  /** The user that the token must be for. */
  readonly sub?: string | undefined
  /** The claims of the first ID token, if this one came with refreshed tokens (§12.2). */
  readonly previous?: IdTokenClaims | undefined
}

/** How ID tokens are verified. */
export type IdTokenOptions = ClientTokenOptions & {
  /** Audiences that the token may have besides the client. By default any, if `azp` is the client. */
  readonly trustedAudiences?: readonly string[] | undefined
}

/**
 * Validates an ID token and returns its claims. Fails with `invalid` and a code for the first check that it does not
 * pass, or like the requests for metadata and keys. Throws TypeError if `frontChannel` is set without a nonce.
 */
export async function validateIdToken(
  client: Client,
  idToken: string,
  expectations: IdTokenExpectations = {},
  options: IdTokenOptions = {},
): Promise<Result<IdTokenClaims>> {
  const { issuer, clockTolerance: tolerance } = client
  const { clockTolerance = tolerance } = options
  if (expectations.frontChannel && expectations.nonce === undefined)
    throw new TypeError('an ID token of the authorization endpoint requires a nonce')
  const now = issuer.now()
  // RFC 8725 §3.11: access tokens and logout tokens have types of their own.
  const verified = await verifyClientToken(client, idToken, { ...options, now, types: ['jwt', undefined] })
  if (!verified.ok) return verified
  const { claims } = verified.value
  const refused =
    checkIssuer(claims, issuer.url) ??
    checkTexts(claims, ['sub']) ??
    checkNumbers(claims, ['exp', 'iat']) ??
    checkOptionalTexts(claims, ['nonce', 'acr', 'azp', 'sid']) ??
    checkClient(claims, client, options.trustedAudiences) ??
    checkNonce(claims, expectations) ??
    checkAuthTime(claims, expectations.max_age, expectations.requestedAt ?? now, clockTolerance) ??
    checkAcr(claims, expectations.acr_values) ??
    checkUser(claims, expectations) ??
    (await checkHashes(verified.value, expectations))
  return refused ?? ok(claims as IdTokenClaims)
}

/** §3.1.3.7 (3) to (5). */
function checkClient(
  claims: JsonObject,
  { client_id }: Client,
  trusted: readonly string[] | undefined,
): Refused {
  const refused = checkAudience(claims, [client_id])
  if (refused) return refused
  const others = audiencesOf(claims).filter(audience => audience !== client_id)
  if (claims.azp === undefined ? others.length > 0 : claims.azp !== client_id)
    return invalidToken('azp_mismatch', 'the token was issued to another client (azp)')
  return trusted && others.some(audience => !trusted.includes(audience))
    ? invalidToken('audience_not_trusted', 'the token has an audience that is not in trustedAudiences')
    : undefined
}

/** §3.1.3.7 (11), §12.2. */
function checkNonce(
  { nonce }: JsonObject,
  { nonce: sent, anyNonce, previous }: IdTokenExpectations,
): Refused {
  if (previous) {
    const expected = sent ?? previous.nonce
    return nonce === undefined || nonce === expected
      ? undefined
      : invalidToken('nonce_mismatch', 'the refreshed token has another nonce')
  }
  if (anyNonce || nonce === sent) return undefined
  return sent === undefined
    ? invalidToken('nonce_unexpected', 'the token has a nonce, but none was sent')
    : invalidToken('nonce_mismatch', 'the token does not have the nonce that was sent')
}

/** §3.3.3.6 and §12.2: the user, and for refreshed tokens also the client and the time of authentication, are the same. */
function checkUser(claims: JsonObject, { sub, previous }: IdTokenExpectations): Refused {
  if ((sub ?? claims.sub) !== claims.sub || (previous && previous.sub !== claims.sub))
    return invalidToken('sub_mismatch', 'the token is for another user')
  if (!previous) return undefined
  const audiences = audiencesOf(previous)
  if (
    audiencesOf(claims).length !== audiences.length ||
    !audiencesOf(claims).every(one => audiences.includes(one))
  )
    return invalidToken('audience_mismatch', 'the refreshed token has other audiences')
  if (claims.azp !== previous.azp) return invalidToken('azp_mismatch', 'the refreshed token has another azp')
  return claims.auth_time !== undefined &&
    previous.auth_time !== undefined &&
    claims.auth_time !== previous.auth_time
    ? invalidToken('auth_time_mismatch', 'the refreshed token is of another authentication')
    : undefined
}

/** §3.1.3.8, §3.2.2.9, §3.3.2.9, §3.3.2.10; `s_hash` is from FAPI 1.0 part 2 §5.1. */
async function checkHashes(
  { claims, header: { alg } }: VerifiedJwt,
  { access_token, code, state, frontChannel = false }: IdTokenExpectations,
): Promise<Refused> {
  return (
    (await checkHash(claims, 'at_hash', access_token, alg, frontChannel)) ??
    (await checkHash(claims, 'c_hash', code, alg, frontChannel)) ??
    checkHash(claims, 's_hash', state, alg, false)
  )
}
