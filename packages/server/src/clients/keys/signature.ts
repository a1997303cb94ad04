/** Verifies signatures with registered keys of a client (RFC 7515, RFC 7517 §5): assertions and request objects. */

import { parseStrangersObject } from '@tessera/protocol/json'
import type { JWSHeaderParameters, JWTPayload, jwtVerify } from 'jose'
import type { Client, JwkSet, SigningAlgorithm } from '../../model/client.ts'
import { permitsAlgorithm } from '../../model/security-profile.ts'
import type { FindKeys, WantedKey } from './jwks.ts'

type SignatureOptions = {
  /** The algorithm that the client registered. Omitted: any that the issuer and the profile of the client allow. */
  readonly alg?: string | undefined
  readonly currentDate: Date
  /** Seconds. */
  readonly clockTolerance: number
}

export type VerifiedSignature =
  | { readonly ok: true; readonly payload: JWTPayload; readonly protectedHeader: JWSHeaderParameters }
  /** The error code of jose, for the log. */
  | { readonly ok: false; readonly unavailable?: false; readonly code: string }
  /** The keys can't be fetched now, so that nothing was verified. */
  | { readonly ok: false; readonly unavailable: true }

/** Verifies the signature, and `exp` and `nbf` if present. */
export type VerifyClientSignature = (
  client: Client,
  jwt: string,
  options: SignatureOptions,
) => Promise<VerifiedSignature>

/** @param allowed the algorithms of the issuer. */
export const createClientSignatures =
  (findKeys: FindKeys, allowed: readonly SigningAlgorithm[]): VerifyClientSignature =>
  async (client, jwt, { alg: registered, ...options }) => {
    // Load on first use, because jose takes a tenth of the startup time and most installations don't need it.
    const jose = await import('jose')
    const keys = await findKeys(client, wantedKey(jwt, jose.decodeProtectedHeader))
    if (!keys) return { ok: false, unavailable: true }
    const verify = await verifierOf(keys)
    const algorithms = allowed.filter(
      alg =>
        permitsAlgorithm(client.security_profile, alg) && (registered === undefined || alg === registered),
    )
    const verified = await verify(jwt, { ...options, algorithms })
    return verified.ok && !isReadable(jwt) ? { ok: false, code: 'ERR_JWT_INVALID' } : verified
  }

/** Returns whether the payload is nested no deeper than other JSON of strangers may be. */
const isReadable = (jwt: string): boolean =>
  parseStrangersObject(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) !== undefined

/** Returns a test for the key that the JWT's `kid` names. */
function wantedKey(jwt: string, decode: (jwt: string) => { kid?: string }): WantedKey | undefined {
  try {
    const { kid } = decode(jwt)
    return kid === undefined ? undefined : { lacks: ({ keys }) => !keys.some(key => key.kid === kid) }
  } catch {
    return undefined
  }
}

type Verify = (
  jwt: string,
  options: NonNullable<Parameters<typeof jwtVerify>[2]>,
) => Promise<VerifiedSignature>

/** The maximum number of keys to try for a JWT without `kid`. Limited, because anyone can cause this work. */
const maxTries = 10

const verifiers = new WeakMap<JwkSet, Verify>()

/** Returns the verifier of a key set, for which jose imports each key once. */
async function verifierOf(set: JwkSet): Promise<Verify> {
  const known = verifiers.get(set)
  if (known) return known
  const { createLocalJWKSet, errors, jwtVerify } = await import('jose')
  const keys = createLocalJWKSet(set as Parameters<typeof createLocalJWKSet>[0])

  const verify: Verify = async (jwt, options) => {
    try {
      return { ok: true, ...(await jwtVerify(jwt, keys, options)) }
    } catch (error) {
      // Without a `kid`, several keys may match.
      if (error instanceof errors.JWKSMultipleMatchingKeys) return tryEach(error, jwt, options)
      return { ok: false, code: codeOf(error) }
    }
  }

  const tryEach = async (
    candidates: InstanceType<typeof errors.JWKSMultipleMatchingKeys>,
    ...[jwt, options]: Parameters<Verify>
  ): Promise<VerifiedSignature> => {
    let tries = 0
    for await (const key of candidates) {
      if (++tries > maxTries) return { ok: false, code: 'too_many_keys_without_kid' }
      try {
        return { ok: true, ...(await jwtVerify(jwt, key, options)) }
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed))
          return { ok: false, code: codeOf(error) }
      }
    }
    return { ok: false, code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' }
  }

  verifiers.set(set, verify)
  return verify
}

/** Returns jose's error code. Any problem with a signature or its keys counts as the client's error. */
const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? error)
