/** DPoP (RFC 9449) as a proof of the client library, written for tests with nothing but its public interface. */

import { randomUUID } from 'node:crypto'
import type { Proof } from '@tessera/client'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'

export type Dpop = Proof & {
  /** The thumbprint of the key, which bound tokens contain (§6.1). */
  readonly jkt: string
  /** Forgets the nonces, as after a restart. */
  readonly forget: () => void
}

/** Creates a key, and proofs with it. Nonces are remembered for each server (§8, §9). */
export async function createDpop(): Promise<Dpop> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const jkt = await calculateJwkThumbprint(jwk)
  const nonces = new Map<string, string>()

  return {
    jkt,
    forget: () => nonces.clear(),
    tokenType: 'DPoP',
    authorizationParameters: async () => ({ dpop_jkt: jkt }),
    async headers({ method, url, accessToken }) {
      const { origin, pathname } = new URL(url)
      const nonce = nonces.get(origin)
      const claims = {
        jti: randomUUID(),
        htm: method,
        // §4.2: without query and fragment.
        htu: `${origin}${pathname}`,
        ...(nonce !== undefined && { nonce }),
        ...(accessToken !== undefined && { ath: await sha256(accessToken) }),
      }
      const header = { typ: 'dpop+jwt', alg: 'ES256', jwk }
      return { dpop: await new SignJWT(claims).setProtectedHeader(header).setIssuedAt().sign(privateKey) }
    },
    received({ url }, { status, headers, body = '' }) {
      const { origin } = new URL(url)
      const nonce = headers.get('dpop-nonce')
      if (nonce !== null) nonces.set(origin, nonce)
      const refusal = status === 401 ? `${headers.get('www-authenticate')} ${body}` : body
      return nonce !== null && (status === 400 || status === 401) && refusal.includes('use_dpop_nonce')
    },
  }
}

const sha256 = async (text: string): Promise<string> =>
  Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('base64url')
