/** Mutual TLS (RFC 8705 §2): `tls_client_auth` by the certificate's subject, `self_signed_tls_client_auth` by the certificate itself. */

import type { HttpRequest } from '@tessera/protocol/http'
import { ok, type Result } from '@tessera/protocol/result'
import type { Confirmation } from '../core/authorization.ts'
import { certificateConfirmation, equalInConstantTime, thumbprintOf } from '../core/certificate.ts'
import type { Client } from '../core/client.ts'
import { parseDistinguishedName, subjectOf } from './distinguished-name.ts'
import { type AuthenticationMethod, type Credential, refuseClient } from './method.ts'

/** RFC 8705 §2.1: whoever ends TLS has verified the chain; the subject says which client it is. */
export const tlsClientAuth: AuthenticationMethod = {
  name: 'tls_client_auth',
  verify: (client, credential, request) =>
    withCertificate(credential, request, certificate => {
      const subject = subjectOf(certificate)
      if (subject === undefined) return 'client_certificate_malformed'
      return subject === expectedSubject(client) ? undefined : 'client_certificate_of_another_subject'
    }),
}

/** RFC 8705 §2.2: no chain is verified; the certificate is one of those in the client's `jwks`. */
export const selfSignedTlsClientAuth: AuthenticationMethod = {
  name: 'self_signed_tls_client_auth',
  verify: (client, credential, request) =>
    withCertificate(credential, request, certificate => {
      const thumbprint = thumbprintOf(certificate)
      const known = registeredThumbprints(client).some(one => equalInConstantTime(one, thumbprint))
      return known ? undefined : 'client_certificate_not_registered'
    }),
}

function withCertificate(
  credential: Credential,
  { peer: { certificate } }: HttpRequest,
  fault: (certificate: string) => string | undefined,
): Result<Confirmation> {
  if (credential.kind !== 'identity') return refuseClient('client_authentication_method_not_registered')
  if (certificate === undefined) return refuseClient('client_certificate_missing')
  const reason = fault(certificate)
  return reason === undefined ? ok(certificateConfirmation(certificate)) : refuseClient(reason)
}

/** Read once for each client. */
const once = <Value>(read: (client: Client) => Value): ((client: Client) => Value) => {
  const known = new WeakMap<Client, { readonly value: Value }>()
  return client => {
    const found = known.get(client) ?? { value: read(client) }
    known.set(client, found)
    return found.value
  }
}

const expectedSubject = once(({ tls_client_auth_subject_dn }) =>
  tls_client_auth_subject_dn === undefined ? undefined : parseDistinguishedName(tls_client_auth_subject_dn),
)

/** RFC 7517 §4.7, §4.9: the first of `x5c` is the certificate; `x5t#S256` its thumbprint. */
const registeredThumbprints = once(({ jwks }) =>
  (jwks?.keys ?? []).flatMap(({ x5c, 'x5t#S256': thumbprint }) => [
    ...(Array.isArray(x5c) && typeof x5c[0] === 'string' ? [thumbprintOf(x5c[0])] : []),
    ...(typeof thumbprint === 'string' ? [thumbprint] : []),
  ]),
)
