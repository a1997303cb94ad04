/** Checks DPoP proofs in the requests of an API (RFC 9449 §4.3, §7). */

import type { Seconds } from '@tessera/protocol/brand'
import { isJsonObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'
import { classicalAlgorithmNames, privateKeyMembers } from '@tessera/protocol/signature-algorithms'
import { normalTargetUri } from '@tessera/protocol/target-uri'
import { ClientError } from '../error.ts'
import type { AsymmetricAlgorithm } from '../jwt/algorithms.ts'
import { splitJwt } from '../jwt/decode.ts'
import type { Jwk } from '../jwt/jwk.ts'
import { fixedKeys } from '../jwt/key-source.ts'
import { sha256 } from '../jwt/sha256.ts'
import { jwkThumbprint, publicJwk } from '../jwt/thumbprint.ts'
import { verifyJwt } from '../jwt/verify.ts'
import { fail, ok, type Result } from '../result.ts'
import type { ProofResult, TokenScheme } from './confirmation.ts'
import { createDpopNonces } from './dpop-nonces.ts'
import { memoryReplays, type ReplayStore } from './replays.ts'
import type { ApiRequest } from './request.ts'

export type DpopSchemeOptions = {
  /**
   * The origin under which clients reach the API, such as `https://api.example`; with a path if a proxy removes it from
   * the URL of requests. It is configured, because a `Host` header has the value that its sender chose. With several, a
   * proof may be for any of them.
   */
  readonly url: string | readonly string[]
  /** Algorithms of proofs; by default all of `asymmetricAlgorithms` except ML-DSA. Challenges name them. */
  readonly algorithms?: readonly AsymmetricAlgorithm[] | undefined
  /** How many seconds a proof is accepted after its `iat`; the default is 60. */
  readonly lifetime?: Seconds | undefined
  /** How many seconds the clocks may differ; the default is 30. */
  readonly clockTolerance?: Seconds | undefined
  /** Remembers used proofs; by default in the memory of this process: see `memoryReplays`. */
  readonly replays?: ReplayStore | undefined
  /**
   * Requires proofs with a nonce (§9), made from this secret of at least 32 characters. A nonce is replaced after a
   * minute and accepted for up to five. By default proofs need none.
   */
  readonly nonceSecret?: string | undefined
  /** The current time in seconds since 1970; the default is the clock of the system. */
  readonly now?: (() => Seconds) | undefined
}

/** Characters of the longest proof (one by ML-DSA-87 has about 11,000), and of its `jti`. */
const [maxProofLength, maxJtiLength] = [12_288, 256]

/**
 * Returns the scheme `DPoP`, for `schemes` of a guard. It accepts tokens with `cnf.jkt`, each with a proof of that key
 * for this request and this token, once. Bound tokens that are sent as `Bearer` are refused by the guard.
 * @throws TypeError if `url` or `nonceSecret` is malformed.
 */
export function dpopScheme(options: DpopSchemeOptions): TokenScheme {
  const { algorithms = classicalAlgorithmNames, lifetime = 60, clockTolerance = 30 } = options
  const { now = () => Math.floor(Date.now() / 1000) } = options
  const replays = options.replays ?? memoryReplays({ now })
  const bases = [options.url].flat().map(baseOf)
  if (bases.length === 0)
    throw new TypeError('url is missing; pass the URL under which clients reach the API')
  const nonces = options.nonceSecret === undefined ? undefined : createDpopNonces(options.nonceSecret, now)

  /** Checks everything but the nonce and whether the proof was used before (§4.3). */
  async function claimsOf(request: ApiRequest, token: string, jkt: unknown): Promise<Result<JsonObject>> {
    const proof = singleProof(request)
    if (!proof.ok) return proof
    const key = await boundKey(proof.value, jkt)
    if (!key.ok) return key
    const rules = { algorithms, now: now(), clockTolerance, types: ['dpop+jwt'] }
    const verified = await verifyJwt(proof.value, fixedKeys([key.value]), rules)
    if (!verified.ok) return verified
    const { htm, htu, iat, jti, ath } = verified.value.claims
    if (htm !== request.method) return invalid('proof_method_mismatch', 'htm is not the method')
    const uri = typeof htu === 'string' ? normalTargetUri(htu) : undefined
    if (uri === undefined || !bases.some(base => normalTargetUri(base + pathOf(request.url)) === uri))
      return invalid(
        'proof_url_mismatch',
        'htu is not the URL of the request; compare it with the option url',
      )
    if (typeof iat !== 'number' || !(iat >= now() - lifetime - clockTolerance))
      return invalid('proof_expired', 'iat is missing or too long ago; compare the clocks')
    if (typeof jti !== 'string' || jti === '' || jti.length > maxJtiLength)
      return invalid('proof_id_invalid', `jti must have 1 to ${maxJtiLength} characters`)
    if (ath !== (await sha256(token)))
      return invalid('proof_token_mismatch', 'ath is not the hash of the access token')
    return ok(verified.value.claims)
  }

  return {
    name: 'DPoP',
    confirmation: 'jkt',
    parameters: { algs: algorithms.join(' ') },
    metadata: { dpop_signing_alg_values_supported: algorithms },
    async verify({ request, token, confirmation }): Promise<ProofResult> {
      const claims = await claimsOf(request, token, confirmation.jkt)
      const current = nonces && { 'dpop-nonce': await nonces.current() }
      if (!claims.ok) return { ok: false, error: 'invalid_dpop_proof', cause: claims.error }
      const { nonce, jti, iat, htu } = claims.value
      if (nonces && current && !(await nonces.isAccepted(nonce))) {
        const cause = new ClientError('invalid', 'proof_nonce_invalid', 'the proof needs the newest nonce')
        return { ok: false, error: 'use_dpop_nonce', headers: current, cause }
      }
      const id = await sha256(`${confirmation.jkt}\n${htu}\n${jti}`)
      const expires_at = Math.ceil(Number(iat)) + lifetime + clockTolerance
      const isNew = await replays.add(id, expires_at, `${confirmation.jkt}`)
      if (!isNew) {
        const { error } = invalid('proof_replayed', 'it was used before, or too many are remembered')
        return { ok: false, error: 'invalid_dpop_proof', cause: error }
      }
      return { ok: true, headers: current && nonce !== current['dpop-nonce'] ? current : {} }
    },
  }
}

const invalid = (code: string, problem: string) =>
  fail(new ClientError('invalid', code, `the DPoP proof is not valid: ${problem}`))

function baseOf(url: string): string {
  const base = normalTargetUri(url)
  if (base === undefined || /[?#]/.test(url))
    throw new TypeError(`url must be an https URL without query: ${JSON.stringify(url)}`)
  return base.replace(/\/$/, '')
}

/** Returns the path of a complete URL, or of path and query; empty for anything else, such as `*`. */
const pathOf = (url: string): string => /^(?:https?:\/\/[^/?#]*)?(\/[^?#]*)/i.exec(url)?.[1] ?? ''

/** A request has exactly one proof. Frameworks may join several by commas, which a JWT does not contain (§4.3). */
function singleProof({ header }: ApiRequest): Result<string> {
  const [proof, ...others] = header('dpop')
  if (proof === undefined) return invalid('proof_missing', 'the request has no header DPoP')
  if (others.length > 0 || proof.includes(',')) return invalid('proof_repeated', 'there are several')
  return proof.length > maxProofLength ? invalid('proof_too_long', 'it is too long') : ok(proof)
}

/** Returns the key of a proof, if it is the one that the token is bound to; before any work with it. */
async function boundKey(proof: string, jkt: unknown): Promise<Result<Jwk>> {
  const parts = splitJwt(proof)
  if (!parts.ok) return parts
  const { jwk } = parts.value.header
  const key = isJsonObject(jwk) ? publicJwk(jwk as Jwk) : undefined
  if (!isJsonObject(jwk) || !key) return invalid('proof_key_invalid', 'jwk is missing, or no public key')
  if (privateKeyMembers.some(name => name in jwk))
    return invalid('proof_key_private', 'jwk is a private key, which is known now: replace it')
  // A public exponent of more than 32 bits would make each check slow.
  if (`${key.e ?? ''}`.length > 6) return invalid('proof_key_invalid', 'the exponent of jwk is too large')
  const isBound = (await jwkThumbprint(key)) === jkt
  return isBound ? ok(key) : invalid('proof_key_mismatch', 'the token is bound to another key')
}
