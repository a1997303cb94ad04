/** Content encryption of JWEs (RFC 7518 §5.2, §5.3), by Web Crypto. AES-192 is left out, because browsers lack it. */

type ContentAlgorithm = {
  /** Bytes of the key. */
  readonly keyBytes: number
  readonly ivBytes: number
  readonly tagBytes: number
  /** The hash of the MAC, without which the algorithm is GCM. */
  readonly hash?: 'SHA-256' | 'SHA-512'
}

const algorithms = {
  'A128CBC-HS256': { keyBytes: 32, ivBytes: 16, tagBytes: 16, hash: 'SHA-256' },
  'A256CBC-HS512': { keyBytes: 64, ivBytes: 16, tagBytes: 32, hash: 'SHA-512' },
  A128GCM: { keyBytes: 16, ivBytes: 12, tagBytes: 16 },
  A256GCM: { keyBytes: 32, ivBytes: 12, tagBytes: 16 },
} as const satisfies Readonly<Record<string, ContentAlgorithm>>

/** An algorithm that encrypts the content of a JWE. */
export type ContentEncryption = keyof typeof algorithms

type Bytes = Uint8Array<ArrayBuffer>

/** The parts of a JWE that depend on its content. */
export type EncryptedContent = { readonly iv: Bytes; readonly ciphertext: Bytes; readonly tag: Bytes }

export const contentAlgorithm = (enc: string): ContentAlgorithm | undefined =>
  Object.hasOwn(algorithms, enc) ? algorithms[enc as ContentEncryption] : undefined

/** @param aad the encoded header, which is authenticated as well. */
export async function encryptContent(
  { ivBytes, tagBytes, hash }: ContentAlgorithm,
  key: Bytes,
  plaintext: Bytes,
  aad: Bytes,
): Promise<EncryptedContent> {
  const iv = crypto.getRandomValues(new Uint8Array(ivBytes))
  const aes = await aesKey(key, hash, 'encrypt')
  const encrypted = new Uint8Array(await crypto.subtle.encrypt(parametersOf(iv, aad, hash), aes, plaintext))
  if (hash) return { iv, ciphertext: encrypted, tag: await macOf(key, aad, iv, encrypted, hash, tagBytes) }
  const end = encrypted.length - tagBytes
  return { iv, ciphertext: encrypted.slice(0, end), tag: encrypted.slice(end) }
}

/** Returns undefined if the content was changed, or encrypted with another key. */
export async function decryptContent(
  { keyBytes, ivBytes, tagBytes, hash }: ContentAlgorithm,
  key: Bytes,
  { iv, ciphertext, tag }: EncryptedContent,
  aad: Bytes,
): Promise<Bytes | undefined> {
  if (key.length !== keyBytes || iv.length !== ivBytes || tag.length !== tagBytes) return undefined
  // RFC 7518 §5.2.2.2: the MAC is verified before anything is decrypted.
  if (hash && !isEqual(tag, await macOf(key, aad, iv, ciphertext, hash, tagBytes))) return undefined
  const aes = await aesKey(key, hash, 'decrypt')
  const encrypted = hash ? ciphertext : joined(ciphertext, tag)
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parametersOf(iv, aad, hash), aes, encrypted))
  } catch {
    return undefined
  }
}

/** RFC 7518 §5.2.2.1: the second half of a key with a MAC encrypts. */
const aesKey = (key: Bytes, hash: ContentAlgorithm['hash'], use: 'encrypt' | 'decrypt') =>
  crypto.subtle.importKey(
    'raw',
    hash ? key.slice(key.length / 2) : key,
    { name: hash ? 'AES-CBC' : 'AES-GCM' },
    false,
    [use],
  )

const parametersOf = (iv: Bytes, additionalData: Bytes, hash: ContentAlgorithm['hash']) =>
  hash ? { name: 'AES-CBC', iv } : { name: 'AES-GCM', iv, additionalData, tagLength: 128 }

/** Returns the first half of the MAC, whose key is the first half of the key. */
async function macOf(
  key: Bytes,
  aad: Bytes,
  iv: Bytes,
  ciphertext: Bytes,
  hash: string,
  tagBytes: number,
): Promise<Bytes> {
  const half = key.slice(0, key.length / 2)
  const hmac = await crypto.subtle.importKey('raw', half, { name: 'HMAC', hash }, false, ['sign'])
  const length = new Uint8Array(8)
  new DataView(length.buffer).setUint32(4, aad.length * 8)
  const mac = await crypto.subtle.sign('HMAC', hmac, joined(aad, iv, ciphertext, length))
  return new Uint8Array(mac).slice(0, tagBytes)
}

/** Compares all bytes, so that the time does not depend on where they differ. */
function isEqual(one: Bytes, other: Bytes): boolean {
  let difference = one.length ^ other.length
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0)
  return difference === 0
}

export function joined(...parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
