/** Verifies signed tokens (RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725 §3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import { ClientError } from '../error.ts'
import { quote } from '../quote.ts'
import { fail, ok, type Result } from '../result.ts'
import { algorithmParameters } from './algorithms.ts'
import type { CryptoKey } from './crypto-key.ts'
import { invalidToken, type JwtHeader, type JwtParts, readClaims, splitJwt } from './decode.ts'
import { importVerificationKey, isUsableFor } from './jwk.ts'
import type { KeySource, VerificationKey } from './key-source.ts'

/** The tokens that are accepted. */
export type VerifyOptions = {
  /** The algorithms that are accepted. `none` is never one. */
  readonly algorithms: readonly string[]
  readonly now: Seconds
  /** How many seconds the clocks may differ; the default is 30. */
  readonly clockTolerance?: Seconds | undefined
  /** Media types that the header's `typ` may name, in lower case and without `application/`; by default any. */
  readonly types?: readonly (string | undefined)[] | undefined
}

/** A token whose signature and times are valid. */
export type VerifiedJwt = { readonly header: JwtHeader; readonly claims: JsonObject }

/**
 * Verifies the signature of a token and the times in it. Fails with `invalid` if the token is not valid, with `policy`
 * if its algorithm is not allowed, with `unsupported` if it is encrypted, or like the key source.
 */
export async function verifyJwt(
  token: string,
  keys: KeySource,
  { algorithms, now, clockTolerance = 30, types }: VerifyOptions,
): Promise<Result<VerifiedJwt>> {
  const parts = splitJwt(token)
  if (!parts.ok) return parts
  const { header } = parts.value
  const refused = checkHeader(header, algorithms, types)
  if (refused) return refused
  const verified = await verifySignature(parts.value, keys)
  if (!verified.ok) return verified
  const claims = readClaims(parts.value)
  if (!claims.ok) return claims
  return checkTimes(claims.value, now, clockTolerance) ?? ok({ header, claims: claims.value })
}

function checkHeader(
  { alg, typ, crit }: JwtHeader,
  algorithms: readonly string[],
  types: VerifyOptions['types'],
): Result<never> | undefined {
  if (!algorithms.includes(alg) || !algorithmParameters(alg))
    return fail(
      new ClientError(
        'policy',
        'algorithm_not_allowed',
        `the token is signed with ${quote(alg)}, which is not allowed`,
      ),
    )
  // RFC 7515 §4.1.11: this library understands no extension.
  if (crit !== undefined)
    return invalidToken('critical_header', 'the token needs an extension that is not supported')
  if (types && !types.includes(typ?.toLowerCase().replace(/^application\//, '')))
    return invalidToken('type_mismatch', `the token has the type ${quote(typ)}`)
  return undefined
}

async function verifySignature(parts: JwtParts, keys: KeySource): Promise<Result<true>> {
  const found = await keys.find(parts.header)
  if (!found.ok) return found
  const first = await isSignedByAny(parts, found.value)
  if (first.verified) return ok(true)
  const refreshed = found.value.length > 0 ? await keys.refresh?.(parts.header, found.value) : undefined
  const newer = refreshed?.ok ? refreshed.value : []
  if ((await isSignedByAny(parts, newer)).verified) return ok(true)
  if (found.value.length === 0) return invalidToken('key_not_found', 'no known key can have signed the token')
  return first.tried > 0
    ? invalidToken('signature_invalid', 'the signature of the token is wrong')
    : invalidToken(
        'key_unusable',
        `the keys for the token can't be used: they are invalid or too short, or this runtime lacks ${parts.header.alg}`,
      )
}

async function isSignedByAny(
  { header: { alg }, signed, signature }: JwtParts,
  candidates: readonly VerificationKey[],
): Promise<{ readonly verified: boolean; readonly tried: number }> {
  const web = algorithmParameters(alg)?.web
  const data = new TextEncoder().encode(signed)
  let tried = 0
  for (const candidate of candidates) {
    const key = isUsableFor(candidate, alg, 'verify') ? await imported(candidate, alg) : undefined
    if (!web || !key) continue
    tried += 1
    // workerd throws for some signatures of a wrong length.
    const verified = await crypto.subtle.verify(web, key, signature, data).catch(() => false)
    if (verified) return { verified, tried }
  }
  return { verified: false, tried }
}

const importedKeys = new WeakMap<VerificationKey, Map<string, Promise<CryptoKey | undefined>>>()

/** Imports each key once for each algorithm. */
function imported(jwk: VerificationKey, alg: string): Promise<CryptoKey | undefined> {
  const ofKey = importedKeys.get(jwk) ?? new Map<string, Promise<CryptoKey | undefined>>()
  importedKeys.set(jwk, ofKey)
  const key = ofKey.get(alg) ?? importVerificationKey(jwk, alg)
  ofKey.set(alg, key)
  return key
}

/**
 * Checks `exp`, `nbf` and `iat`, if the token has them (RFC 7519 §4.1.4 to §4.1.6). The comparisons are written so that
 * a clock or a tolerance that is not a number refuses tokens.
 */
function checkTimes(claims: JsonObject, now: Seconds, tolerance: Seconds): Result<never> | undefined {
  const { exp, nbf, iat } = claims
  for (const time of [exp, nbf, iat])
    if (time !== undefined && !Number.isFinite(time))
      return invalidToken('claim_invalid', 'exp, nbf or iat of the token is not a number')
  if (typeof exp === 'number' && !(exp > now - tolerance))
    return invalidToken('token_expired', `the token expired ${Math.round(now - exp)} s ago`)
  if (typeof nbf === 'number' && !(nbf <= now + tolerance))
    return invalidToken(
      'token_not_yet_valid',
      `the token is valid in ${Math.round(nbf - now)} s; compare the clocks`,
    )
  if (typeof iat === 'number' && !(iat <= now + tolerance))
    return invalidToken(
      'issued_in_future',
      `the token was issued ${Math.round(iat - now)} s in the future; compare the clocks`,
    )
  return undefined
}
