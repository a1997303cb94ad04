/** Values that a browser carries but can neither read nor change: JSON, encrypted and authenticated, with an end. */

import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../core/keys.ts'
import type { Clock } from '../core/runtime.ts'

export type Seals<Value> = {
  /** Returns text for a URL or a form field: base64url(ciphertext) `.` base64url(salt and tag). Equal values yield equal text. */
  readonly seal: (value: Value) => string
  /** Undefined for text that is not ours, was changed, was sealed for another purpose, or is older than an hour. */
  readonly open: (text: string | undefined) => Value | undefined
}

export const sealLifetime: Seconds = 3600
const version = 'v2'
const algorithm = 'aes-256-gcm'
const saltBytes = 16
const tagBytes = 16
/** Each message has a key of its own, so one nonce is enough (NIST SP 800-38D §8.2.1). */
const nonce = Buffer.alloc(12)

/**
 * Requests that a client pushed (RFC 9126) or encrypted (RFC 9101 §6.1) must not be readable in the browser's address
 * bar, its history, a proxy's log or a mail. Each message has a key of its own, derived from a MAC of the message: random nonces
 * under one key would be safe for 2^32 messages only (NIST SP 800-38D §8.3), and pages that must look alike, for a known
 * name and an unknown one, stay alike.
 */
export function createSeals<Value extends { readonly asked_at: Seconds }>(
  purpose: string,
  { derived, clock }: { derived: DerivedKeys; clock: Clock },
): Seals<Value> {
  const saltKey = derived.derive(`${purpose} ${version} salt`)
  const messageKey = derived.derive(`${purpose} ${version} message`)
  const mac = (key: Uint8Array, data: string | Uint8Array): Buffer =>
    createHmac('sha256', key).update(data).digest()

  function decrypt(encrypted: Buffer, proof: Buffer): string | undefined {
    const key = mac(messageKey, proof.subarray(0, saltBytes))
    const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
    decipher.setAuthTag(proof.subarray(saltBytes))
    const text = decipher.update(encrypted, undefined, 'utf8')
    try {
      return text + decipher.final('utf8')
    } catch {
      return undefined
    }
  }

  return {
    seal(value) {
      const text = JSON.stringify(value)
      const salt = mac(saltKey, text).subarray(0, saltBytes)
      const cipher = createCipheriv(algorithm, mac(messageKey, salt), nonce)
      const encrypted = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      const proof = Buffer.concat([salt, cipher.getAuthTag()])
      return `${encrypted.toString('base64url')}.${proof.toString('base64url')}`
    },
    open(text = '') {
      const [encrypted = Buffer.alloc(0), proof = Buffer.alloc(0)] = text
        .split('.', 2)
        .map(part => Buffer.from(part, 'base64url'))
      // base64url has several spellings of the same bytes, and only ours is taken.
      if (`${encrypted.toString('base64url')}.${proof.toString('base64url')}` !== text) return undefined
      if (proof.length !== saltBytes + tagBytes) return undefined
      const opened = decrypt(encrypted, proof)
      if (opened === undefined) return undefined
      const value = JSON.parse(opened) as Value
      return value.asked_at + sealLifetime > clock.now() ? value : undefined
    },
  }
}
