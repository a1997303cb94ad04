/**
 * Mutual TLS (RFC 8705 §2): `tls_client_auth` compares the certificate's subject, `self_signed_tls_client_auth` the
 * certificate.
 */

import { X509Certificate } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { ok, type Refusal, type Result } from '@tessera/protocol/result'
import type { Confirmation } from '../../model/authorization.ts'
import type { Client, JwkSet } from '../../model/client.ts'
import { parseDistinguishedName, subjectOf } from '../../model/distinguished-name.ts'
import { certificateConfirmation, thumbprintOf } from '../../model/jose.ts'
import { shownList, shownValue } from '../../model/masked.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import { type AuthenticationMethod, type Credential, refuseClient, refuseUnchecked } from './method.ts'

/** Tolerated difference between the clocks of the server and of the authority. */
const clockTolerance: Seconds = 60

/** Compares the subject. The TLS endpoint has verified the chain (RFC 8705 §2.1). */
export const tlsClientAuth: AuthenticationMethod = {
  name: 'tls_client_auth',
  verify: (client, credential, request, { clock }) =>
    withCertificate(credential, request, clock.now(), certificate => {
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
  async verify(client, credential, request, { findKeys, clock }) {
    const { certificate } = request.peer
    const thumbprint = certificate === undefined ? '' : thumbprintOf(certificate)
    const has = (keys: JwkSet) => thumbprintsOf(keys).some(one => equalInConstantTime(one, thumbprint))
    // A request without a certificate causes no fetch.
    const keys = certificate === undefined ? undefined : await findKeys(client, { lacks: set => !has(set) })
    return withCertificate(credential, request, clock.now(), () => {
      if (!keys) return refuseUnchecked('client_keys_unavailable')
      return has(keys)
        ? undefined
        : refuseClient('client_certificate_not_registered', {
            expected: shownList(thumbprintsOf(keys)),
            received: thumbprint,
          })
    })
  },
}

function withCertificate(
  credential: Credential,
  { peer: { certificate } }: HttpRequest,
  now: Seconds,
  problemOf: (certificate: X509Certificate) => Refusal | undefined,
): Result<Confirmation> {
  if (credential.kind !== 'identity') return refuseClient('client_authentication_method_not_registered')
  if (certificate === undefined) return refuseClient('client_certificate_missing')
  const read = readCertificate(certificate)
  if (!read) return refuseClient('client_certificate_malformed')
  return problemOf(read) ?? expiryProblem(read, now) ?? ok(certificateConfirmation(certificate))
}

function readCertificate(certificate: string): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(certificate, 'base64'))
  } catch {
    return undefined
  }
}

/** Proxies that forward certificates unverified don't check this (RFC 5280 §4.1.2.5). */
function expiryProblem({ validTo }: X509Certificate, now: Seconds): Refusal | undefined {
  const expiresAt: Seconds = Date.parse(validTo) / 1000
  return expiresAt > now - clockTolerance
    ? undefined
    : refuseClient('client_certificate_expired', { expected: 'a valid certificate', received: validTo })
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
