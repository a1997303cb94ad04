/** `private_key_jwt`: an assertion signed with the client's key (RFC 7523 §2.2, §3; OpenID Connect Core 1.0 §9). */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { JWTPayload } from 'jose'
import { decodeJwt } from 'jose/jwt/decode'
import type { Client } from '../../model/client.ts'
import { hashHandle } from '../../model/handle.ts'
import { jwtType, rememberUntil } from '../../model/jose.ts'
import { shownValue } from '../../model/masked.ts'
import type { VerifiedSignature } from '../keys/signature.ts'
import {
  type AuthenticationMethod,
  type Credential,
  refuseClient,
  refuseUnchecked,
  type VerificationPorts,
} from './method.ts'
import { verifyWorkload } from './workload-identity.ts'

export const clientAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Tolerated clock difference of clients (seconds). */
const clockTolerance = 60
const maxJtiLength = 256

/** Returns the maximum time for which the id of an assertion is stored. */
export const maxRetention = (maxLifetime: Seconds): Seconds =>
  rememberUntil(maxLifetime + clockTolerance, clockTolerance)

/** Reasons for refusing assertions that were signed with the client's key. These are not guesses. */
export const signedReasons: ReadonlySet<string> = new Set([
  ...['client_assertion_identity_mismatch', 'client_assertion_audience_wrong', 'client_assertion_type_wrong'],
  ...['client_assertion_without_end', 'client_assertion_lives_too_long', 'client_assertion_from_the_future'],
  ...['client_assertion_without_id', 'client_assertion_replayed'],
])

/** Assertions with this type must have the issuer alone as audience (draft-ietf-oauth-rfc7523bis §4). */
const strictType = 'client-authentication+jwt'

export const privateKeyJwt: AuthenticationMethod = {
  name: 'private_key_jwt',
  async verify(client, credential, request, ports) {
    if (credential.kind === 'assertion' && client.workload_identities.length > 0) {
      const { assertion: jwt } = credential
      const parties = assertionParties(jwt)
      if (parties?.iss !== client.client_id) {
        const { iss, sub, aud } = parties ?? {}
        return verifyWorkload(client, { jwt, iss, sub, aud }, ports, clockTolerance)
      }
    }
    const verified = await verifyAssertion(client, credential, ports)
    if (!verified.ok) return verified
    const { payload, protectedHeader } = verified.value
    const reason =
      identityProblem(payload, client) ??
      audienceProblem(payload, jwtType(protectedHeader.typ), request, client, ports) ??
      lifetimeProblem(payload, client, ports)
    if (reason !== undefined) return refuseClient(reason, valuesOf(reason, payload, client, ports))
    return redeemJwtId(payload, client, request, ports)
  },
}

/** Returns the unverified issuer, subject and audience of an assertion, to find the client whose keys verify it. */
export function assertionParties(
  assertion: string,
): { readonly iss: unknown; readonly sub: string; readonly aud: unknown } | undefined {
  try {
    const { iss, sub, aud } = decodeJwt(assertion)
    return typeof sub === 'string' && sub !== '' ? { iss, sub, aud } : undefined
  } catch {
    return undefined
  }
}

async function verifyAssertion(
  client: Client,
  credential: Credential,
  { clock, verifySignature }: VerificationPorts,
): Promise<Result<Extract<VerifiedSignature, { ok: true }>>> {
  if (credential.kind !== 'assertion') return refuseClient('client_assertion_missing')
  const verified = await verifySignature(client, credential.assertion, {
    alg: client.token_endpoint_auth_signing_alg,
    clockTolerance,
    currentDate: new Date(clock.now() * 1000),
  })
  if (verified.ok) return ok(verified)
  return verified.unavailable
    ? refuseUnchecked('client_keys_unavailable')
    : refuseClient('client_assertion_invalid', { error_code: verified.code })
}

/** Requires `iss` and `sub` to be the client (RFC 7523 §3 (1, 2), OpenID Connect Core 1.0 §9). */
const identityProblem = ({ iss, sub }: JWTPayload, { client_id }: Client): string | undefined =>
  iss === client_id && sub === client_id ? undefined : 'client_assertion_identity_mismatch'

/**
 * Requires every audience to be the issuer, the token endpoint or the requested endpoint (RFC 7523 §3 (3), RFC 9126
 * §2). Otherwise another recipient could reuse the assertion here. FAPI 2.0 §5.3.2.1 requires the issuer alone, as a
 * string.
 */
function audienceProblem(
  { aud }: JWTPayload,
  type: string | undefined,
  { path }: HttpRequest,
  { client_assertion_audience }: Client,
  { issuer, mtlsBase, clientAssertions }: VerificationPorts,
): string | undefined {
  // RFC 8725 §3.11: reject JWTs made for another purpose, such as request objects and DPoP proofs.
  if (type !== 'jwt' && type !== strictType) return 'client_assertion_type_wrong'
  const wanted = type === strictType ? 'issuer' : (client_assertion_audience ?? clientAssertions.audience)
  if (wanted === 'issuer') return aud === issuer ? undefined : 'client_assertion_audience_wrong'
  const ours: readonly unknown[] = [
    issuer,
    ...[issuer, mtlsBase].flatMap(base => [`${base}${tokenPath}`, new URL(base).origin + path]),
  ]
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return named.length > 0 && named.every(one => ours.includes(one))
    ? undefined
    : 'client_assertion_audience_wrong'
}

const tokenPath = '/connect/token'

/** Returns what was expected of a signed assertion and what it contains, for the log. */
function valuesOf(
  reason: string,
  { iss, sub, aud, exp = 0, iat = 0 }: JWTPayload,
  { client_id, client_assertion_max_lifetime }: Client,
  { issuer, clock, clientAssertions }: VerificationPorts,
): { readonly expected?: string; readonly received?: string } {
  const now = clock.now()
  const values: Readonly<Record<string, readonly [expected: string, received: string]>> = {
    client_assertion_identity_mismatch: [`iss and sub ${client_id}`, JSON.stringify({ iss, sub })],
    client_assertion_audience_wrong: [`aud ${issuer}`, `aud ${JSON.stringify(aud)}`],
    client_assertion_lives_too_long: [
      `exp at most ${client_assertion_max_lifetime ?? clientAssertions.maxLifetime} s from now`,
      `exp ${exp - now} s from now`,
    ],
    client_assertion_from_the_future: [
      `iat at most ${clockTolerance} s from now`,
      `iat ${iat - now} s from now`,
    ],
  }
  const [expected, received] = values[reason] ?? []
  return expected === undefined || received === undefined ? {} : { expected, received: shownValue(received) }
}

/** Checks the lifetime; jose has already checked `exp` and `nbf`. */
function lifetimeProblem(
  { exp, iat }: JWTPayload,
  { client_assertion_max_lifetime }: Client,
  { clock, clientAssertions }: VerificationPorts,
): string | undefined {
  const now = clock.now()
  const maxLifetime = client_assertion_max_lifetime ?? clientAssertions.maxLifetime
  if (exp === undefined) return 'client_assertion_without_end'
  if (exp > now + maxLifetime + clockTolerance) return 'client_assertion_lives_too_long'
  return iat !== undefined && iat > now + clockTolerance ? 'client_assertion_from_the_future' : undefined
}

/** Redeems the `jti`, which is required (RFC 7523 §3 (7), OpenID Connect Core 1.0 §9). */
async function redeemJwtId(
  { jti, exp = 0 }: JWTPayload,
  client: Client,
  request: HttpRequest,
  { usedAssertions, countAssertion, clock }: VerificationPorts,
): Promise<Result<undefined>> {
  if (typeof jti !== 'string' || jti === '' || jti.length > maxJtiLength)
    return refuseClient('client_assertion_without_id')
  const expires_at = rememberUntil(exp, clockTolerance)
  const counted = await countAssertion(client, request, expires_at - clock.now())
  if (!counted.ok)
    return refuse('temporarily_unavailable', 'client_assertions_too_often', {
      description: 'too many client assertions; use an access token until it expires',
      retry_after: counted.wait,
    })
  let first = false
  try {
    first = await usedAssertions.add({
      hash: hashHandle(`client_assertion\n${client.client_id}\n${jti}`),
      expires_at,
    })
  } finally {
    // Nothing was stored, so undo the count.
    if (!first) await counted.forgive()
  }
  return first ? ok(undefined) : refuseClient('client_assertion_replayed')
}
