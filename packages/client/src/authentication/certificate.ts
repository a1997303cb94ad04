/** Authentication by a certificate in the TLS connection (RFC 8705 §2). */

import type { ClientAuthentication } from './authentication.ts'

/**
 * Sends only the id; the certificate is that of the connection, so pass a `fetch` to `createClient` that presents it.
 * Requests go to the endpoints for mutual TLS if the server has some (`mtls_endpoint_aliases`, RFC 8705 §5).
 */
export const tlsClientAuth = (
  options: {
    /** The certificate has no issuer that the server trusts: the server knows it by the client's keys (RFC 8705 §2.2). */
    readonly selfSigned?: boolean
  } = {},
): ClientAuthentication => ({
  method: options.selfSigned ? 'self_signed_tls_client_auth' : 'tls_client_auth',
  mtls: true,
  credentials: ({ client_id }) => ({ parameters: { client_id } }),
})
