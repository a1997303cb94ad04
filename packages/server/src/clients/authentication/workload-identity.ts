/**
 * A token of another issuer as client assertion (RFC 7521 §4.2, RFC 7523 §3). It may be used more than once until it
 * expires, because workloads get one token for many requests.
 */

import { ok, type Refusal, type Result } from '@tessera/protocol/result'
import type { JWTPayload } from 'jose'
import { decodeProtectedHeader } from 'jose/decode/protected_header'
import type { Client } from '../../model/client.ts'
import { jwtType } from '../../model/jose.ts'
import { matchesSubject, type WorkloadIdentity } from '../../model/workload-identity.ts'
import { refuseClient, refuseUnchecked, type VerificationPorts } from './method.ts'

/** JWT-SVID §2.3 allows both. */
const types: readonly (string | undefined)[] = ['jwt', 'jose']

/** A token and some of its claims, which are not verified yet. */
type Assertion = {
  readonly jwt: string
  readonly iss: unknown
  readonly sub: unknown
  readonly aud: unknown
}

/** @param clockTolerance seconds. */
export async function verifyWorkload(
  client: Client,
  assertion: Assertion,
  ports: VerificationPorts,
  clockTolerance: number,
): Promise<Result<undefined>> {
  const { jwt } = assertion
  // Before keys are fetched, so that tokens for other workloads cause no work.
  const identity = identityOf(client, assertion, ports.issuer)
  if (!identity) return refuseClient('workload_identity_unknown')
  const keys = await keysOf(identity, ports)
  if (!keys) return unavailable(identity)
  const { jwks: _, jwks_uri: __, ...rest } = client
  const verified = await ports.verifySignature({ ...rest, ...keys }, jwt, {
    alg: identity.signing_alg,
    clockTolerance,
    currentDate: new Date(ports.clock.now() * 1000),
  })
  if (!verified.ok)
    return verified.unavailable
      ? unavailable(identity)
      : refuseClient('client_assertion_invalid', { error_code: verified.code })
  // RFC 8725 §3.11: reject JWTs made for another purpose, such as access tokens.
  if (!types.includes(jwtType(verified.protectedHeader.typ)))
    return refuseClient('client_assertion_type_wrong')
  const reason = claimsProblem(verified.payload, identity, ports, clockTolerance)
  return reason === undefined ? ok(undefined) : refuseClient(reason)
}

const unavailable = ({ issuer }: WorkloadIdentity): Refusal =>
  refuseUnchecked('workload_issuer_unavailable', { issuer })

/**
 * Returns the workload identity that a token claims. Several may have the issuer and the subject: then the audience and the
 * algorithm decide. If these fit none of them, the first one tells why the token is refused.
 */
function identityOf(
  { workload_identities }: Client,
  { jwt, iss, sub, aud }: Assertion,
  issuer: string,
): WorkloadIdentity | undefined {
  const ofWorkload = workload_identities.filter(
    one => one.issuer === iss && typeof sub === 'string' && matchesSubject(one.subject, sub),
  )
  if (ofWorkload.length < 2) return ofWorkload[0]
  const forAudience = ofWorkload.filter(one => isOnlyAudience(aud, one.audience ?? issuer))
  const alg = algorithmOf(jwt)
  return forAudience.find(one => one.signing_alg === alg) ?? forAudience[0] ?? ofWorkload[0]
}

function algorithmOf(jwt: string): string | undefined {
  try {
    return decodeProtectedHeader(jwt).alg
  } catch {
    return undefined
  }
}

/** Returns whether it is the audience alone: the other recipients of a token could use it here. */
const isOnlyAudience = (aud: unknown, wanted: string): boolean =>
  (Array.isArray(aud) && aud.length === 1 ? aud[0] : aud) === wanted

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
  if (!isOnlyAudience(aud, audience ?? issuer)) return 'client_assertion_audience_wrong'
  const now = clock.now()
  if (exp === undefined) return 'client_assertion_without_end'
  if (exp > now + max_lifetime + clockTolerance) return 'client_assertion_lives_too_long'
  return iat !== undefined && iat > now + clockTolerance ? 'client_assertion_from_the_future' : undefined
}
