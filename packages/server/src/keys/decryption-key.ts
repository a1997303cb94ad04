/** The key that clients encrypt request objects with (RFC 9101 §6.1, OpenID Connect Core 1.0 §10.2). It is derived from the master key, so it is not stored. */

import { createECDH, hash } from 'node:crypto'
import { contentEncryptionAlgorithms } from '../model/client.ts'
import type { Decryption, DerivedKeys } from '../model/keys.ts'
import { requestEncryptionAlgorithms } from '../model/keys.ts'

/** Creates the key on first use. */
export function createDecryption(derived: DerivedKeys): Decryption {
  let made: ReturnType<typeof makeKey> | undefined
  const key = () => {
    made ??= makeKey(derived)
    return made
  }

  return {
    jwk: () => key().published,
    async decrypt(jwe) {
      // Loaded on first use, because few clients encrypt requests.
      const { compactDecrypt, importJWK } = await import('jose')
      try {
        const { plaintext, protectedHeader } = await compactDecrypt(
          jwe,
          await importJWK(key().jwk, 'ECDH-ES'),
          {
            keyManagementAlgorithms: [...requestEncryptionAlgorithms],
            contentEncryptionAlgorithms: [...contentEncryptionAlgorithms],
            // RFC 8725 §3.6: rejects compressed content, which could expand to any size.
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

/** Derives a scalar of P-256. About one in 2³² derivations is not a valid scalar; then the next one is used. */
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
}
