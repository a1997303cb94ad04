/** Signed request objects (RFC 9101): the parameters as a JWT, which the browser can't change. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Client } from '../create-client.ts'
import type { FormParameters } from '../http/form.ts'
import { signJwt } from '../jwt/sign.ts'
import {
  importSigningKey,
  type PrivateKey,
  type SigningKey,
  type SigningKeyOptions,
} from '../jwt/signing-key.ts'
import { randomText } from './random.ts'

/** Returns the parameters to send instead of others. */
export type SignRequest = (client: Client, parameters: FormParameters) => Promise<FormParameters>

export type RequestObjectOptions = SigningKeyOptions & {
  /** Seconds until the request expires; the default is 300. */
  readonly lifetime?: Seconds | undefined
}

/**
 * Signs authorization requests. The object has the type of RFC 9101 §10.8, and `nbf` as FAPI 2.0 Message Signing §5.3.1
 * requires. Requests throw TypeError if the key can't be used.
 * @param key a private key of the client, of which the server knows the public half.
 */
export function signedRequests(key: PrivateKey, options: RequestObjectOptions = {}): SignRequest {
  const { lifetime = 300, ...keyOptions } = options
  let imported: Promise<SigningKey> | undefined

  return async ({ client_id, issuer }, parameters) => {
    imported ??= importSigningKey(key, keyOptions)
    const { claims, max_age, ...others } = parameters
    const now = Math.floor(issuer.now())
    const signed = {
      ...others,
      // OpenID Connect Core 1.0 §6.1: numbers and JSON are not strings in the object.
      max_age: max_age === undefined ? undefined : Number(max_age),
      claims: typeof claims === 'string' ? JSON.parse(claims) : undefined,
      iss: client_id,
      aud: issuer.url,
      jti: randomText(),
      iat: now,
      nbf: now,
      exp: now + lifetime,
    }
    const request = await signJwt(signed, await imported, { typ: 'oauth-authz-req+jwt' })
    // OpenID Connect Core 1.0 §6.1: servers that ignore the type require these beside the object as well.
    const { response_type, scope } = parameters
    return { client_id, response_type, scope, request }
  }
}
