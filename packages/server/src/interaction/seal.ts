/** Values that a browser carries but can neither read nor change: JSON, encrypted and authenticated, with an end. */

import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../core/keys.ts'
import type { Clock } from '../core/runtime.ts'

export type Seals<Value> = {
  /** Returns text for a URL or a form field: base64url of salt (16 bytes), AES-256-GCM ciphertext and tag (16 bytes). */
  readonly seal: (value: Value) => string
  /** Undefined for text that is not ours, was changed, was sealed for another purpose, or is older than an hour. */
  readonly open: (text: string | undefined) => Value | undefined
}

const lifetime: Seconds = 3600
const version = 'v2'
const algorithm = 'aes-256-gcm'
const saltBytes = 16
const tagBytes = 16
/** Each message has a key of its own, so one nonce is enough (NIST SP 800-38D §8.2.1). */
const nonce = Buffer.alloc(12)

/**
 * What a client pushed (RFC 9126) or encrypted (RFC 9101 §6.1) must not be readable in the browser's address bar, its
 * history, a proxy's log or a mail. A key of its own for each message, derived from a random salt, because random nonces
 * under one key are safe for 2^32 messages only, which a busy server seals within weeks.
 */
export function createSeals<Value extends { readonly asked_at: Seconds }>(
  purpose: string,
  { derived, clock }: { derived: DerivedKeys; clock: Clock },
): Seals<Value> {
  const key = derived.derive(`${purpose} ${version}`)
  const keyOf = (salt: Uint8Array): Buffer => createHmac('sha256', key).update(salt).digest()

  function decrypt(sealed: Buffer): string | undefined {
    const salt = sealed.subarray(0, saltBytes)
    const tagStart = sealed.length - tagBytes
    const decipher = createDecipheriv(algorithm, keyOf(salt), nonce, { authTagLength: tagBytes })
    decipher.setAuthTag(sealed.subarray(tagStart))
    const text = decipher.update(sealed.subarray(saltBytes, tagStart), undefined, 'utf8')
    try {
      return text + decipher.final('utf8')
    } catch {
      return undefined
    }
  }

  return {
    seal(value) {
      const salt = randomBytes(saltBytes)
      const cipher = createCipheriv(algorithm, keyOf(salt), nonce)
      const encrypted = [cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]
      return Buffer.concat([salt, ...encrypted, cipher.getAuthTag()]).toString('base64url')
    },
    open(text = '') {
      const sealed = Buffer.from(text, 'base64url')
      // base64url has several spellings of the same bytes, and only ours is taken.
      if (sealed.length < saltBytes + tagBytes || sealed.toString('base64url') !== text) return undefined
      const opened = decrypt(sealed)
      if (opened === undefined) return undefined
      const value = JSON.parse(opened) as Value
      return value.asked_at + lifetime > clock.now() ? value : undefined
    },
  }
}
