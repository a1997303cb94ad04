/** Authentication by a signed assertion (RFC 7523 §2.2, §3; OpenID Connect Core 1.0 §9). */

import type { Seconds } from '@tessera/protocol/brand'
import type { ServerMetadata } from '../discovery/metadata.ts'
import type { SecretAlgorithm } from '../jwt/algorithms.ts'
import { encodeBase64url } from '../jwt/base64url.ts'
import { signJwt } from '../jwt/sign.ts'
import {
  importSecret,
  importSigningKey,
  type PrivateKey,
  type SigningKey,
  type SigningKeyOptions,
} from '../jwt/signing-key.ts'
import type { AuthenticationRequest, ClientAuthentication, Credentials } from './authentication.ts'

/** The content of client assertions. */
export type AssertionOptions = {
  /**
   * The recipient that the assertion names: the issuer by default (draft-ietf-oauth-rfc7523bis §4), the
   * token endpoint for servers that require it, or any other text.
   */
  readonly audience?: 'issuer' | 'token_endpoint' | (string & {}) | undefined
  /** Seconds until the assertion expires; the default is 60. A new one is signed for each request. */
  readonly lifetime?: Seconds | undefined
  /** The type in its header; the default is `JWT`. Some servers require `client-authentication+jwt`. */
  readonly typ?: string | undefined
}

/**
 * Signs an assertion with the client's private key: a `CryptoKey`, a JWK, or PKCS#8 as PEM. The server knows the public
 * key. Requests throw TypeError if the key can't be used, because it never will be.
 */
export function privateKeyJwt(
  key: PrivateKey,
  options: AssertionOptions & SigningKeyOptions = {},
): ClientAuthentication {
  return byAssertion('private_key_jwt', () => importSigningKey(key, options), options)
}

/**
 * Signs an assertion with the client's secret, which is never sent. Requests throw TypeError if the secret is shorter
 * than the hash (RFC 7518 §3.2): 32 bytes for HS256, which is the default.
 */
export function clientSecretJwt(
  secret: string,
  options: AssertionOptions & { readonly alg?: SecretAlgorithm | undefined } = {},
): ClientAuthentication {
  return byAssertion('client_secret_jwt', () => importSecret(secret, options.alg ?? 'HS256'), options)
}

function byAssertion(
  method: string,
  importKey: () => Promise<SigningKey>,
  options: AssertionOptions,
): ClientAuthentication {
  let key: Promise<SigningKey> | undefined
  return {
    method,
    async credentials(request) {
      key ??= importKey()
      return assertionOf(request, await key, options)
    },
  }
}

async function assertionOf(
  { client_id, metadata, url, now }: AuthenticationRequest,
  key: SigningKey,
  { audience = 'issuer', lifetime = 60, typ = 'JWT' }: AssertionOptions,
): Promise<Credentials> {
  const aud =
    audience === 'issuer'
      ? metadata.issuer
      : audience === 'token_endpoint'
        ? tokenEndpointFor(url, metadata)
        : audience
  // The id makes each assertion different, so that a server can accept it once.
  const jti = encodeBase64url(crypto.getRandomValues(new Uint8Array(16)))
  const claims = { iss: client_id, sub: client_id, aud, jti, iat: now, exp: now + lifetime }
  return {
    parameters: {
      client_id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await signJwt(claims, key, { typ }),
    },
  }
}

/**
 * Returns the token endpoint, or the endpoint of the request if that has another origin: metadata could name the token
 * endpoint of another server, at which the receiver of the assertion could use it.
 */
const tokenEndpointFor = (url: string, { token_endpoint = url }: ServerMetadata): string =>
  new URL(token_endpoint).origin === new URL(url).origin ? token_endpoint : url
