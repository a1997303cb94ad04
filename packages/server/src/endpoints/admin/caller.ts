/** Authenticates the callers of the admin API by access tokens of this issuer (RFC 6750, RFC 9068 §4). */

import type { HttpRequest } from '@tessera/protocol/http'
import { type Ok, ok, type Refusal, refuse } from '@tessera/protocol/result'
import { challenge, readBearer } from '../../messages/bearer.ts'
import { type AdminScope, adminAudience, isAdminScope } from '../../model/admin-api.ts'
import type { Clients } from '../../model/client.ts'
import { checkConfirmation } from '../../proof/certificate.ts'
import type { ActiveToken, TokenVerifier } from '../../tokens/verification.ts'
import type { Caller } from './operation.ts'
import { type Problem, problem } from './problem.ts'

export type CallerPorts = {
  readonly verifier: TokenVerifier
  readonly clients: Pick<Clients, 'find'>
}

/**
 * Returns the caller, with the scopes that both the token and its client have now. The token must be for the admin API
 * alone: another API in the audience could use it too (RFC 9700 §2.3). It must belong to the client itself, not to a user.
 */
export async function authenticateCaller(
  request: HttpRequest,
  { verifier, clients }: CallerPorts,
): Promise<Ok<Caller> | Problem> {
  // Only the header: a form of a page must not be able to call this API.
  const bearer = readBearer({ ...request, method: 'GET' })
  if (!bearer.ok) return invalidToken(bearer)
  if (bearer.value === undefined)
    return problem('admin_token_missing', 'send an access token as Authorization: Bearer', {
      headers: { 'www-authenticate': challenge() },
    })
  const verified = await verifier.verifyAccessToken(bearer.value)
  if (!verified.ok) return invalidToken(verified)
  const token = verified.value
  const refused = checkConfirmation(token.cnf, request) ?? refusalOf(token)
  if (refused) return invalidToken(refused, token.client_id)
  const { client_id, sub } = token
  const client = await clients.find(client_id)
  // The client may have lost a scope since the token was issued.
  const scope = new Set(token.scope.filter(name => isAdminScope(name) && client?.scope.has(name)))
  return ok({ client_id, sub, scope })
}

function refusalOf({ audience, sub, client_id, authorization_id }: ActiveToken): Refusal | undefined {
  if (audience.length !== 1 || audience[0] !== adminAudience) return unfit('admin_token_audience_wrong')
  return sub !== client_id || authorization_id !== undefined ? unfit('admin_token_of_user') : undefined
}

const unfit = (reason: string): Refusal =>
  refuse('invalid_token', reason, {
    description: `the token must be for ${adminAudience} alone and belong to the client itself`,
  })

const invalidToken = (refusal: Refusal, clientId?: string): Problem =>
  problem('admin_token_invalid', refusal.description ?? 'The access token is not valid', {
    headers: { 'www-authenticate': challenge({ ...refusal, error: 'invalid_token' }) },
    log: { ...refusal.log, client_id: clientId, reason: refusal.reason },
  })

/** Refuses a caller without the scope (RFC 6750 §3.1). */
export const checkScope = ({ client_id, scope }: Caller, needed: AdminScope): Problem | undefined =>
  scope.has(needed)
    ? undefined
    : problem('admin_scope_missing', `the scope ${needed} is required`, {
        headers: {
          'www-authenticate': challenge(
            { error: 'insufficient_scope', description: `the scope ${needed} is required` },
            needed,
          ),
        },
        log: { client_id, scope: needed },
      })
