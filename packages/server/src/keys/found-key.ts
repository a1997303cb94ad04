/** A key of a key file, and its certificate chain as the `x5c` of a JWK (RFC 7517 §4.7). */

import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'

/** A key as its file describes it. Nothing about it is checked yet. */
export type FoundKey = {
  readonly key: KeyObject
  readonly kid?: string | undefined
  readonly alg?: string | undefined
  /** Base64 of DER, starting with the certificate of the key. */
  readonly x5c?: readonly string[] | undefined
}

type Certified = { readonly key: KeyObject; readonly certificates: readonly X509Certificate[] }

/** Returns the key with its chain. Certificates of other keys that don't belong to the chain are left out. */
export function withChain({ key, certificates }: Certified): FoundKey {
  const publicKey = publicOf(key)
  const leaf = certificates.find(certificate => certificate.publicKey.equals(publicKey))
  return leaf ? { key, x5c: chainFrom(leaf, certificates).map(({ raw }) => raw.toString('base64')) } : { key }
}

/** Returns the certificates from the leaf to the last issuer among the others. */
function chainFrom(leaf: X509Certificate, others: readonly X509Certificate[]): readonly X509Certificate[] {
  const issuer = others.find(other => other.fingerprint256 !== leaf.fingerprint256 && leaf.checkIssued(other))
  return issuer
    ? [
        leaf,
        ...chainFrom(
          issuer,
          others.filter(other => other !== issuer),
        ),
      ]
    : [leaf]
}

export const publicOf = (key: KeyObject): KeyObject => (key.type === 'private' ? createPublicKey(key) : key)

/** Returns the first certificate of an `x5c`. Throws unless it is a certificate of this key. */
export function leafOf(x5c: readonly string[], key: KeyObject): X509Certificate {
  const [first = ''] = x5c
  const leaf = new X509Certificate(Buffer.from(first, 'base64'))
  if (!leaf.publicKey.equals(publicOf(key))) throw new Error('the first certificate of x5c is of another key')
  return leaf
}
