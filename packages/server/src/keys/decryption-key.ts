/** The key that clients encrypt request objects for (RFC 9101 §6.1, OpenID Connect Core 1.0 §10.2): derived, so that every node has it and none stores it. */

import { createECDH, hash } from 'node:crypto'
import { contentEncryptionAlgorithms } from '../model/client.ts'
import type { Decryption, DerivedKeys } from '../model/keys.ts'
import { requestEncryptionAlgorithms } from '../model/keys.ts'

/** Made when first used. */
export function createDecryption(derived: DerivedKeys): Decryption {
  let made: ReturnType<typeof makeKey> | undefined
  const key = () => {
    made ??= makeKey(derived)
    return made
  }

  return {
    jwk: () => key().published,
    async decrypt(jwe) {
      // Loaded when first used: few clients encrypt what they ask.
      const { compactDecrypt, importJWK } = await import('jose')
      try {
        const { plaintext, protectedHeader } = await compactDecrypt(
          jwe,
          await importJWK(key().jwk, 'ECDH-ES'),
          {
            keyManagementAlgorithms: [...requestEncryptionAlgorithms],
            contentEncryptionAlgorithms: [...contentEncryptionAlgorithms],
            // RFC 8725 §3.6: nothing compressed is opened, so nothing grows.
            maxDecompressedLength: 0,
          },
        )
        return {
          text: new TextDecoder().decode(plaintext),
          alg: protectedHeader.alg,
          enc: protectedHeader.enc,
        }
      } catch {
        return undefined
      }
    },
  }
}

/** A scalar of P-256; one in 2³² derivations is none, and the next is taken. */
function makeKey(derived: DerivedKeys) {
  const ecdh = createECDH('prime256v1')
  for (let attempt = 0; ; attempt++) {
    try {
      ecdh.setPrivateKey(derived.derive(`request object encryption ${attempt}`))
    } catch {
      continue
    }
    const point = ecdh.getPublicKey()
    const members = {
      ...{ kty: 'EC', crv: 'P-256' },
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    }
    // RFC 7638 §3.
    const canonical = JSON.stringify({ crv: members.crv, kty: members.kty, x: members.x, y: members.y })
    const kid = hash('sha256', canonical, 'base64url')
    const d = ecdh.getPrivateKey().toString('base64url').padStart(43, 'A')
    return { published: { ...members, kid, use: 'enc' }, jwk: { ...members, d } }
  }
}
