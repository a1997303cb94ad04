/** Signatures under a client's registered keys (RFC 7515, RFC 7517 §5): assertions and request objects. */

import type { JWSHeaderParameters, JWTPayload, jwtVerify } from 'jose'
import type { Client, JwkSet } from '../../model/client.ts'
import type { FindKeys, WantedKey } from './jwks.ts'

type SignatureOptions = {
  readonly algorithms: readonly string[]
  readonly currentDate: Date
  /** Seconds. */
  readonly clockTolerance: number
}

export type VerifiedSignature =
  | { readonly ok: true; readonly payload: JWTPayload; readonly protectedHeader: JWSHeaderParameters }
  /** jose's code, for the log. */
  | { readonly ok: false; readonly code: string }

/** Also checks `exp` and `nbf`, where they are there, against the options' date. */
export type VerifyClientSignature = (
  client: Client,
  jwt: string,
  options: SignatureOptions,
) => Promise<VerifiedSignature>

export const createClientSignatures =
  (findKeys: FindKeys): VerifyClientSignature =>
  async (client, jwt, options) => {
    // Loaded when first used: jose is a tenth of the start, and most installations never meet a client's signature.
    const jose = await import('jose')
    const verify = await verifierOf(await findKeys(client, wantedKey(jwt, jose.decodeProtectedHeader)))
    return verify(jwt, { ...options, algorithms: [...options.algorithms] })
  }

/** The key that the JWT's `kid` names. */
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

/** How many keys are tried for a JWT without a `kid`: anybody can send one, and each try is work. */
const maxTries = 10

const verifiers = new WeakMap<JwkSet, Verify>()

/** jose imports each key once and keeps it. */
async function verifierOf(set: JwkSet): Promise<Verify> {
  const known = verifiers.get(set)
  if (known) return known
  const { createLocalJWKSet, errors, jwtVerify } = await import('jose')
  const keys = createLocalJWKSet(set as Parameters<typeof createLocalJWKSet>[0])

  const verify: Verify = async (jwt, options) => {
    try {
      return { ok: true, ...(await jwtVerify(jwt, keys, options)) }
    } catch (error) {
      // Without a `kid` several keys of the client may fit.
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

/** Anything that goes wrong with a signature and its keys is the client's fault; jose says what by a code. */
const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? error)
