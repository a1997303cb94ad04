/**
 * Encrypts and authenticates the metadata in a `client_id`, for one issuer.
 *
 * Format: `sealed1.` and base64url of
 * `version of the root key (1 byte) | issued at (4) | ends at (4) | salt (16) | ciphertext | tag (16)`.
 */

import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../../model/keys.ts'
import { maxSealedIdLength, sealedPrefix } from '../../model/sealed-client.ts'
import type { Random } from '../../runtime/ports.ts'

export type SealTimes = {
  readonly issued_at: Seconds
  /** The first second at which it is no longer valid. */
  readonly ends_at: Seconds
}

/** The version of the root key that sealed an id, and its times. */
export type SealHeader = SealTimes & { readonly version: number }

type OpenedId = SealHeader & { readonly content: Buffer }

type ClientIdSeal = {
  /** Each call returns another id, of any length. */
  readonly seal: (content: Uint8Array, times: SealTimes) => string
  /**
   * Returns the content of an id of any age. Returns undefined for one that this issuer did not make, that was changed,
   * or that is spelled differently.
   */
  readonly open: (clientId: string) => OpenedId | undefined
  /** Returns whether an id that was opened before would still be: its root key may have retired. */
  readonly isOpen: (header: SealHeader) => boolean
}

type SealPorts = { readonly issuer: string; readonly derived: DerivedKeys; readonly random: Random }

const algorithm = 'aes-256-gcm'
const purpose = 'client-ids'
const headerBytes = 9
const saltBytes = 16
const tagBytes = 16
/** Each id has its own key, so one nonce is enough (NIST SP 800-38D §8.2.1). Anyone can ask for any number of ids. */
const nonce = Buffer.alloc(12)

export function createClientIdSeal({ issuer, derived, random }: SealPorts): ClientIdSeal {
  /** Keys of tenants differ already. The issuer also separates servers that share a master key. */
  const authenticated = (header: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from(`${sealedPrefix}${issuer}\0`), header])
  const keyOf = (key: Uint8Array, salt: Uint8Array): Buffer => createHmac('sha256', key).update(salt).digest()

  return {
    seal(content, { issued_at, ends_at }) {
      // Of the time in the id, not of the clock, which may have moved on: `open` compares both after the key retires.
      const version = derived.version(issued_at)
      const key = derived.asOf(issued_at, purpose)
      const header = Buffer.alloc(headerBytes)
      header.writeUInt8(version, 0)
      header.writeUInt32BE(issued_at, 1)
      header.writeUInt32BE(ends_at, 5)
      const salt = random.bytes(saltBytes)
      const cipher = createCipheriv(algorithm, keyOf(key, salt), nonce).setAAD(authenticated(header))
      const sealed = Buffer.concat([cipher.update(content), cipher.final()])
      return sealedPrefix + Buffer.concat([header, salt, sealed, cipher.getAuthTag()]).toString('base64url')
    },
    open(clientId) {
      if (clientId.length > maxSealedIdLength || !clientId.startsWith(sealedPrefix)) return undefined
      const text = clientId.slice(sealedPrefix.length)
      const bytes = Buffer.from(text, 'base64url')
      // base64url has several spellings of the same bytes. Each client has one id.
      if (bytes.toString('base64url') !== text) return undefined
      if (bytes.length < headerBytes + saltBytes + tagBytes) return undefined
      const header = bytes.subarray(0, headerBytes)
      const version = header.readUInt8(0)
      const [issued_at, ends_at] = [header.readUInt32BE(1), header.readUInt32BE(5)]
      const key = derived.ofVersion(version, purpose, issued_at)
      if (key === undefined) return undefined
      const contentStart = headerBytes + saltBytes
      const tagStart = bytes.length - tagBytes
      const decipher = createDecipheriv(
        algorithm,
        keyOf(key, bytes.subarray(headerBytes, contentStart)),
        nonce,
        { authTagLength: tagBytes },
      )
      decipher.setAAD(authenticated(header)).setAuthTag(bytes.subarray(tagStart))
      const start = decipher.update(bytes.subarray(contentStart, tagStart))
      try {
        return { version, issued_at, ends_at, content: Buffer.concat([start, decipher.final()]) }
      } catch {
        return undefined
      }
    },
    isOpen: ({ version, issued_at }) => derived.ofVersion(version, purpose, issued_at) !== undefined,
  }
}
