/** Encrypts stored secrets with AES-256-GCM (NIST SP 800-38D), under a key derived for one purpose, and binds them to a name. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { DerivedKeys, Sealing } from '../model/keys.ts'

const version = 1
const nonceBytes = 12
const tagBytes = 16

/** Format: `version (1 byte) | nonce (12) | ciphertext | tag (16)`. */
export function createSealing({ derived, purpose }: { derived: DerivedKeys; purpose: string }): Sealing {
  const key = derived.derive(purpose)
  return {
    seal(text, name) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.of(version), nonce, sealed, cipher.getAuthTag()])
    },
    open(bytes, name) {
      if (bytes[0] !== version)
        throw unopened(name, 'its format is unknown; was it sealed by a newer version?')
      if (bytes.length < 1 + nonceBytes + tagBytes) throw unopened(name, 'it is truncated')
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
  new Error(`the stored secret ${name} can't be opened: ${why}`)
