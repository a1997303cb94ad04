/**
 * Seals values that a browser holds but can neither read nor change: JSON, encrypted and authenticated, with an expiry.
 */

import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../../model/keys.ts'
import type { Clock } from '../../runtime/ports.ts'

export type Seals<Value> = {
  /** Returns text for a URL or a form field: base64url(ciphertext) `.` base64url(salt and tag). Equal values yield equal text. */
  readonly seal: (value: Value) => string
  /**
   * Returns undefined for text that this server did not create, that was changed, that was sealed for another purpose,
   * or that is older than an hour.
   */
  readonly open: (text: string | undefined) => Value | undefined
  /** Like `open`, but accepts text of any age. */
  readonly openAnyAge: (text: string | undefined) => Value | undefined
}

/**
 * Encodes values as bytes. `encode` returns undefined for values that should be encoded as JSON, and `decode` for bytes
 * that it did not write.
 */
export type Packing<Value> = {
  readonly encode: (value: Value) => Uint8Array | undefined
  readonly decode: (bytes: Buffer) => Value | undefined
}

export const sealLifetime: Seconds = 3600
const version = 'v2'
const algorithm = 'aes-256-gcm'
const saltBytes = 16
const tagBytes = 16
/** Each message has its own key, so one nonce is enough (NIST SP 800-38D §8.2.1). */
const nonce = Buffer.alloc(12)

/** Marks packed values. It is authenticated; versions that don't pack treat such values as expired. */
const packed = '.p'

/**
 * Creates seals. Requests that a client pushed (RFC 9126) or encrypted (RFC 9101 §6.1) must not be readable in the
 * browser's address bar or history, in a proxy's log, or in an email. Each message has its own key, derived from a MAC
 * of the message. Random nonces under one key would be safe for 2^32 messages only (NIST SP 800-38D §8.3). Equal values
 * also yield equal text, so that the pages for a known and an unknown name look the same.
 */
export function createSeals<Value extends { readonly asked_at: Seconds }>(
  purpose: string,
  { derived, clock, packing }: { derived: DerivedKeys; clock: Clock; packing?: Packing<Value> },
): Seals<Value> {
  const saltPurpose = `${purpose} ${version} salt`
  const messagePurpose = `${purpose} ${version} message`
  const mac = (key: Uint8Array, data: string | Uint8Array): Buffer =>
    createHmac('sha256', key).update(data).digest()

  function decrypt(encrypted: Buffer, proof: Buffer, mark: string): Buffer | undefined {
    for (const key of derived.accepted(messagePurpose)) {
      const opened = decryptWith(key, encrypted, proof, mark)
      if (opened) return opened
    }
    return undefined
  }

  function decryptWith(
    messageKey: Uint8Array,
    encrypted: Buffer,
    proof: Buffer,
    mark: string,
  ): Buffer | undefined {
    const key = mac(messageKey, proof.subarray(0, saltBytes))
    const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(mark)).setAuthTag(proof.subarray(saltBytes))
    const bytes = decipher.update(encrypted)
    try {
      return Buffer.concat([bytes, decipher.final()])
    } catch {
      return undefined
    }
  }

  function openAnyAge(text = ''): Value | undefined {
    const mark = packing && text.endsWith(packed) ? packed : ''
    const [encrypted = Buffer.alloc(0), proof = Buffer.alloc(0)] = text
      .split('.', 2)
      .map(part => Buffer.from(part, 'base64url'))
    // base64url has several encodings of the same bytes. Only ours is accepted.
    if (`${encrypted.toString('base64url')}.${proof.toString('base64url')}${mark}` !== text) return undefined
    if (proof.length !== saltBytes + tagBytes) return undefined
    const opened = decrypt(encrypted, proof, mark)
    if (opened === undefined) return undefined
    return mark === '' ? (JSON.parse(opened.toString()) as Value) : packing?.decode(opened)
  }

  return {
    seal(value) {
      const bytes = packing?.encode(value)
      const mark = bytes ? packed : ''
      const data = bytes ?? Buffer.from(JSON.stringify(value))
      const salt = mac(derived.derive(saltPurpose), data).subarray(0, saltBytes)
      const cipher = createCipheriv(algorithm, mac(derived.derive(messagePurpose), salt), nonce).setAAD(
        Buffer.from(mark),
      )
      const encrypted = Buffer.concat([cipher.update(data), cipher.final()])
      const proof = Buffer.concat([salt, cipher.getAuthTag()])
      return `${encrypted.toString('base64url')}.${proof.toString('base64url')}${mark}`
    },
    open(text) {
      const value = openAnyAge(text)
      return value && value.asked_at + sealLifetime > clock.now() ? value : undefined
    },
    openAnyAge,
  }
}
