/** Authentication by the token of another issuer: a cluster, a build service, or SPIFFE (RFC 7521 §4.2, RFC 7523 §2.2). */

import type { ClientAuthentication } from './authentication.ts'

/**
 * Sends the token that `token` returns as client assertion. It is called for each request, so it can return a new token
 * before the previous one expires. Requests reject with what it throws.
 *
 * @example
 * workloadIdentity(() => readFile('/var/run/secrets/tokens/tessera', 'utf8'))
 */
export const workloadIdentity = (token: () => string | Promise<string>): ClientAuthentication => ({
  method: 'private_key_jwt',
  credentials: async ({ client_id }) => ({
    parameters: {
      client_id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      // Files usually end with a line break.
      client_assertion: (await token()).trim(),
    },
  }),
})
