/** The UserInfo endpoint (OpenID Connect Core 1.0 §5.3), a resource of its own (RFC 6750). */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { ReadIdentityClaims } from '../../identity/identity-claims.ts'
import { subjectOfToken } from '../../identity/profile.ts'
import { challenge, readBearer } from '../../messages/bearer.ts'
import { createRefuser, noStoreHeaders, type RefuserPorts } from '../../messages/json-response.ts'
import type { Client, Clients } from '../../model/client.ts'
import type { Profile } from '../../model/user.ts'
import { checkConfirmation } from '../../proof/certificate.ts'
import type { ActiveToken, TokenVerifier } from '../../tokens/verification.ts'
import { type UserinfoResponsePorts, userinfoResponse } from './userinfo-response.ts'

export type UserinfoPorts = UserinfoResponsePorts &
  RefuserPorts & {
    readonly verifier: TokenVerifier
    readonly clients: Pick<Clients, 'find'>
    readonly profile: Pick<Profile, 'isActive'>
    readonly readIdentityClaims: ReadIdentityClaims
  }

/**
 * `GET` or `POST /connect/userinfo` with an access token that has the scope `openid`: answers the claims of its identity
 * scopes, always with `sub`. Refuses as RFC 6750 §3 says: 401 `invalid_token`, 403 `insufficient_scope`, 400
 * `invalid_request`; 401 without an error where there is no token.
 */
export function createUserinfoEndpoint(ports: UserinfoPorts): Endpoint {
  const refuser = createRefuser('userinfo', ports)
  const answerRefusal = (request: HttpRequest, refusal: Refusal, clientId?: string): HttpResponse =>
    refuser(request, refusal, { clientId, headers: { 'www-authenticate': challenge(refusal) } })

  return async request => {
    const bearer = readBearer(request)
    if (!bearer.ok) return answerRefusal(request, bearer)
    if (bearer.value === undefined) return unauthenticated
    const verified = await ports.verifier.verifyAccessToken(bearer.value)
    if (!verified.ok) return answerRefusal(request, verified)
    const claims = await claimsFor(verified.value, request, ports)
    return claims.ok
      ? userinfoResponse(claims.value.claims, claims.value.client, ports)
      : answerRefusal(request, claims, verified.value.client_id)
  }
}

/** RFC 6750 §3.1: who sent no token is told how to, not what went wrong. */
const unauthenticated: HttpResponse = {
  status: 401,
  headers: { 'www-authenticate': challenge(), 'cache-control': noStoreHeaders['cache-control'] },
  body: '',
}

async function claimsFor(
  token: ActiveToken,
  request: HttpRequest,
  { clients, profile, readIdentityClaims }: UserinfoPorts,
): Promise<Result<{ readonly client: Client; readonly claims: JsonObject }>> {
  const unproven = checkConfirmation(token.cnf, request)
  if (unproven) return unproven
  if (!token.scope.includes('openid')) {
    return refuse('insufficient_scope', 'token_without_openid', {
      description: 'the scope openid is required',
    })
  }
  // What a provider said at sign-in stays with the authorization.
  const { authorization, client_id } = token
  const subject = subjectOfToken(token, authorization)
  if (subject === undefined) return invalid('token_without_user')
  if (!(await profile.isActive({ subject, client_id }))) return invalid('user_inactive')
  const client = await clients.find(client_id)
  if (!client) return invalid('token_client_disabled')
  // Another client that has a token from an exchange did not ask for them.
  const requested = authorization?.client_id === client_id ? authorization.requested_claims : undefined
  const { scope, claims } = token
  const ofUser = await readIdentityClaims({ client, subject, use: 'userinfo', scope, requested })
  // OpenID Connect Core 1.0 §5.3.2: sub is always there, and the same as in the ID token.
  return ok({ client, claims: { ...ofUser, sub: claims.sub ?? token.sub } })
}

const invalid = (reason: string): Refusal =>
  refuse('invalid_token', reason, { description: 'The access token is not valid' })
