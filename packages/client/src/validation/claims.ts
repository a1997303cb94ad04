/** Checks that several kinds of tokens share (RFC 7519 §4.1). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Json, JsonObject } from '@tessera/protocol/result'
import { invalidToken } from '../jwt/decode.ts'
import { quote } from '../quote.ts'
import type { Result } from '../result.ts'

/** How tokens are verified. */
export type TokenOptions = {
  /** The signature algorithms that are accepted; by default those with a key pair that the server's metadata lists. */
  readonly algorithms?: readonly string[] | undefined
  /** How many seconds the clocks may differ; the default is the client's, otherwise 30. */
  readonly clockTolerance?: Seconds | undefined
}

/** A check that found a reason to refuse the token. */
export type Refused = Result<never> | undefined

/** Requires the issuer, character by character. */
export const checkIssuer = ({ iss }: JsonObject, issuer: string): Refused =>
  iss === issuer
    ? undefined
    : invalidToken('issuer_mismatch', `the token is of issuer ${quote(iss)} instead of "${issuer}"`)

/** Requires one of the audiences. */
export function checkAudience(claims: JsonObject, expected: readonly string[]): Refused {
  const audiences = audiencesOf(claims)
  return audiences.some(audience => expected.includes(audience))
    ? undefined
    : invalidToken('audience_mismatch', `the token is for ${quote(claims.aud)} instead of ${quote(expected)}`)
}

/** Returns the audiences; an empty list if the claim is missing or invalid. */
export function audiencesOf({ aud }: JsonObject): readonly string[] {
  const audiences: readonly Json[] = Array.isArray(aud) ? aud : [aud as Json]
  return audiences.every(isText) ? audiences : []
}

/** Requires claims that are strings, and not empty. */
export function checkTexts(claims: JsonObject, names: readonly string[]): Refused {
  const name = names.find(one => !isText(claims[one]))
  return name === undefined ? undefined : invalid(claims, name)
}

/** Requires claims that are numbers. */
export function checkNumbers(claims: JsonObject, names: readonly string[]): Refused {
  const name = names.find(one => typeof claims[one] !== 'number')
  return name === undefined ? undefined : invalid(claims, name)
}

/** Checks the types of claims that may be missing. */
export const checkOptionalTexts = (claims: JsonObject, names: readonly string[]): Refused =>
  checkTexts(
    claims,
    names.filter(name => claims[name] !== undefined),
  )

/**
 * Requires a recent authentication.
 * @param since the latest time from which its age may be counted.
 */
export function checkAuthTime(
  { auth_time }: JsonObject,
  max_age: Seconds | undefined,
  since: Seconds,
  tolerance: Seconds,
): Refused {
  if (auth_time !== undefined && typeof auth_time !== 'number')
    return invalidToken('claim_invalid', 'auth_time of the token is not a number')
  if (max_age === undefined) return undefined
  if (auth_time === undefined) return invalidToken('claim_missing', 'the token has no auth_time')
  // A maximum age that is not a number refuses all.
  return auth_time + max_age + tolerance >= since
    ? undefined
    : invalidToken('authentication_too_old', `the user authenticated more than ${max_age} s ago`)
}

/** Requires one of the authentication context classes. */
export const checkAcr = ({ acr }: JsonObject, expected: string | readonly string[] | undefined): Refused =>
  expected === undefined || listOf(expected).includes(acr as string)
    ? undefined
    : invalidToken('acr_mismatch', `the user authenticated with ${quote(acr)} instead of ${quote(expected)}`)

export const listOf = (values: string | readonly string[]): readonly string[] =>
  typeof values === 'string' ? values.split(' ').filter(name => name !== '') : values

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const invalid = (claims: JsonObject, name: string): Result<never> =>
  claims[name] === undefined
    ? invalidToken('claim_missing', `the token has no ${name}`)
    : invalidToken('claim_invalid', `${name} of the token is invalid`)
