/** Validates DPoP proofs (RFC 9449 §4.3). */

import { hash } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { parseStrangersObject } from '@tessera/protocol/json'
import { type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { isSignatureAlgorithm } from '@tessera/protocol/signature-algorithms'
import { normalTargetUri } from '@tessera/protocol/target-uri'
import type { SigningAlgorithm } from '../model/client.ts'
import { hashHandle } from '../model/handle.ts'
import { jwtType, rememberUntil } from '../model/jose.ts'
import { shownValue } from '../model/masked.ts'
import type { UsedAssertion, UsedAssertions } from '../model/ports/stores.ts'
import { setBounded } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/ports.ts'
import { importProofKey, isSignedBy, type KeyProblem, type ProofKey } from './proof-key.ts'
import type { ProofNonces } from './proof-nonce.ts'

/** A valid proof. It may be used once; the caller stores that. */
export type DpopProof = {
  /** The thumbprint of its key. */
  readonly jkt: string
  readonly alg: SigningAlgorithm
  /** The one-time id, stored together with what the request does. */
  readonly use: UsedAssertion
  /** The nonce that replaces an aging one in the response (§8.2). */
  readonly nonce?: string | undefined
}

/**
 * Validates the proof of a request. Refuses `invalid_dpop_proof`, and `use_dpop_nonce` if it needs a new nonce.
 * @param accessToken the token that is sent with it to a protected resource.
 */
export type VerifyDpopProof = (request: HttpRequest, accessToken?: string) => Result<DpopProof>

type DpopProofPorts = {
  /** URLs whose origins requests may be sent to: the issuer, and the base URL with client certificates. */
  readonly bases: readonly string[]
  readonly clock: Clock
  /** Those that proofs may be signed with. */
  readonly algorithms: readonly SigningAlgorithm[]
  /** Set if proofs must contain a nonce. */
  readonly nonces?: ProofNonces | undefined
}

/** How long a proof is accepted after its `iat`, besides the tolerance. */
const lifetime: Seconds = 60
/** Tolerated clock difference of clients. */
const clockTolerance: Seconds = 60
/** Characters. Enough for ML-DSA-87, whose key and signature take 10,800. */
const maxProofLength = 12_288
const maxJtiLength = 256
/** The maximum number of keys in memory; each entry uses a few kilobytes. */
const cacheSize = 1000

export function createDpopProofs({ bases, clock, algorithms, nonces }: DpopProofPorts): VerifyDpopProof {
  const origins = [...new Set(bases.map(base => new URL(base).origin))]
  const known = new Map<string, ProofKey>()

  return (request, accessToken) => {
    const parts = partsOf(request.headers.dpop ?? '')
    if (!parts.ok) return parts
    const { head, payload, signature } = parts.value
    const key = known.get(head) ?? keyOf(head, algorithms)
    if ('error' in key) return key
    if (!isSignedBy(key, `${head}.${payload}`, signature))
      return invalid('dpop_signature_invalid', 'its signature')
    remember(head, key)
    const claims = parsed(payload)
    if (!claims) return invalid('dpop_proof_malformed', 'it is not a single JWT')
    const uri = targetOf(claims, request, origins)
    if (!uri.ok) return uri
    const refusal = timeProblem(claims) ?? tokenProblem(claims, accessToken)
    if (refusal) return refusal
    const { jti, iat } = claims
    if (typeof jti !== 'string' || jti === '' || jti.length > maxJtiLength)
      return invalid('dpop_id_missing', `jti must be a text of 1 to ${maxJtiLength} characters`)
    const nonce = nonceOf(claims)
    if (!nonce.ok) return nonce
    return ok({
      jkt: key.jkt,
      alg: key.alg,
      use: {
        hash: hashHandle(`dpop proof\n${key.jkt}\n${uri.value}\n${jti}`),
        expires_at: rememberUntil(Number(iat) + lifetime, clockTolerance),
      },
      nonce: nonce.value,
    })
  }

  /** Remembers a key with a valid signature, so that strangers can't evict others for free. */
  function remember(head: string, key: ProofKey): void {
    if (!known.has(head)) setBounded(known, head, key, cacheSize)
  }

  /**
   * §4.3 (11): compares the time at which the client made the proof. A proof needs neither `exp` nor `nbf`, but holds to
   * them (RFC 7519 §4.1.4, §4.1.5).
   */
  function timeProblem({ iat, exp, nbf }: JsonObject): Refusal | undefined {
    const now = clock.now()
    const isCurrent =
      (exp === undefined || (typeof exp === 'number' && exp > now - clockTolerance)) &&
      (nbf === undefined || (typeof nbf === 'number' && nbf <= now + clockTolerance))
    if (!isCurrent) return invalid('dpop_time_wrong', 'exp or nbf excludes the current time')
    const age = typeof iat === 'number' ? now - iat : Number.NaN
    if (age <= lifetime + clockTolerance && age >= -clockTolerance) return undefined
    return invalid('dpop_time_wrong', 'iat is not the current time', {
      expected: `iat at most ${lifetime + clockTolerance} s ago and ${clockTolerance} s from now`,
      received: Number.isNaN(age) ? 'no iat' : `iat ${Math.round(age)} s ago`,
    })
  }

  /** Returns the nonce for the response, if the client needs another one. */
  function nonceOf({ nonce }: JsonObject): Result<string | undefined> {
    if (!nonces) return ok(undefined)
    const age = typeof nonce === 'string' ? nonces.check(nonce) : 'invalid'
    if (age === 'current') return ok(undefined)
    if (age === 'aging') return ok(nonces.current())
    return nonce === undefined ? nonceRequired : nonceExpired
  }
}

/** Uses up a proof (§11.1). Refuses one that was used before, at this node or another. */
export const useProof = async (
  { use }: Pick<DpopProof, 'use'>,
  usedAssertions: Pick<UsedAssertions, 'add'>,
): Promise<Refusal | undefined> => ((await usedAssertions.add(use)) ? undefined : replayedProof)

export const replayedProof = refuse('invalid_dpop_proof', 'dpop_proof_replayed', {
  description: 'Invalid DPoP proof: it was used before',
})

const nonceRequired = refuse('use_dpop_nonce', 'dpop_nonce_missing', {
  description: 'The DPoP proof must contain the nonce of the header DPoP-Nonce',
})
const nonceExpired = refuse('use_dpop_nonce', 'dpop_nonce_expired', {
  description: 'The nonce in the DPoP proof is not valid any more; use that of the header DPoP-Nonce',
})

const invalid = (reason: string, problem: string, log?: Refusal['log']): Refusal =>
  refuse('invalid_dpop_proof', reason, { description: `Invalid DPoP proof: ${problem}`, log })

/** Returns a value of any type for the log. */
const shownText = (value: unknown): string =>
  shownValue(typeof value === 'string' ? value : `a value of type ${typeof value}`)

const compact = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/

type Parts = { readonly head: string; readonly payload: string; readonly signature: Buffer }

/** Splits the compact form. Several headers arrive joined by commas, which it can't contain (§4.3 (1), (2)). */
function partsOf(proof: string): Result<Parts> {
  if (proof.length > maxProofLength) return invalid('dpop_proof_too_long', 'it is too long')
  if (proof.includes(',')) return invalid('several_dpop_proofs', 'send a single one')
  const [, head, payload, encoded] = compact.exec(proof) ?? []
  if (head === undefined || payload === undefined || encoded === undefined)
    return invalid('dpop_proof_malformed', 'it is not a single JWT')
  const signature = Buffer.from(encoded, 'base64url')
  // Reject non-canonical base64url, so that a proof has only one spelling.
  return signature.toString('base64url') === encoded
    ? ok({ head, payload, signature })
    : invalid('dpop_signature_invalid', 'its signature')
}

/** Imports the key of a header (§4.3 (4), (5), (7)). */
function keyOf(head: string, allowed: readonly SigningAlgorithm[]): ProofKey | Refusal {
  const header = parsed(head)
  if (!header) return invalid('dpop_proof_malformed', 'it is not a single JWT')
  const { typ, alg, jwk, crit } = header
  // RFC 8725 §3.11: reject JWTs made for another purpose.
  if (jwtType(typ) !== 'dpop+jwt')
    return invalid('dpop_type_wrong', 'typ must be dpop+jwt', { received: shownText(typ) })
  if (!isSignatureAlgorithm(alg) || !allowed.includes(alg)) return algorithmNotAllowed(alg, allowed)
  // RFC 7515 §4.1.11: an extension that must be understood.
  if (crit !== undefined) return invalid('dpop_proof_malformed', 'crit is not supported')
  const key = importProofKey(alg, jwk)
  return typeof key === 'string' ? invalid(key, keyProblems[key]) : key
}

/** Refuses a proof that is signed with another algorithm. */
export const algorithmNotAllowed = (alg: unknown, allowed: readonly string[]): Refusal =>
  invalid('dpop_algorithm_not_allowed', 'alg is not supported', {
    expected: allowed.join(', '),
    received: shownText(alg),
  })

const keyProblems: Readonly<Record<KeyProblem, string>> = {
  dpop_key_missing: 'jwk is missing',
  dpop_key_private: 'jwk must be a public key; replace this key, because it is known now',
  dpop_key_unsuitable: 'jwk does not fit alg',
  dpop_key_too_small: 'an RSA key must have at least 2048 bits',
  dpop_key_invalid: 'jwk is not a valid key',
}

/** Returns the URI of the proof as it is written there, if method and URI are those of the request (§4.3 (8), (9)). */
function targetOf(
  { htm, htu }: JsonObject,
  { method: answered, isHead, path }: HttpRequest,
  origins: readonly string[],
): Result<string> {
  const method = isHead ? 'HEAD' : answered
  if (htm !== method)
    return invalid('dpop_method_wrong', 'htm is not the method of the request', {
      expected: method,
      received: shownText(htm),
    })
  // Almost all clients write it like this, so that it need not be parsed.
  if (typeof htu === 'string' && origins.some(origin => htu === origin + path)) return ok(htu)
  const uri = typeof htu === 'string' ? normalTargetUri(htu) : undefined
  const expected = origins.map(origin => normalTargetUri(origin + path))
  return typeof htu === 'string' && uri !== undefined && expected.includes(uri)
    ? ok(htu)
    : invalid('dpop_url_wrong', 'htu is not the URL of the request', {
        expected: expected.join(' or '),
        received: shownValue(uri ?? 'no http or https URL'),
      })
}

/** §4.3 (12): at a protected resource, a proof is for one access token. */
function tokenProblem({ ath }: JsonObject, accessToken: string | undefined): Refusal | undefined {
  if (accessToken === undefined || ath === hash('sha256', accessToken, 'base64url')) return undefined
  return invalid('dpop_token_hash_wrong', 'ath is not the hash of the access token')
}

const parsed = (part: string): JsonObject | undefined =>
  parseStrangersObject(Buffer.from(part, 'base64url').toString())
