/** Issues an authorization code: the authorization and its code in one write (RFC 6749 §4.1.2). */

import type { HttpRequest } from '@tessera/protocol/http'
import type { ValidatedAuthorizationRequest } from '../../authorization-request/authorization-request.ts'
import type { ResponseMembers } from '../../authorization-request/response.ts'
import type { Session } from '../../core/authorization.ts'
import { hashHandle, newHandle } from '../../core/handle.ts'
import type { Clock, Log, Random } from '../../core/runtime.ts'
import type { Stores } from '../../core/stores.ts'
import type { CreateAuthorization } from '../../interaction/authorization.ts'
import { halfHash } from '../../tokens/id-token.ts'

export type CodePorts = {
  readonly stores: Pick<Stores, 'codes' | 'sessions' | 'authorizations'>
  readonly createAuthorization: CreateAuthorization
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Whether ID tokens carry the hash of the state (FAPI 1.0 Part 2 §5.2.2.1). */
  readonly emitStateHash: boolean
}

/** The client takes part in the session from here on. Undefined, and nothing is worth anything, where the session has just ended. */
export async function issueCode(
  httpRequest: HttpRequest,
  request: ValidatedAuthorizationRequest,
  session: Session,
  { stores, createAuthorization, clock, random, log, emitStateHash }: CodePorts,
): Promise<ResponseMembers | undefined> {
  const { client, scope, resources, code_challenge, code_challenge_method, nonce } = request
  const { state } = request.target
  const value = newHandle(random, 'tc')
  const expires_at = clock.now() + client.authorization_code_lifetime
  const authorization = await createAuthorization({
    client,
    session,
    scope,
    resources,
    redeemable_until: expires_at,
  })
  const issued = stores.codes.issue(authorization, {
    hash: hashHandle(value),
    authorization_id: authorization.id,
    redirect_uri: request.target.redirect_uri,
    ...(code_challenge !== undefined && { code_challenge, code_challenge_method }),
    ...(nonce !== undefined && { nonce }),
    ...(emitStateHash &&
      state !== undefined && { s_hash: halfHash(state, client.id_token_signed_response_alg) }),
    expires_at,
  })
  // After the code, and written with it: an end of the session that comes later finds the authorization and revokes it.
  const [joined] = await Promise.all([stores.sessions.join(session.sid, client.client_id), issued])
  if (!joined) {
    await stores.authorizations.revoke(authorization.id, clock.now())
    return undefined
  }
  log.info('code_issued', {
    request_id: httpRequest.id,
    client_id: client.client_id,
    sub: session.sub,
    authorization_id: authorization.id,
    scope,
  })
  return { code: value, scope: scope.join(' ') }
}
