/** Encrypts responses for a key of the client (RFC 7516, OpenID Connect Core 1.0 §10.2). */

import type { Client, ContentEncryption, JwkSet, KeyEncryption } from '../../model/client.ts'
import { StoreUnavailable } from '../../runtime/ports.ts'
import type { FindKeys } from './jwks.ts'

type Encryption = { readonly alg: KeyEncryption; readonly enc: ContentEncryption }

/** The kind of content: a signed JWT (nested, RFC 7519 §5.2), or JSON. */
type EncryptionContent = 'JWT' | 'json'

/**
 * Returns a compact JWE. Throws `StoreUnavailable` (503) if the client has no suitable key, because the content must
 * not be sent unencrypted.
 */
export type EncryptForClient = (
  client: Client,
  encryption: Encryption,
  text: string,
  content: EncryptionContent,
) => Promise<string>

export const createClientEncryption =
  (findKeys: FindKeys): EncryptForClient =>
  async (client, { alg, enc }, text, content) => {
    const lacks = (keys: JwkSet) => keyFor(alg, keys) === undefined
    const keys = await findKeys(client, { lacks })
    if (!keys) throw new StoreUnavailable(`the keys of the client ${client.client_id} can not be fetched now`)
    const jwk = keyFor(alg, keys)
    if (!jwk) throw new StoreUnavailable(`the client ${client.client_id} has no key for ${alg}`)
    // Load on first use, because few clients request encryption.
    const { CompactEncrypt, importJWK } = await import('jose')
    try {
      const key = await importJWK(jwk, alg)
      return await new CompactEncrypt(new TextEncoder().encode(text))
        .setProtectedHeader({
          alg,
          enc,
          kid: typeof jwk.kid === 'string' ? jwk.kid : undefined,
          cty: content === 'JWT' ? 'JWT' : undefined,
        })
        .encrypt(key)
    } catch (cause) {
      throw new StoreUnavailable(`the key of the client ${client.client_id} can not be used`, { cause })
    }
  }

/** The key types of each algorithm (RFC 7518 §4.3, §4.6; RFC 8037 §3.2). */
const fits = {
  RSA: ({ kty }: JwkSet['keys'][number]) => kty === 'RSA',
  ECDH: ({ kty, crv }: JwkSet['keys'][number]) => kty === 'EC' || (kty === 'OKP' && crv === 'X25519'),
} as const

/** Returns a suitable key; one with `use` "enc" takes precedence over one without `use`. */
function keyFor(alg: KeyEncryption, { keys }: JwkSet): JwkSet['keys'][number] | undefined {
  const fit = alg.startsWith('RSA') ? fits.RSA : fits.ECDH
  const usable = keys.filter(
    key =>
      fit(key) && (key.use === undefined || key.use === 'enc') && (key.alg === undefined || key.alg === alg),
  )
  return usable.find(key => key.use === 'enc') ?? usable[0]
}
