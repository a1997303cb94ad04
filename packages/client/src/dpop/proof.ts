/** DPoP proofs, and the nonces that servers ask for (RFC 9449 §4, §8, §9). */

import type { Seconds } from '@tessera/protocol/brand'
import { parseJsonObject } from '@tessera/protocol/json'
import type { ReceivedResponse } from '../http/response.ts'
import { parseChallenges } from '../http/www-authenticate.ts'
import type { AsymmetricAlgorithm } from '../jwt/algorithms.ts'
import type { Jwk } from '../jwt/jwk.ts'
import { sha256 } from '../jwt/sha256.ts'
import { signJwt } from '../jwt/sign.ts'
import { importSigningKey } from '../jwt/signing-key.ts'
import { jwkThumbprint, publicJwk } from '../jwt/thumbprint.ts'
import type { Proof } from '../proof.ts'
import { type DpopKeyPair, generateDpopKey } from './key.ts'

/** The `proof` of a client whose tokens are bound to a key. */
export type Dpop = Proof & {
  /** The thumbprint of the key, which bound tokens contain as `cnf.jkt` (§6.1). */
  readonly jkt: string
}

export type DpopOptions = {
  /**
   * The algorithm. The default is that of the key; for Ed25519 it is `Ed25519`, and older servers know it as `EdDSA`
   * only. For RSA keys it is `RS256`.
   */
  readonly alg?: AsymmetricAlgorithm | undefined
  /** The current time in seconds since 1970; the default is the clock of the system. */
  readonly now?: (() => Seconds) | undefined
}

/**
 * Creates the proofs of a key, for `proof` of `createClient`. Each origin's newest nonce is remembered, in memory. The
 * client repeats a request once if the server asks for a nonce.
 *
 * Use one key for each client. To use kept tokens after a restart, create the proofs with the same key: refresh tokens
 * of public clients are bound to it, and access tokens always are (§5).
 * @param key a key pair, or a private JWK that was kept; by default a new key that exists in this process only.
 * @throws TypeError if the key is none for signatures, or does not fit `alg`.
 */
export async function createDpop(key?: DpopKeyPair | Jwk, options: DpopOptions = {}): Promise<Dpop> {
  const { now = () => Math.floor(Date.now() / 1000) } = options
  const used = key ?? (await generateDpopKey())
  const { signing, jwk } = await importKey(used, options.alg)
  const jkt = await jwkThumbprint(jwk)
  const nonces = new Map<string, string>()

  return {
    jkt,
    tokenType: 'DPoP',
    authorizationParameters: async () => ({ dpop_jkt: jkt }),
    async headers({ method, url, accessToken }) {
      const { origin, pathname } = new URL(url)
      const claims = {
        jti: crypto.randomUUID(),
        htm: method,
        // §4.2: without query and fragment.
        htu: origin + pathname,
        iat: now(),
        ath: accessToken === undefined ? undefined : await sha256(accessToken),
        nonce: nonces.get(origin),
      }
      return { dpop: await signJwt(claims, signing, { typ: 'dpop+jwt', jwk }) }
    },
    received({ url }, response) {
      const nonce = response.headers.get('dpop-nonce')
      if (nonce === null || !isNonce(nonce)) return false
      nonces.set(new URL(url).origin, nonce)
      return asksForNonce(response)
    },
  }
}

async function importKey(key: DpopKeyPair | Jwk, alg: AsymmetricAlgorithm | undefined) {
  if (typeof key !== 'object') throw new TypeError('the key must be a key pair or a private JWK')
  const isPair = 'privateKey' in key
  const imported = await importSigningKey(isPair ? key.privateKey : key, { alg })
  const jwk = publicJwk(isPair ? await crypto.subtle.exportKey('jwk', key.publicKey) : key)
  if (!jwk) throw new TypeError('the key must be a key pair, or a private JWK of type EC, OKP or RSA')
  // RFC 9864 §2.2: the name that says which curve.
  const isEdDsa = alg === undefined && imported.alg === 'EdDSA'
  return { signing: { key: imported.key, alg: isEdDsa ? ('Ed25519' as const) : imported.alg }, jwk }
}

/** RFC 9449 §8.1: NQCHAR. A longer nonce would not fit into a header with the proof. */
const isNonce = (nonce: string): boolean => nonce.length <= 1024 && /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(nonce)

type Answer = Pick<ReceivedResponse, 'status' | 'headers'> & { readonly body?: string }

/** The token endpoint says it in its body (§8), a protected resource in its challenge (§9). */
function asksForNonce({ status, headers, body }: Answer): boolean {
  if (status !== 400 && status !== 401) return false
  const challenges = parseChallenges(headers.get('www-authenticate'))
  const isChallenged = challenges.some(
    ({ scheme, parameters }) => scheme === 'dpop' && parameters.get('error') === 'use_dpop_nonce',
  )
  return isChallenged || (body !== undefined && parseJsonObject(body)?.error === 'use_dpop_nonce')
}
