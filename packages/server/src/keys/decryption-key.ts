/** The key that clients encrypt request objects with (RFC 9101 §6.1, OpenID Connect Core 1.0 §10.2). It is derived from the master key, so it is not stored. */

import { createECDH, hash } from 'node:crypto'
import { contentEncryptionAlgorithms } from '../model/client.ts'
import type { Decryption, DerivedKeys } from '../model/keys.ts'
import { requestEncryptionAlgorithms } from '../model/keys.ts'

/** Creates each key on first use. Requests that are encrypted for an earlier key are accepted while clients may cache it. */
export function createDecryption(derived: DerivedKeys): Decryption {
  /** By the first bytes that it is derived from. */
  const made = new Map<Uint8Array, ReturnType<typeof makeKey>>()
  const keyAt = (index: number) => {
    const seed = derived.accepted(purposeOf(0))[index]
    if (!seed) return undefined
    const before = made.get(seed)
    if (before) return before
    const key = makeKey(attempt => derived.accepted(purposeOf(attempt))[index])
    made.set(seed, key)
    return key
  }

  return {
    jwk: () => (keyAt(0) as ReturnType<typeof makeKey>).published,
    async decrypt(jwe) {
      for (let index = 0, key = keyAt(0); key; index++, key = keyAt(index)) {
        const opened = await openJwe(jwe, key.jwk)
        if (opened !== undefined) return opened
      }
      return undefined
    },
  }
}

/** Decrypts a compact JWE (RFC 7516 §7.1). Resolves to undefined if it is not encrypted for this private key. */
export async function openJwe(
  jwe: string,
  jwk: Readonly<Record<string, string>>,
): ReturnType<Decryption['decrypt']> {
  // Loaded on first use, because few clients encrypt requests.
  const { compactDecrypt, importJWK } = await import('jose')
  try {
    const { plaintext } = await compactDecrypt(jwe, await importJWK(jwk, 'ECDH-ES'), {
      keyManagementAlgorithms: [...requestEncryptionAlgorithms],
      contentEncryptionAlgorithms: [...contentEncryptionAlgorithms],
      // RFC 8725 §3.6: rejects compressed content, which could expand to any size.
      maxDecompressedLength: 0,
    })
    return new TextDecoder().decode(plaintext)
  } catch {
    return undefined
  }
}

const purposeOf = (attempt: number): string => `request object encryption ${attempt}`

/** Derives a scalar of P-256. About one in 2³² derivations is not a valid scalar; then the next one is used. */
function makeKey(seedOf: (attempt: number) => Uint8Array | undefined) {
  const ecdh = createECDH('prime256v1')
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      ecdh.setPrivateKey(seedOf(attempt) ?? new Uint8Array())
    } catch {
      continue
    }
    const point = ecdh.getPublicKey()
    const members = {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    }
    // RFC 7638 §3.
    const canonical = JSON.stringify({ crv: members.crv, kty: members.kty, x: members.x, y: members.y })
    const kid = hash('sha256', canonical, 'base64url')
    const d = ecdh.getPrivateKey().toString('base64url').padStart(43, 'A')
    return { published: { ...members, kid, use: 'enc' }, jwk: { ...members, d } }
  }
  throw new Error('no valid key could be derived')
}
