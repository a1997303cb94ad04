/** Keys for DPoP proofs (RFC 9449 §4.2). */

import { algorithmParameters } from '../jwt/algorithms.ts'
import type { CryptoKey } from '../jwt/crypto-key.ts'

/** Algorithms that keys are generated for. */
export type DpopAlgorithm = 'ES256' | 'ES384' | 'ES512' | 'Ed25519' | 'ML-DSA-44' | 'ML-DSA-65' | 'ML-DSA-87'

/** The keys of Web Crypto. Browsers can store them in IndexedDB as they are, even if they are not extractable. */
export type DpopKeyPair = { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey }

export type DpopKeyOptions = {
  /** The default is `ES256`, which every runtime and every server with DPoP has. */
  readonly alg?: DpopAlgorithm | undefined
  /**
   * Whether the private key can be exported, to keep it outside the runtime. The default is false: then a script that
   * is injected into a page can use the key while it runs there, but not take it away.
   */
  readonly extractable?: boolean | undefined
}

/**
 * Generates a key pair for DPoP.
 * @throws TypeError if this runtime does not implement the algorithm.
 */
export async function generateDpopKey(options: DpopKeyOptions = {}): Promise<DpopKeyPair> {
  const { alg = 'ES256', extractable = false } = options
  const web = /^(?:ES\d+|Ed25519|ML-DSA-\d+)$/.test(alg) ? algorithmParameters(alg)?.web : undefined
  if (!web) throw new TypeError(`no keys are generated for ${JSON.stringify(alg)}; use ES256`)
  try {
    return (await crypto.subtle.generateKey(web, extractable, ['sign', 'verify'])) as DpopKeyPair
  } catch (cause) {
    throw new TypeError(`this runtime can't generate a key for ${alg}; use ES256`, { cause })
  }
}
