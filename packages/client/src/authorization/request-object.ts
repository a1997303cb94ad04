/** Request objects (RFC 9101): the parameters as a JWT, which the browser can't change, or also can't read. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Client } from '../create-client.ts'
import { issuerEncryptionKeys } from '../discovery/keys.ts'
import { ClientError } from '../error.ts'
import type { FormParameters } from '../http/form.ts'
import type { ContentEncryption } from '../jwt/content-encryption.ts'
import { encryptJwt } from '../jwt/encryption.ts'
import { importEncryptionKey, type KeyEncryption } from '../jwt/key-encryption.ts'
import { signJwt } from '../jwt/sign.ts'
import {
  importSigningKey,
  type PrivateKey,
  type SigningKey,
  type SigningKeyOptions,
} from '../jwt/signing-key.ts'
import { fail, ok, type Result } from '../result.ts'
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

/** Returns the parameters with an encrypted request object in place of a signed one. */
export type EncryptRequest = (client: Client, parameters: FormParameters) => Promise<Result<FormParameters>>

/** The encryption of request objects; the server's metadata lists what it supports. */
export type RequestEncryptionOptions = {
  /** The default is `ECDH-ES`. */
  readonly alg?: KeyEncryption | undefined
  /** The default is `A256GCM`. */
  readonly enc?: ContentEncryption | undefined
}

/**
 * Encrypts signed requests for the server (RFC 9101 §6.1), with the key for encryption in its key set. Requests fail with
 * `unsupported` if the server has no such key, or does not list the algorithms.
 */
export const encryptedRequests =
  ({ alg = 'ECDH-ES', enc = 'A256GCM' }: RequestEncryptionOptions = {}): EncryptRequest =>
  async ({ issuer }, { request, ...others }) => {
    const metadata = await issuer.metadata()
    if (!metadata.ok) return metadata
    const {
      request_object_encryption_alg_values_supported: algorithms,
      request_object_encryption_enc_values_supported: encodings,
    } = metadata.value
    if (algorithms?.includes(alg) === false || encodings?.includes(enc) === false)
      return unsupported(`${issuer.url} does not support requests that are encrypted with ${alg} and ${enc}`)
    const found = await issuerEncryptionKeys(issuer).find({ alg })
    if (!found.ok) return found
    for (const jwk of found.value) {
      const key = await importEncryptionKey(jwk, alg, 'public')
      if (key)
        return ok({ ...others, request: await encryptJwt(`${request}`, { key, kid: jwk.kid }, { alg, enc }) })
    }
    return unsupported(`${issuer.url} has no key to encrypt requests for with ${alg}`)
  }

const unsupported = (message: string): Result<never> =>
  fail(new ClientError('unsupported', 'request_encryption_unsupported', message))
