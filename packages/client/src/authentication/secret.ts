/** Authentication by the client's secret in the request, or by none (RFC 6749 §2.3.1, OpenID Connect Core 1.0 §9). */

import type { ClientAuthentication } from './authentication.ts'

/**
 * Sends id and secret in the `Authorization` header. Both are form-encoded first (RFC 6749 §2.3.1), so any character
 * works, including the colon.
 * @throws TypeError if the secret is empty.
 */
export function clientSecretBasic(secret: string): ClientAuthentication {
  requireSecret(secret)
  return {
    method: 'client_secret_basic',
    credentials: ({ client_id }) => ({
      headers: { authorization: `Basic ${btoa(`${formEncode(client_id)}:${formEncode(secret)}`)}` },
    }),
  }
}

/**
 * Sends id and secret in the body.
 * @throws TypeError if the secret is empty.
 */
export function clientSecretPost(secret: string): ClientAuthentication {
  requireSecret(secret)
  return {
    method: 'client_secret_post',
    credentials: ({ client_id }) => ({ parameters: { client_id, client_secret: secret } }),
  }
}

/** An environment variable that is not set would otherwise lead to `invalid_client`, as a wrong secret does. */
function requireSecret(secret: string): void {
  if (typeof secret !== 'string' || secret === '')
    throw new TypeError('the client secret is empty; is its environment variable set?')
}

/** Sends only the id: for public clients, which can't keep a secret. */
export const noAuthentication = (): ClientAuthentication => ({
  method: 'none',
  credentials: ({ client_id }) => ({ parameters: { client_id } }),
})

/** Encodes text as `application/x-www-form-urlencoded` does (RFC 6749 appendix B). */
const formEncode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
