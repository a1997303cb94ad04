/** Checks the key of another server before it is published or signs here. */

import { hash, type KeyObject, type webcrypto, X509Certificate } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import {
  minimumRsaBits,
  type SignatureKeyType,
  signatureAlgorithmNames,
  signatureAlgorithms,
} from '@tessera/protocol/signature-algorithms'
import type { SigningAlgorithm } from '../model/client.ts'
import { mlDsaTypes } from '../model/signature-algorithm.ts'
import { type FoundKey, leafOf, publicOf } from './found-key.ts'

/** `verify`: published only, for the tokens of the other server. `sign`: also signs the tokens of this one. */
type ImportedUse = 'verify' | 'sign'

export type KeyToImport = {
  readonly kid: string
  readonly alg: string
  /** The members to seal: private ones only if it signs. */
  readonly jwk: webcrypto.JsonWebKey & ImportedMembers
}

/** Members of an imported key besides those of its type. */
type ImportedMembers = {
  readonly x5c?: readonly string[]
  readonly 'x5t#S256'?: string
  /** The time at which a key that only verifies is removed. */
  readonly exp?: Seconds
  /** Whether another server may have signed with it too. */
  readonly imported?: true
}

type ImportOptions = {
  readonly use: ImportedUse
  /** Replaces those of the file. */
  readonly kid?: string | undefined
  readonly alg?: string | undefined
  readonly until?: Seconds | undefined
  /** The algorithms that this issuer signs with. */
  readonly signs: readonly SigningAlgorithm[]
}

/** The exponent that NIST SP 800-56B requires at least. */
const leastExponent = 65_537n

/** The algorithms of a type of key, the usual one first. */
const algorithmsOfType = (kty: SignatureKeyType): readonly string[] =>
  signatureAlgorithmNames.filter(alg => signatureAlgorithms[alg].kty === kty)

/** RFC 7518 §3.4. */
const curves: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}

/** Returns the key as it is stored. Throws an error that names what is wrong with it. */
export function importedKey(found: FoundKey, options: ImportOptions): KeyToImport {
  const { use, until, signs } = options
  const alg = algorithmOf(found.key, options.alg ?? found.alg)
  if (use === 'sign' && found.key.type !== 'private')
    throw new Error('it is a public key, which can only verify; expected a private key, or --use verify')
  if (use === 'sign' && !signs.includes(alg as SigningAlgorithm))
    throw new Error(`this issuer does not sign with ${alg}; expected a key for ${signs.join(' or ')}`)
  const kid = options.kid ?? found.kid
  if (kid === undefined) throw new Error(missingKid(found, alg))
  if (!/^[\x20-\x7e]{1,255}$/.test(kid))
    throw new Error('its kid is not 1 to 255 printable ASCII characters; give another one with --kid')
  const { key } = found
  // Only the certificates are published, whatever else the texts of the file contain.
  const x5c = found.x5c?.map(certificateIn)
  const leaf = x5c && leafOf(x5c, key)
  const members = membersOf(use === 'sign' ? key : publicOf(key))
  return {
    kid,
    alg,
    jwk: {
      ...members,
      ...(x5c && leaf && { x5c, 'x5t#S256': hash('sha256', leaf.raw, 'base64url') }),
      ...(use === 'verify' && until !== undefined && { exp: until }),
      imported: true,
    },
  }
}

/** RFC 9964 §3: the private key is the seed, which is lost in a file with the expanded key alone. */
function membersOf(key: KeyObject): webcrypto.JsonWebKey {
  try {
    return key.export({ format: 'jwk' })
  } catch {
    throw new Error('the private key has no seed; expected a file with the seed of 32 bytes (RFC 9881 §6)')
  }
}

/** Returns a certificate of an `x5c` in Base64 of its DER (RFC 7517 §4.7). Throws for anything else. */
function certificateIn(text: string): string {
  try {
    return new X509Certificate(Buffer.from(text, 'base64')).raw.toString('base64')
  } catch {
    throw new Error('its x5c contains a text that is not a certificate')
  }
}

/** Returns the algorithm. Throws for a key that is too weak, or of another algorithm. */
function algorithmOf(key: KeyObject, given: string | undefined): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key
  const { modulusLength = 0, publicExponent = 0n, namedCurve = '' } = details
  if (type === 'rsa') {
    if (modulusLength < minimumRsaBits)
      throw new Error(
        `the RSA key has ${modulusLength} bits; expected at least ${minimumRsaBits} (RFC 7518 §3.3)`,
      )
    if (publicExponent < leastExponent)
      throw new Error(`the exponent of the RSA key is ${publicExponent}; expected at least ${leastExponent}`)
    return oneOf(algorithmsOfType('RSA'), given ?? 'RS256')
  }
  if (type === 'ec') {
    const alg = curves[namedCurve]
    if (alg === undefined)
      throw new Error(`the curve ${namedCurve} is not supported; expected P-256, P-384 or P-521`)
    return oneOf([alg], given ?? alg)
  }
  if (type === 'ed25519') return oneOf(algorithmsOfType('OKP'), given ?? 'EdDSA')
  const mlDsa = Object.entries(mlDsaTypes).find(([, name]) => name === type)?.[0]
  if (mlDsa !== undefined) return oneOf([mlDsa], given ?? mlDsa)
  throw new Error(`a key of type ${type} is not supported; expected RSA, EC, Ed25519 or ML-DSA`)
}

function oneOf(expected: readonly string[], given: string): string {
  if (expected.includes(given)) return given
  throw new Error(`the algorithm of this key can't be ${given}; expected ${expected.join(', ')}`)
}

/** Names the usual `kid` values, because a token only finds its key if the value is exactly that of the old server. */
function missingKid({ key, x5c }: FoundKey, alg: string): string {
  const leaf = x5c && leafOf(x5c, key)
  const sha1 = leaf?.fingerprint.replaceAll(':', '')
  const forms = sha1
    ? `\n  usual values for its certificate: ${sha1}${alg} (IdentityServer 4.x), ${sha1} (earlier versions)`
    : ''
  return `it has no kid; give that of the old server's JWK Set with --kid${forms}`
}
