/** The ways of client authentication that there are (RFC 7591 §2, `token_endpoint_auth_method`). */

import type { ClientAuthenticationMethod } from '@tessera/protocol/client-authentication'
import { clientSecretBasic } from './client-secret-basic.ts'
import { clientSecretPost } from './client-secret-post.ts'
import type { AuthenticationMethod } from './method.ts'
import { none } from './none.ts'
import { privateKeyJwt } from './private-key-jwt.ts'
import { selfSignedTlsClientAuth, tlsClientAuth } from './tls-client-auth.ts'

export const methods = [
  clientSecretBasic,
  clientSecretPost,
  privateKeyJwt,
  tlsClientAuth,
  selfSignedTlsClientAuth,
  none,
] as const satisfies readonly AuthenticationMethod[]

/** What discovery lists (RFC 8414 §2): certificates only where somebody ends TLS for us and hands them on. */
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
