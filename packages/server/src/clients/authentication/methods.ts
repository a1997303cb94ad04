/** The client authentication methods that the server implements (RFC 7591 §2, `token_endpoint_auth_method`). */

import type { ClientAuthenticationMethod } from '@tessera/protocol/client-authentication'
import { ok } from '@tessera/protocol/result'
import { clientSecretBasic, clientSecretPost } from './client-secret.ts'
import { type AuthenticationMethod, refuseClient } from './method.ts'
import { privateKeyJwt } from './private-key-jwt.ts'
import { selfSignedTlsClientAuth, tlsClientAuth } from './tls-client-auth.ts'

/** A public client only identifies itself (RFC 6749 §2.1, §3.2.1). */
const none: AuthenticationMethod = {
  name: 'none',
  // Refuses a secret that can't be checked, so that the client's developer does not assume that it was verified.
  verify: (_, credential) =>
    credential.kind === 'identity' ? ok(undefined) : refuseClient('public_client_sent_credential'),
}

export const methods = [
  clientSecretBasic,
  clientSecretPost,
  privateKeyJwt,
  tlsClientAuth,
  selfSignedTlsClientAuth,
  none,
] as const satisfies readonly AuthenticationMethod[]

/**
 * Returns the methods for discovery (RFC 8414 §2), with mutual TLS only if this server receives client certificates.
 */
export const authenticationMethodsOf = ({
  mtls,
}: {
  readonly mtls?: object
}): readonly ClientAuthenticationMethod[] =>
  methods.map(method => method.name).filter(name => mtls !== undefined || !certificateMethods.has(name))

const certificateMethods: ReadonlySet<ClientAuthenticationMethod> = new Set([
  tlsClientAuth.name,
  selfSignedTlsClientAuth.name,
])
