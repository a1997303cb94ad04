/** Stored keys made ready for use: unsealed once, then kept as key objects. */

import type { KeyObject, webcrypto } from 'node:crypto'
import type { StoredKey } from '../model/authorization.ts'
import type { SigningAlgorithm } from '../model/client.ts'
import type { Sealing, SigningKey } from '../model/keys.ts'
import { keyObjects, publicMembers } from './generation.ts'

export type OpenedKey = SigningKey & {
  readonly publicKey: KeyObject
  /** Only what may be published. */
  readonly jwk: webcrypto.JsonWebKey
} & Pick<StoredKey, 'created_at' | 'active_from'>

/** Throws when the seal does not open with this master key. */
export function openKey(
  { kid, alg, sealed, created_at, active_from }: StoredKey,
  sealing: Sealing,
): OpenedKey {
  const jwk = JSON.parse(sealing.open(sealed, sealedName({ kid, alg }))) as webcrypto.JsonWebKey
  return {
    kid,
    alg: alg as SigningAlgorithm,
    ...keyObjects(jwk),
    jwk: publicMembers(jwk),
    created_at,
    active_from,
  }
}

/** What a sealed key is bound to: under another name or for another algorithm it does not open. */
export const sealedName = ({ kid, alg }: { readonly kid: string; readonly alg: string }): string =>
  `${alg} ${kid}`

/** The JWK Set (RFC 7517 §5) as JSON: of each key the public members, for verifying signatures only (§4.2). */
export const jwkSet = (keys: readonly OpenedKey[]): string =>
  JSON.stringify({ keys: keys.map(({ kid, alg, jwk }) => ({ ...jwk, kid, alg, use: 'sig' })) })
