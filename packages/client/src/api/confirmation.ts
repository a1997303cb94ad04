/** Keys that access tokens are bound to (RFC 7800 §3.1): client certificates, and the keys of schemes such as DPoP. */

import { isJsonObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'
import type { ClientError } from '../error.ts'
import { certificateThumbprint } from './certificate.ts'
import { type Refusal, refuse } from './refusal.ts'
import type { ApiRequest } from './request.ts'

/**
 * An authentication scheme besides `Bearer`, which proves possession of a key in each request, such as DPoP (RFC 9449
 * §7.1).
 */
export type TokenScheme = {
  /** The scheme in `Authorization` headers, compared without regard to case. */
  readonly name: string
  /** The member of `cnf` that tokens of this scheme have, such as `jkt`. Other tokens are refused. */
  readonly confirmation: string
  /** Parameters of the scheme's challenges, such as `algs`. */
  readonly parameters?: Readonly<Record<string, string>>
  /** Members of the protected-resource metadata (RFC 9728 §2), such as `dpop_signing_alg_values_supported`. */
  readonly metadata?: JsonObject
  /** Checks the proof of a request whose token is valid. */
  readonly verify: (proof: {
    readonly request: ApiRequest
    readonly token: string
    readonly confirmation: JsonObject
    readonly claims: JsonObject
  }) => Promise<ProofResult>
}

export type ProofResult =
  | { readonly ok: true; readonly headers?: Readonly<Record<string, string>> }
  | {
      readonly ok: false
      /** The error code, such as `invalid_dpop_proof` or `use_dpop_nonce`; the default is `invalid_token`. */
      readonly error?: string
      /** Headers of the response, such as `dpop-nonce`. */
      readonly headers?: Readonly<Record<string, string>>
      /** Why, for logs: `cause` of the decision. It contains no token. */
      readonly cause?: ClientError
    }

export type ConfirmationRules = {
  /** All schemes of the guard. */
  readonly schemes: readonly TokenScheme[]
  /** Whether tokens without a binding are refused. */
  readonly requireBound: boolean
}

type Confirmed = { readonly ok: true; readonly headers: Readonly<Record<string, string>> }

/**
 * Checks that the sender has each key that the token is bound to (RFC 8705 §3). A binding that nothing here can check
 * is refused: a stolen token must not become valid by presenting it as a bearer token (RFC 9449 §7.2).
 * @param scheme undefined for `Bearer`.
 */
export async function checkConfirmation(
  request: ApiRequest,
  token: string,
  claims: JsonObject,
  scheme: TokenScheme | undefined,
  { schemes, requireBound }: ConfirmationRules,
): Promise<Confirmed | Refusal> {
  const { cnf: confirmation } = claims
  if (confirmation === undefined)
    return scheme || requireBound ? refuse('token_unbound') : { ok: true, headers: {} }
  if (!isJsonObject(confirmation)) return refuse('confirmation_unsupported')
  const members = Object.keys(confirmation)
  if (members.length === 0) return refuse('confirmation_unsupported')
  if (scheme && !members.includes(scheme.confirmation)) return refuse('token_unbound')
  if (!scheme && schemes.some(one => members.includes(one.confirmation)))
    return refuse('bound_token_as_bearer')
  for (const member of members)
    if (member !== 'x5t#S256' && member !== scheme?.confirmation) return refuse('confirmation_unsupported')
  if (members.includes('x5t#S256')) {
    if (!request.certificate) return refuse('certificate_missing')
    if ((await certificateThumbprint(request.certificate)) !== confirmation['x5t#S256'])
      return refuse('certificate_mismatch')
  }
  if (!scheme) return { ok: true, headers: {} }
  const proof = await scheme.verify({ request, token, confirmation, claims })
  if (proof.ok) return { ok: true, headers: proof.headers ?? {} }
  const { error = 'invalid_token', headers = {}, cause } = proof
  return refuse('proof_refused', { error, headers, ...(cause && { cause }) })
}
