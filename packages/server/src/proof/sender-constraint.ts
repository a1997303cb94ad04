/**
 * Sender constraints: tokens that only the holder of a key can use. The key is that of a DPoP proof (`jkt`, RFC 9449 §6)
 * or of a client certificate (`x5t#S256`, RFC 8705 §3.1). A token is bound to one of them at most.
 */

import type { HttpRequest } from '@tessera/protocol/http'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Confirmation } from '../model/authorization.ts'
import type { Client } from '../model/client.ts'
import type { UsedAssertion, UsedAssertions } from '../model/ports/stores.ts'
import { permitsAlgorithm, type SecurityProfile } from '../model/security-profile.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'
import { bindToCertificate, certificateInstead, certificateProblem } from './certificate.ts'
import { algorithmNotAllowed, type DpopProof, useProof, type VerifyDpopProof } from './dpop-proof.ts'

/** The result of the step `prove`. */
export type Proven = {
  /** The key that the client's tokens are bound to. */
  readonly confirmation?: Confirmation | undefined
  /** Returns the same for tokens that are issued to another client. */
  readonly confirmFor: (client: Client) => Result<Confirmation | undefined>
  /** The one-time id of the proof. It is stored in the commit of the request. */
  readonly use?: UsedAssertion | undefined
  /** The nonce that the client uses from now on (RFC 9449 §8.2). */
  readonly nonce?: string | undefined
}

/** An access token as it was sent (RFC 9449 §7.1, RFC 6750 §2). */
type PresentedToken = { readonly scheme: 'Bearer' | 'DPoP'; readonly value: string }

export type SenderConstraints = {
  /**
   * Returns the proof of a client's request that needs none, such as a pushed authorization request (RFC 9449 §10.1).
   * Refuses an invalid one.
   */
  readonly proofOf: (request: HttpRequest, client: Client) => Result<DpopProof | undefined>
  /**
   * Returns the binding of tokens that this request of the client gets. Refuses an invalid proof, and a missing one if
   * the client's tokens must be bound.
   */
  readonly prove: (request: HttpRequest, client: Client) => Result<Proven>
  /**
   * Checks that the sender of a token has the key that it is bound to, and uses up the proof. Returns the nonce that
   * the client uses from now on, if it changes. Refuses `invalid_token`, also for a bound token that was sent as a bearer
   * token (RFC 9449 §7.2) and for the reverse, and an invalid proof.
   * @param client the client of the token; undefined if it is unknown.
   */
  readonly checkPossession: (
    cnf: Confirmation | undefined,
    token: PresentedToken,
    request: HttpRequest,
    client: Pick<Client, 'security_profile'> | undefined,
  ) => Promise<Result<string | undefined>>
  /** Algorithms of proofs, for challenges (§7.1). */
  readonly proofAlgorithms: readonly string[]
  /** Returns the header that tells the client the nonce to use, for refusals of proofs (§8, §9). */
  readonly headersFor: (refusal: Pick<Refusal, 'error'>) => Readonly<Record<string, string>>
}

type SenderConstraintPorts = {
  readonly verifyDpopProof: VerifyDpopProof
  readonly proofAlgorithms: readonly string[]
  /** Whether new tokens are bound to the keys of proofs. Tokens that are bound always need one. */
  readonly bindsToProofs: boolean
  /** Returns the current nonce; undefined if proofs need none. */
  readonly nonce: () => string | undefined
  readonly usedAssertions: Pick<UsedAssertions, 'add'>
}

export function createSenderConstraints({
  verifyDpopProof,
  proofAlgorithms,
  bindsToProofs,
  nonce,
  usedAssertions,
}: SenderConstraintPorts): SenderConstraints {
  const proofOf: SenderConstraints['proofOf'] = (request, { security_profile }) =>
    bindsToProofs && request.headers.dpop !== undefined
      ? permitted(verifyDpopProof(request), security_profile)
      : noProof

  /** Refuses a proof whose algorithm the profile of the client does not permit. */
  const permitted = (proof: Result<DpopProof>, profile: SecurityProfile | undefined): Result<DpopProof> =>
    !proof.ok || permitsAlgorithm(profile, proof.value.alg)
      ? proof
      : algorithmNotAllowed(
          proof.value.alg,
          proofAlgorithms.filter(alg => permitsAlgorithm(profile, alg)),
        )

  return {
    proofAlgorithms,
    proofOf,
    prove(request, client) {
      const { certificate } = request.peer
      const proof = proofOf(request, client)
      if (!proof.ok) return proof
      const { jkt, use, nonce } = proof.value ?? {}
      const confirmFor = (of: Client) => bindingOf(of, jkt, certificate)
      const confirmation = confirmFor(client)
      return confirmation.ok ? ok({ confirmation: confirmation.value, confirmFor, use, nonce }) : confirmation
    },

    async checkPossession(cnf, { scheme, value }, request, client) {
      if (cnf === undefined) return scheme === 'DPoP' ? notBound : unbound
      const [[kind, thumbprint] = [], ...others] = Object.entries(cnf)
      if (typeof thumbprint !== 'string' || others.length > 0) return unproven('token_binding_unknown')
      if (kind === 'x5t#S256') {
        if (scheme === 'DPoP') return notBound
        const reason = certificateProblem(thumbprint, request.peer.certificate)
        return reason === undefined ? unbound : unproven(reason)
      }
      if (kind !== 'jkt') return unproven('token_binding_unknown')
      if (scheme === 'Bearer') return unproven('bound_token_as_bearer')
      const proof = permitted(verifyDpopProof(request, value), client?.security_profile)
      if (!proof.ok) return proof
      if (!equalInConstantTime(proof.value.jkt, thumbprint)) return unproven('token_bound_to_another_key')
      return (await useProof(proof.value, usedAssertions)) ?? ok(proof.value.nonce)
    },

    headersFor({ error }) {
      const current = error === 'use_dpop_nonce' || error === 'invalid_dpop_proof' ? nonce() : undefined
      return nonceHeader(current)
    },
  }
}

const noProof = ok(undefined)
const unbound = ok(undefined)

/** Returns the response header with the nonce. */
export const nonceHeader = (nonce: string | undefined): Readonly<Record<string, string>> =>
  nonce === undefined ? {} : { 'dpop-nonce': nonce }

/**
 * Returns the binding of the client's tokens. A proof takes the place of the certificate that authenticates a client
 * (RFC 9449 §5), but not of one that its tokens must be bound to.
 */
function bindingOf(
  client: Client,
  jkt: string | undefined,
  certificate: string | undefined,
): Result<Confirmation | undefined> {
  if (jkt === undefined)
    return client.dpop_bound_access_tokens ? proofMissing : bindToCertificate(client, certificate)
  return client.tls_client_certificate_bound_access_tokens ? certificateInstead : ok({ jkt })
}

/** RFC 9449 §5.2. */
const proofMissing = refuse('invalid_dpop_proof', 'dpop_proof_missing', {
  description: 'a DPoP proof is required, because tokens of this client are bound to its key',
})

const unproven = (reason: string): Refusal =>
  refuse('invalid_token', reason, { description: 'The access token is bound to another key' })

/** RFC 9449 §7.1: the scheme DPoP is for tokens that are bound to the key of a proof. */
const notBound = refuse('invalid_token', 'bearer_token_as_dpop', {
  description: 'The access token is not bound to the key of a DPoP proof; send it as Authorization: Bearer',
})
