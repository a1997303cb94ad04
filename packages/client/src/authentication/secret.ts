/** Authentication by the client's secret in the request, or by none (RFC 6749 §2.3.1, OpenID Connect Core 1.0 §9). */

import type { ClientAuthentication } from './authentication.ts'

/**
 * Sends id and secret in the `Authorization` header. Both are form-encoded first (RFC 6749 §2.3.1), so any character
 * works, including the colon.
 */
export const clientSecretBasic = (secret: string): ClientAuthentication => ({
  method: 'client_secret_basic',
  credentials: ({ client_id }) => ({
    headers: { authorization: `Basic ${btoa(`${formEncode(client_id)}:${formEncode(secret)}`)}` },
  }),
})

/** Sends id and secret in the body. */
export const clientSecretPost = (secret: string): ClientAuthentication => ({
  method: 'client_secret_post',
  credentials: ({ client_id }) => ({ parameters: { client_id, client_secret: secret } }),
})

/** Sends only the id: for public clients, which can't keep a secret. */
export const noAuthentication = (): ClientAuthentication => ({
  method: 'none',
  credentials: ({ client_id }) => ({ parameters: { client_id } }),
})

/** Encodes text as `application/x-www-form-urlencoded` does (RFC 6749 appendix B). */
const formEncode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
