/**
 * Key management of JWEs (RFC 7518 §4.3, §4.6; RFC 8037 §3.2), by Web Crypto. Only with key pairs; RSA1_5, passwords and
 * shared secrets are left out (RFC 8725 §3.2).
 */

import { isJsonObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'
import { decodeBase64url } from './base64url.ts'
import { joined } from './content-encryption.ts'
import type { CryptoKey } from './crypto-key.ts'
import { isLongEnough, type Jwk } from './jwk.ts'

/** An algorithm that encrypts the key of a JWE, or agrees on it. */
export type KeyEncryption = 'RSA-OAEP' | 'RSA-OAEP-256' | 'ECDH-ES' | 'ECDH-ES+A128KW' | 'ECDH-ES+A256KW'

type Bytes = Uint8Array<ArrayBuffer>

/** Bits that each curve agrees on. */
const curves: Readonly<Record<string, number>> = { 'P-256': 256, 'P-384': 384, 'P-521': 528, X25519: 256 }

const agreement = (crv: string) => (crv === 'X25519' ? { name: crv } : { name: 'ECDH', namedCurve: crv })

/** Returns whether others may encrypt for a key with the algorithm (RFC 7517 §4). */
export const isUsableForEncryption = ({ kty, crv = '', use, alg: only }: Jwk, alg: string): boolean =>
  (use === undefined || use === 'enc') &&
  (only === undefined || only === alg) &&
  (alg.startsWith('RSA') ? kty === 'RSA' : (kty === 'EC' || kty === 'OKP') && Object.hasOwn(curves, crv))

/** Imports a key. Returns undefined if it is invalid or too short, or if this runtime lacks its curve. */
export async function importEncryptionKey(
  { kty, crv = '', x, y, n, e, d, p, q, dp, dq, qi }: Jwk,
  alg: KeyEncryption,
  half: 'public' | 'private',
): Promise<CryptoKey | undefined> {
  const isRsa = alg.startsWith('RSA')
  const secret = half === 'private' ? { d, p, q, dp, dq, qi } : {}
  const members = isRsa ? { kty, n, e, ...secret } : { kty, crv, x, y, ...(secret.d && { d }) }
  const parameters = isRsa
    ? { name: 'RSA-OAEP', hash: alg === 'RSA-OAEP' ? 'SHA-1' : 'SHA-256' }
    : agreement(crv)
  const uses = isRsa
    ? half === 'public'
      ? ['encrypt']
      : ['decrypt']
    : half === 'public'
      ? []
      : ['deriveBits']
  try {
    const key = await crypto.subtle.importKey(
      'jwk',
      defined(members) as { kty: string },
      parameters,
      half === 'public',
      uses as never[],
    )
    return key.type === half && isLongEnough(key) ? key : undefined
  } catch {
    return undefined
  }
}

/** Removes members that are undefined, which some runtimes would read as text. */
const defined = (members: Readonly<Record<string, string | undefined>>): JsonObject =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JsonObject

/** A key for the content, and how the recipient finds it. */
export type EncryptedKey = { readonly key: Bytes; readonly encryptedKey: Bytes; readonly header: JsonObject }

/** Creates a key of this many bytes for a recipient. */
export async function encryptKey(
  recipient: CryptoKey,
  { alg, enc }: { readonly alg: KeyEncryption; readonly enc: string },
  bytes: number,
): Promise<EncryptedKey> {
  const random = crypto.getRandomValues(new Uint8Array(bytes))
  if (alg.startsWith('RSA')) {
    const encrypted = await crypto.subtle.encrypt({ name: 'RSA-OAEP' }, recipient, random)
    return { key: random, encryptedKey: new Uint8Array(encrypted), header: {} }
  }
  const crv = curveOf(recipient)
  const pair = (await crypto.subtle.generateKey(agreement(crv), true, ['deriveBits'])) as {
    readonly privateKey: CryptoKey
    readonly publicKey: CryptoKey
  }
  const { kty, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
  const epk = defined({ kty, crv, x, y })
  const derived = await agree(pair.privateKey, recipient, { alg, enc }, bytes)
  if (alg === 'ECDH-ES') return { key: derived, encryptedKey: new Uint8Array(), header: { epk } }
  const content = await crypto.subtle.importKey('raw', random, anyKey, true, ['sign'])
  const wrapped = await crypto.subtle.wrapKey('raw', content, await wrapping(derived, 'wrapKey'), 'AES-KW')
  return { key: random, encryptedKey: new Uint8Array(wrapped), header: { epk } }
}

/** Returns the key of the content; undefined if it was encrypted for another key. */
export async function decryptKey(
  own: CryptoKey,
  { alg, enc, header }: { readonly alg: KeyEncryption; readonly enc: string; readonly header: JsonObject },
  encryptedKey: Bytes,
  bytes: number,
): Promise<Bytes | undefined> {
  try {
    if (alg.startsWith('RSA'))
      return new Uint8Array(await crypto.subtle.decrypt({ name: 'RSA-OAEP' }, own, encryptedKey))
    const { epk, apu, apv } = header
    if (!isJsonObject(epk) || epk.crv !== curveOf(own)) return undefined
    const sender = await importEncryptionKey(epk as Jwk, alg, 'public')
    if (!sender) return undefined
    const derived = await agree(own, sender, { alg, enc, apu, apv }, bytes)
    if (alg === 'ECDH-ES') return encryptedKey.length === 0 ? derived : undefined
    const wrapper = await wrapping(derived, 'unwrapKey')
    const key = await crypto.subtle.unwrapKey('raw', encryptedKey, wrapper, 'AES-KW', anyKey, true, ['sign'])
    return new Uint8Array(await crypto.subtle.exportKey('raw', key))
  } catch {
    return undefined
  }
}

/** The type as which wrapped keys are imported: one that allows each length. */
const anyKey = { name: 'HMAC', hash: 'SHA-256' } as const

const wrapping = (key: Bytes, use: 'wrapKey' | 'unwrapKey') =>
  crypto.subtle.importKey('raw', key, 'AES-KW', false, [use])

const curveOf = ({ algorithm }: CryptoKey): string =>
  'namedCurve' in algorithm ? String(algorithm.namedCurve) : algorithm.name

/** RFC 7518 §4.6.2: Concat KDF with SHA-256, of the shared secret and what it is for. */
async function agree(
  own: CryptoKey,
  other: CryptoKey,
  { alg, enc, apu, apv }: { alg: KeyEncryption; enc: string; apu?: unknown; apv?: unknown },
  bytes: number,
): Promise<Bytes> {
  const crv = curveOf(own)
  const { name } = agreement(crv)
  const secret = new Uint8Array(
    await crypto.subtle.deriveBits({ name, public: other }, own, curves[crv] as number),
  )
  const isDirect = alg === 'ECDH-ES'
  const length = isDirect ? bytes : alg === 'ECDH-ES+A128KW' ? 16 : 32
  const purpose = joined(
    withLength(new TextEncoder().encode(isDirect ? enc : alg)),
    withLength(partyOf(apu)),
    withLength(partyOf(apv)),
    uint32(length * 8),
  )
  const rounds: Uint8Array[] = []
  for (let round = 1; (round - 1) * 32 < length; round++)
    rounds.push(new Uint8Array(await crypto.subtle.digest('SHA-256', joined(uint32(round), secret, purpose))))
  return joined(...rounds).slice(0, length)
}

/** Throws if `apu` or `apv` is not base64url. */
function partyOf(info: unknown): Bytes {
  const bytes = info === undefined ? new Uint8Array() : decodeBase64url(String(info))
  if (!bytes) throw new TypeError('apu or apv is not base64url')
  return bytes
}

const withLength = (bytes: Uint8Array): Bytes => joined(uint32(bytes.length), bytes)

function uint32(value: number): Bytes {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}
