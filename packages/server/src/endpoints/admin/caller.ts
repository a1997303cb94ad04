/** Authenticates the callers of the admin API by access tokens of this issuer (RFC 6750, RFC 9068 §4, RFC 9449 §7). */

import type { HttpRequest } from '@tessera/protocol/http'
import { type Ok, ok, type Refusal, refuse } from '@tessera/protocol/result'
import { challenge, challengedScheme, challengeForToken, readAccessToken } from '../../messages/bearer.ts'
import { type AdminScope, adminAudience, isAdminScope } from '../../model/admin-api.ts'
import type { Clients } from '../../model/client.ts'
import type { SenderConstraints } from '../../proof/sender-constraint.ts'
import type { ActiveToken, TokenVerifier } from '../../tokens/verification.ts'
import type { Caller } from './operation.ts'
import { type Problem, problem } from './problem.ts'

export type CallerPorts = {
  readonly verifier: TokenVerifier
  readonly senderConstraints: Pick<SenderConstraints, 'checkPossession' | 'headersFor' | 'proofAlgorithms'>
  readonly clients: Pick<Clients, 'find'>
}

/**
 * Returns the caller, with the scopes that both the token and its client have now. The token must be for the admin API
 * alone: another API in the audience could use it too (RFC 9700 §2.3). It must belong to the client itself, not to a user
 * or, by token exchange, to another client.
 */
export async function authenticateCaller(
  request: HttpRequest,
  { verifier, clients, senderConstraints }: CallerPorts,
): Promise<Ok<Caller> | Problem> {
  const { proofAlgorithms: algorithms } = senderConstraints
  // Only the header: a form of a page must not be able to call this API.
  const found = readAccessToken({ ...request, method: 'GET' })
  const sent = found.ok ? found.value : undefined
  if (sent === undefined)
    return problem('admin_token_missing', 'send an access token as Authorization: Bearer, or DPoP', {
      headers: { 'www-authenticate': challengeForToken(algorithms) },
    })
  const invalidToken = (refusal: Refusal, clientId?: string): Problem =>
    problem('admin_token_invalid', refusal.description ?? 'The access token is not valid', {
      headers: {
        'www-authenticate': challenge(asResource(refusal), {
          scheme: challengedScheme(refusal, sent.scheme),
          algorithms,
        }),
        ...senderConstraints.headersFor(refusal),
      },
      log: { ...refusal.log, client_id: clientId, reason: refusal.reason },
    })
  const verified = await verifier.verifyAccessToken(sent.value)
  if (!verified.ok) return invalidToken(verified)
  const token = verified.value
  const { client_id, sub } = token
  const refused = refusalOf(token)
  if (refused) return invalidToken(refused, client_id)
  const client = await clients.find(client_id)
  const proven = await senderConstraints.checkPossession(token.cnf, sent, request, client)
  if (!proven.ok) return invalidToken(proven, client_id)
  // The client may have lost a scope since the token was issued.
  const scope = new Set(token.scope.filter(name => isAdminScope(name) && client?.scope.has(name)))
  return ok({ client_id, sub, scope, scheme: sent.scheme, algorithms, nonce: proven.value })
}

/** Only errors of proofs remain (RFC 9449 §7.1): all others are `invalid_token` here. */
const asResource = (refusal: Refusal): Refusal =>
  refusal.error === 'use_dpop_nonce' || refusal.error === 'invalid_dpop_proof'
    ? refusal
    : { ...refusal, error: 'invalid_token' }

function refusalOf({ audience, sub, client_id, authorization_id }: ActiveToken): Refusal | undefined {
  if (audience.length !== 1 || audience[0] !== adminAudience) return unfit('admin_token_audience_wrong')
  return sub !== client_id || authorization_id !== undefined ? unfit('admin_token_of_user') : undefined
}

const unfit = (reason: string): Refusal =>
  refuse('invalid_token', reason, {
    description: `the token must be for ${adminAudience} alone and belong to the client itself`,
  })

/** Refuses a caller without the scope (RFC 6750 §3.1, RFC 9449 §7.1). */
export const checkScope = (
  { client_id, scope, scheme, algorithms }: Caller,
  needed: AdminScope,
): Problem | undefined =>
  scope.has(needed)
    ? undefined
    : problem('admin_scope_missing', `the scope ${needed} is required`, {
        headers: {
          'www-authenticate': challenge(
            { error: 'insufficient_scope', description: `the scope ${needed} is required` },
            { scope: needed, scheme, algorithms },
          ),
        },
        log: { client_id, scope: needed },
      })
