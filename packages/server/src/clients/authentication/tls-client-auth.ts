/**
 * Mutual TLS (RFC 8705 §2): `tls_client_auth` compares the certificate's subject, `self_signed_tls_client_auth` the
 * certificate.
 */

import type { HttpRequest } from '@tessera/protocol/http'
import { ok, type Refusal, type Result } from '@tessera/protocol/result'
import type { Confirmation } from '../../model/authorization.ts'
import type { Client, JwkSet } from '../../model/client.ts'
import { parseDistinguishedName, subjectOf } from '../../model/distinguished-name.ts'
import { certificateConfirmation, thumbprintOf } from '../../model/jose.ts'
import { shownList, shownValue } from '../../model/masked.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import { type AuthenticationMethod, type Credential, refuseClient } from './method.ts'

/** Compares the subject. The TLS endpoint has verified the chain (RFC 8705 §2.1). */
export const tlsClientAuth: AuthenticationMethod = {
  name: 'tls_client_auth',
  verify: (client, credential, request) =>
    withCertificate(credential, request, certificate => {
      const subject = subjectOf(certificate)
      if (subject === undefined) return refuseClient('client_certificate_malformed')
      const expected = expectedSubject(client)
      return subject === expected
        ? undefined
        : refuseClient('client_certificate_of_another_subject', { expected, received: shownValue(subject) })
    }),
}

/** Compares the certificate with the registered ones, without verifying a chain (RFC 8705 §2.2). */
export const selfSignedTlsClientAuth: AuthenticationMethod = {
  name: 'self_signed_tls_client_auth',
  async verify(client, credential, request, { findKeys }) {
    const { certificate } = request.peer
    const thumbprint = certificate === undefined ? '' : thumbprintOf(certificate)
    const has = (keys: JwkSet) => thumbprintsOf(keys).some(one => equalInConstantTime(one, thumbprint))
    const keys = await findKeys(client, { lacks: set => !has(set) })
    return withCertificate(credential, request, () =>
      has(keys)
        ? undefined
        : refuseClient('client_certificate_not_registered', {
            expected: shownList(thumbprintsOf(keys)),
            received: thumbprint,
          }),
    )
  },
}

function withCertificate(
  credential: Credential,
  { peer: { certificate } }: HttpRequest,
  problemOf: (certificate: string) => Refusal | undefined,
): Result<Confirmation> {
  if (credential.kind !== 'identity') return refuseClient('client_authentication_method_not_registered')
  if (certificate === undefined) return refuseClient('client_certificate_missing')
  return problemOf(certificate) ?? ok(certificateConfirmation(certificate))
}

/** Caches a result for each client or key set. */
const once = <From extends object, Value>(read: (from: From) => Value): ((from: From) => Value) => {
  const known = new WeakMap<From, { readonly value: Value }>()
  return from => {
    const found = known.get(from) ?? { value: read(from) }
    known.set(from, found)
    return found.value
  }
}

const expectedSubject = once(({ tls_client_auth_subject_dn }: Client) =>
  tls_client_auth_subject_dn === undefined ? undefined : parseDistinguishedName(tls_client_auth_subject_dn),
)

/** Returns the thumbprints of the first `x5c` certificate and of `x5t#S256` (RFC 7517 §4.7, §4.9). */
const thumbprintsOf = once(({ keys }: JwkSet) =>
  keys.flatMap(({ x5c, 'x5t#S256': thumbprint }) => [
    ...(Array.isArray(x5c) && typeof x5c[0] === 'string' ? [thumbprintOf(x5c[0])] : []),
    ...(typeof thumbprint === 'string' ? [thumbprint] : []),
  ]),
)
