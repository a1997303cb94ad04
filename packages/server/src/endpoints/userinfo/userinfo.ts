/** The UserInfo endpoint (OpenID Connect Core 1.0 §5.3), a protected resource (RFC 6750, RFC 9449 §7). */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { ReadIdentityClaims } from '../../identity/identity-claims.ts'
import { subjectOfToken } from '../../identity/profile.ts'
import { challenge, challengedScheme, challengeForToken, readAccessToken } from '../../messages/bearer.ts'
import {
  createRefuser,
  noStoreHeaders,
  type Refuser,
  type RefuserPorts,
} from '../../messages/json-response.ts'
import type { Client, Clients } from '../../model/client.ts'
import type { Profile } from '../../model/user.ts'
import { nonceHeader, type SenderConstraints } from '../../proof/sender-constraint.ts'
import type { ActiveToken, TokenVerifier } from '../../tokens/verification.ts'
import { type UserinfoResponsePorts, userinfoResponse } from './userinfo-response.ts'

type UserinfoPorts = UserinfoResponsePorts &
  RefuserPorts & {
    readonly verifier: TokenVerifier
    readonly senderConstraints: Pick<SenderConstraints, 'checkPossession' | 'headersFor' | 'proofAlgorithms'>
    readonly clients: Pick<Clients, 'find'>
    readonly profile: Pick<Profile, 'isActive'>
    readonly readIdentityClaims: ReadIdentityClaims
  }

type Stop = Pick<Parameters<Refuser>[2], 'step' | 'clientId'>

/**
 * `GET` or `POST /connect/userinfo` with an access token with `openid`. Returns the claims of its identity scopes and
 * `sub`. Refuses 401 `invalid_token` and refused proofs, 403 `insufficient_scope`, 400 `invalid_request`, and 401
 * without an error if there is no token (RFC 6750 §3).
 */
export function createUserinfoEndpoint(ports: UserinfoPorts): Endpoint {
  const refuser = createRefuser('userinfo', ports)
  const { verifier, senderConstraints } = ports
  const { proofAlgorithms: algorithms } = senderConstraints
  const unauthenticated = unauthenticatedWith(algorithms)

  return async request => {
    const found = readAccessToken(request)
    if (found.ok && found.value === undefined) return unauthenticated
    const scheme = found.ok ? found.value?.scheme : undefined
    const refuseWith = (refusal: Refusal, at: Stop, status?: number): HttpResponse =>
      refuser(request, refusal, {
        ...at,
        ...(status !== undefined && { status }),
        headers: {
          'www-authenticate': challenge(refusal, { scheme: challengedScheme(refusal, scheme), algorithms }),
          ...senderConstraints.headersFor(refusal),
        },
      })
    if (!found.ok || found.value === undefined) return refuseWith(found as Refusal, { step: 'parse' })
    const verified = await verifier.verifyAccessToken(found.value.value)
    if (!verified.ok) return refuseWith(verified, { step: 'authenticate' })
    const clientId = verified.value.client_id
    const client = await ports.clients.find(clientId)
    const proven = await senderConstraints.checkPossession(verified.value.cnf, found.value, request, client)
    if (!proven.ok) return refuseWith(proven, { step: 'prove', clientId }, 401)
    const claims = await claimsFor(verified.value, client, ports)
    if (!claims.ok) return refuseWith(claims, { step: 'decide', clientId })
    return withNonce(await userinfoResponse(claims.value.claims, claims.value.client, ports), proven.value)
  }
}

const withNonce = (response: HttpResponse, nonce: string | undefined): HttpResponse =>
  nonce === undefined ? response : { ...response, headers: { ...response.headers, ...nonceHeader(nonce) } }

/** RFC 6750 §3.1: a request without a token gets no error code. */
const unauthenticatedWith = (proofAlgorithms: readonly string[]): HttpResponse => ({
  status: 401,
  headers: {
    'www-authenticate': challengeForToken(proofAlgorithms),
    'cache-control': noStoreHeaders['cache-control'],
  },
  body: '',
})

async function claimsFor(
  token: ActiveToken,
  client: Client | undefined,
  { profile, readIdentityClaims }: UserinfoPorts,
): Promise<Result<{ readonly client: Client; readonly claims: JsonObject }>> {
  if (!token.scope.includes('openid')) {
    return refuse('insufficient_scope', 'token_without_openid', {
      description: 'the scope openid is required',
    })
  }
  // Claims of an identity provider are stored with the authorization.
  const { authorization, client_id } = token
  const subject = subjectOfToken(token, authorization)
  if (subject === undefined) return invalid('token_without_user')
  if (!(await profile.isActive({ subject, client_id }))) return invalid('user_inactive')
  if (!client) return invalid('token_client_disabled')
  // A client that received its token by an exchange did not request these claims.
  const requested = authorization?.client_id === client_id ? authorization.requested_claims : undefined
  const { scope, claims } = token
  const ofUser = await readIdentityClaims({ client, subject, use: 'userinfo', scope, requested })
  // OpenID Connect Core 1.0 §5.3.2: `sub` is always present, and is the same as in the ID token.
  return ok({ client, claims: { ...ofUser, sub: claims.sub ?? token.sub } })
}

const invalid = (reason: string): Refusal =>
  refuse('invalid_token', reason, { description: 'The access token is not valid' })
