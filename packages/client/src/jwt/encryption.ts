/** Encrypts and decrypts JSON Web Tokens: JWEs in compact serialization with one recipient (RFC 7516 §5, §7.1). */

import { isJsonObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'
import { ok, type Result } from '../result.ts'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import {
  type ContentEncryption,
  contentAlgorithm,
  decryptContent,
  encryptContent,
} from './content-encryption.ts'
import type { CryptoKey } from './crypto-key.ts'
import { invalidToken } from './decode.ts'
import type { Jwk } from './jwk.ts'
import { decryptKey, encryptKey, importEncryptionKey, type KeyEncryption } from './key-encryption.ts'

/** Returns the signed token in an encrypted one. */
export type DecryptJwt = (jwe: string) => Promise<Result<string>>

/** The algorithms that are accepted. */
export type DecryptionOptions = {
  /** The algorithm for which the client is registered. Tokens with another one are refused. */
  readonly alg: KeyEncryption
  /** The default is any that this library implements. */
  readonly enc?: ContentEncryption | undefined
}

/** A private key: a `CryptoKey` or a JWK. */
export type DecryptionKey = CryptoKey | Jwk

/** Characters of the longest token that is read, as for signed ones. */
const maxLength = 131_072

/**
 * Decrypts tokens that a server encrypted for this client. Compressed ones are refused (RFC 8725 §3.6), and so are those
 * with other algorithms or several recipients. All failures after that have the code `decryption_failed`. Throws
 * TypeError when it is used if a key is not a private key for the algorithm.
 * @param keys one, or several while the client replaces its key.
 */
export function jwtDecryption(
  keys: DecryptionKey | readonly DecryptionKey[],
  { alg, enc: only }: DecryptionOptions,
): DecryptJwt {
  let imported: Promise<readonly CryptoKey[]> | undefined
  return async jwe => {
    imported ??= Promise.all([keys].flat().map(key => privateKeyFor(key as DecryptionKey, alg)))
    const privateKeys = await imported
    const parts = jwe.length > maxLength ? [] : jwe.split('.', 6)
    const [head = '', encryptedKey, iv, ciphertext, tag] = parts.map(decodeBase64url)
    const header = headerOf(head)
    if (parts.length !== 5 || !header || !encryptedKey || !iv || !ciphertext || !tag)
      return invalidToken('token_malformed', 'the token is not an encrypted JSON Web Token')
    const content = typeof header.enc === 'string' ? contentAlgorithm(header.enc) : undefined
    if (header.alg !== alg || !content || (only !== undefined && header.enc !== only))
      return invalidToken('encryption_not_allowed', 'the token is encrypted with another algorithm')
    if (header.crit !== undefined || header.zip !== undefined)
      return invalidToken('critical_header', 'the token is compressed or needs an extension')
    const aad = new TextEncoder().encode(parts[0])
    for (const own of privateKeys) {
      const how = { alg, enc: header.enc as string, header }
      const key = await decryptKey(own, how, encryptedKey, content.keyBytes)
      const text = key && (await decryptContent(content, key, { iv, ciphertext, tag }, aad))
      if (text) return ok(new TextDecoder().decode(text))
    }
    return invalidToken('decryption_failed', 'the token is not encrypted for this client')
  }
}

/** Encrypts a signed token for the key of a server. */
export async function encryptJwt(
  jwt: string,
  recipient: { readonly key: CryptoKey; readonly kid?: string | undefined },
  { alg, enc }: { readonly alg: KeyEncryption; readonly enc: ContentEncryption },
): Promise<string> {
  const content = contentAlgorithm(enc)
  if (!content) throw new TypeError(`unknown algorithm ${JSON.stringify(enc)}`)
  const { key, encryptedKey, header } = await encryptKey(recipient.key, { alg, enc }, content.keyBytes)
  // RFC 7519 §5.2: `cty` says that it contains a token.
  const whole = JSON.stringify({ alg, enc, kid: recipient.kid, cty: 'JWT', ...header })
  const head = encodeBase64url(new TextEncoder().encode(whole))
  const text = new TextEncoder().encode(jwt)
  const { iv, ciphertext, tag } = await encryptContent(content, key, text, new TextEncoder().encode(head))
  return [head, ...[encryptedKey, iv, ciphertext, tag].map(encodeBase64url)].join('.')
}

async function privateKeyFor(key: DecryptionKey, alg: KeyEncryption): Promise<CryptoKey> {
  const imported = 'kty' in key ? await importEncryptionKey(key, alg, 'private') : (key as CryptoKey)
  const use = alg.startsWith('RSA') ? 'decrypt' : 'deriveBits'
  if (!imported?.usages?.includes(use as never))
    throw new TypeError(`the key is not a private key that can decrypt with ${alg}`)
  return imported
}

function headerOf(bytes: Uint8Array | '' | undefined): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes || undefined))
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
