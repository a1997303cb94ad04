/** Private keys at rest: AES-256-GCM under a key derived from the master key (NIST SP 800-38D), bound to their name. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { DerivedKeys } from '../core/keys.ts'

export type Sealing = {
  readonly seal: (text: string, name: string) => Uint8Array
  /** Throws when the bytes were changed, belong to another name or were sealed with another master key. */
  readonly open: (sealed: Uint8Array, name: string) => string
}

const version = 1
const nonceBytes = 12
const tagBytes = 16

/** `version 1 byte | nonce 12 | ciphertext | tag 16`. */
export function createSealing({ derived }: { derived: DerivedKeys }): Sealing {
  const key = derived.derive('signing-keys')
  return {
    seal(text, name) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.of(version), nonce, sealed, cipher.getAuthTag()])
    },
    open(bytes, name) {
      if (bytes[0] !== version) throw unopened(name, 'it was sealed in a way that this version does not know')
      if (bytes.length < 1 + nonceBytes + tagBytes) throw unopened(name, 'it is cut off')
      const sealed = Buffer.from(bytes)
      const tagStart = sealed.length - tagBytes
      const nonce = sealed.subarray(1, 1 + nonceBytes)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
      decipher.setAAD(Buffer.from(name)).setAuthTag(sealed.subarray(tagStart))
      const text = decipher.update(sealed.subarray(1 + nonceBytes, tagStart), undefined, 'utf8')
      try {
        return text + decipher.final('utf8')
      } catch {
        throw unopened(name, 'it was changed, or sealed with another master key')
      }
    },
  }
}

const unopened = (name: string, why: string): Error =>
  new Error(`the stored signing key ${name} can't be opened: ${why}`)
