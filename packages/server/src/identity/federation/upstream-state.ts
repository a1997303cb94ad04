/**
 * The `state`, and what is derived from it (OpenID Connect Core 1.0 §3.1.2.1, RFC 7636 §4.1): a database that leaks holds
 * neither the nonce nor the code verifier of anyone who is under way.
 */

import { createHmac } from 'node:crypto'
import { handleShape, hashHandle, newHandle } from '../../model/handle.ts'
import type { DerivedKeys } from '../../model/keys.ts'
import type { Random, TokenHash } from '../../runtime/ports.ts'
import type { UpstreamProof } from './upstream.ts'

export type OneUseStates = {
  readonly make: () => UpstreamProof
  /** Undefined for text that can't be a state of ours. */
  readonly proofOf: (state: string | undefined) => UpstreamProof | undefined
  readonly hash: (state: string) => TokenHash
}

const wellFormed = handleShape('tf')

export function createOneUseStates({
  derived,
  random,
}: {
  derived: DerivedKeys
  random: Random
}): OneUseStates {
  const key = derived.derive('federation')
  const from = (purpose: string, state: string): string =>
    createHmac('sha256', key).update(`${purpose} ${state}`).digest('base64url')
  const proof = (state: string): UpstreamProof => ({
    state,
    nonce: from('nonce', state),
    code_verifier: from('code_verifier', state),
  })

  return {
    make: () => proof(newHandle(random, 'tf')),
    proofOf: state => (state !== undefined && wellFormed.test(state) ? proof(state) : undefined),
    hash: hashHandle,
  }
}
