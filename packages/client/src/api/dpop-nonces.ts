/** Nonces for DPoP proofs that need no storage (RFC 9449 §9): each is the MAC of the minute in which it is current. */

import type { Seconds } from '@tessera/protocol/brand'
import { encodeBase64url } from '../jwt/base64url.ts'

/** How long a nonce is current. */
const period: Seconds = 60
/** How many older nonces are accepted. */
const accepted = 4

export type DpopNonces = {
  readonly current: () => Promise<string>
  readonly isAccepted: (nonce: unknown) => Promise<boolean>
}

/**
 * Creates the nonces of an API. Processes with the same secret accept each other's.
 * @throws TypeError if the secret is shorter than 32 characters.
 */
export function createDpopNonces(secret: string, now: () => Seconds): DpopNonces {
  if (secret.length < 32) throw new TypeError('nonceSecret is shorter than 32 characters')
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const utf8 = (text: string) => new TextEncoder().encode(text)
  const key = () => crypto.subtle.importKey('raw', utf8(secret), hmac, false, ['sign'])
  let imported: ReturnType<typeof key> | undefined

  async function nonceOf(minute: number): Promise<string> {
    imported ??= key()
    const mac = await crypto.subtle.sign(hmac, await imported, utf8(`dpop nonce ${minute}`))
    return encodeBase64url(new Uint8Array(mac))
  }
  const minute = (): number => Math.floor(now() / period)

  return {
    current: () => nonceOf(minute()),
    async isAccepted(nonce) {
      for (let age = 0; age <= accepted; age++) if (nonce === (await nonceOf(minute() - age))) return true
      return false
    },
  }
}
