/** Encrypts stored secrets with AES-256-GCM (NIST SP 800-38D), under a key derived for one purpose, and binds them to a name. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { DerivedKeys, Sealing } from '../model/keys.ts'
import { InvalidStoredValue } from '../runtime/ports.ts'
import { shownName } from './shown-name.ts'

const nonceBytes = 12
const tagBytes = 16
/** Bytes of a sealed empty text. */
export const leastSealedBytes = 1 + nonceBytes + tagBytes

/** Format: `version of the root key (1 byte) | nonce (12) | ciphertext | tag (16)`. */
export function createSealing({ derived, purpose }: { derived: DerivedKeys; purpose: string }): Sealing {
  return {
    seal(text, name) {
      const version = derived.version()
      const key = derived.ofVersion(version, purpose) ?? derived.derive(purpose)
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.of(version), nonce, sealed, cipher.getAuthTag()])
    },
    open(bytes, name) {
      const key = derived.ofVersion(bytes[0] ?? 0, purpose)
      if (key === undefined) throw unopened(name, `the root key ${bytes[0]} is not known here, or is retired`)
      if (bytes.length < leastSealedBytes) throw unopened(name, 'it is truncated')
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
    isOfNewerKey: bytes => derived.othersMayHave(bytes[0] ?? 0),
  }
}

/** Returns the version of the root key that the bytes were sealed with. */
export const sealedVersion = (bytes: Uint8Array): number | undefined => bytes[0]

const unopened = (name: string, why: string): InvalidStoredValue =>
  new InvalidStoredValue(shownName(name), why)
