/**
 * A token of another issuer as client assertion (RFC 7521 §4.2, RFC 7523 §3). It may be used more than once until it
 * expires, because workloads get one token for many requests.
 */

import { ok, type Result } from '@tessera/protocol/result'
import type { JWTPayload } from 'jose'
import type { Client } from '../../model/client.ts'
import { jwtType } from '../../model/jose.ts'
import { matchesSubject, type WorkloadIdentity } from '../../model/workload-identity.ts'
import { refuseClient, type VerificationPorts } from './method.ts'

type Assertion = { readonly jwt: string; readonly iss: unknown; readonly sub: unknown }

/** @param clockTolerance seconds. */
export async function verifyWorkload(
  client: Client,
  { jwt, iss, sub }: Assertion,
  ports: VerificationPorts,
  clockTolerance: number,
): Promise<Result<undefined>> {
  // Before keys are fetched, so that tokens for other workloads cause no work.
  const identity = client.workload_identities.find(
    one => one.issuer === iss && typeof sub === 'string' && matchesSubject(one.subject, sub),
  )
  if (!identity) return refuseClient('workload_identity_unknown')
  const keys = await keysOf(identity, ports)
  if (!keys) return refuseClient('workload_issuer_unavailable')
  const { jwks: _, jwks_uri: __, ...rest } = client
  const verified = await ports.verifySignature({ ...rest, ...keys }, jwt, {
    alg: identity.signing_alg,
    clockTolerance,
    currentDate: new Date(ports.clock.now() * 1000),
  })
  if (!verified.ok) return refuseClient('client_assertion_invalid', { error_code: verified.code })
  // RFC 8725 §3.11: reject JWTs made for another purpose, such as access tokens.
  if (jwtType(verified.protectedHeader.typ) !== 'jwt') return refuseClient('client_assertion_type_wrong')
  const reason = claimsProblem(verified.payload, identity, ports, clockTolerance)
  return reason === undefined ? ok(undefined) : refuseClient(reason)
}

async function keysOf(
  { issuer, jwks, jwks_uri }: WorkloadIdentity,
  { findIssuerKeysUri }: VerificationPorts,
): Promise<Pick<Client, 'jwks' | 'jwks_uri'> | undefined> {
  if (jwks) return { jwks }
  const uri = jwks_uri ?? (await findIssuerKeysUri(issuer))
  return uri === undefined ? undefined : { jwks_uri: uri }
}

/** Checks audience and lifetime; jose has already checked `exp` and `nbf`. */
function claimsProblem(
  { aud, exp, iat }: JWTPayload,
  { audience, max_lifetime }: WorkloadIdentity,
  { issuer, clock }: VerificationPorts,
  clockTolerance: number,
): string | undefined {
  // Alone: the other recipients of a token could use it here.
  const named = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
  if (named !== (audience ?? issuer)) return 'client_assertion_audience_wrong'
  const now = clock.now()
  if (exp === undefined) return 'client_assertion_without_end'
  if (exp > now + max_lifetime + clockTolerance) return 'client_assertion_lives_too_long'
  return iat !== undefined && iat > now + clockTolerance ? 'client_assertion_from_the_future' : undefined
}
