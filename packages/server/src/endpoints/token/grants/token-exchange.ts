/** Token exchange (RFC 8693) as an extension grant: impersonation and delegation with access tokens of this issuer. */

import { grantTypes } from '@tessera/protocol/grant-types'
import { isJsonObject } from '@tessera/protocol/json'
import { maxTokenLength } from '@tessera/protocol/parameters'
import type { Json, JsonObject } from '@tessera/protocol/result'
import {
  defineGrant,
  type ExtensionGrant,
  type GrantContext,
  type GrantDecision,
  type GrantRefusal,
  type GrantRequest,
  type VerifiedToken,
} from '../../../model/extension-grant.ts'

/** Decides whether an exchange is allowed; called after both tokens were verified. */
export type TokenExchangePolicy = (exchange: TokenExchange) => boolean | Promise<boolean>
export type TokenExchange = {
  readonly request: GrantRequest
  readonly subject: VerifiedToken
  readonly actor?: VerifiedToken
}

const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const jwtType = 'urn:ietf:params:oauth:token-type:jwt'
const supportedTypes: ReadonlySet<string> = new Set([accessTokenType, jwtType])

/**
 * Creates the grant. Scope, lifetime and revocation follow the subject token (RFC 8693 §2.1). An actor is added to
 * `act` (§4.1) and must match `may_act` (§4.4). Refuses `invalid_request` for an invalid token (§2.2.2) and
 * `invalid_target` for a target outside the scope.
 * @param policy can refuse an exchange. Without a policy, every client with this grant may exchange any token that it
 * has.
 */
export const tokenExchange = ({ policy }: { policy?: TokenExchangePolicy } = {}): ExtensionGrant =>
  defineGrant({
    grantType: grantTypes.tokenExchange,
    parameters: {
      subject_token: { required: true, maxLength: maxTokenLength },
      subject_token_type: { required: true, maxLength: 200 },
      actor_token: { maxLength: maxTokenLength },
      actor_token_type: { maxLength: 200 },
      requested_token_type: { maxLength: 200 },
    },
    async decide(request, context) {
      const requestedType = request.parameters.get('requested_token_type') ?? accessTokenType
      if (!supportedTypes.has(requestedType))
        return refused('requested_token_type_unsupported', 'requested_token_type is not supported')
      const subject = await verify('subject', request, context)
      if ('reason' in subject) return subject
      const actor =
        request.parameters.get('actor_token') === undefined
          ? undefined
          : await verify('actor', request, context)
      if (actor && 'reason' in actor) return actor
      if (!actor && request.parameters.get('actor_token_type') !== undefined) {
        return refused('actor_token_missing', 'actor_token_type without actor_token')
      }
      if (!mayAct(subject, actor ? partyOf(actor) : partyOfClient(request, context)))
        return refused('actor_not_allowed', 'the subject token does not allow this actor')
      const allowed: unknown = policy ? await policy({ request, subject, actor }) : true
      // A JavaScript policy may return anything.
      if (typeof allowed !== 'boolean')
        throw new TypeError(`tokenExchange.policy is a value of type ${typeof allowed}, not true or false`)
      if (!allowed) return refused('exchange_refused_by_policy', 'this exchange is not allowed')
      return decision(request, requestedType, subject, actor)
    },
  })

async function verify(
  role: 'subject' | 'actor',
  { parameters, confirmation }: GrantRequest,
  { verifyAccessToken }: GrantContext,
): Promise<VerifiedToken | (GrantRefusal & { reason: string })> {
  if (!supportedTypes.has(parameters.get(`${role}_token_type`) ?? '')) {
    return refused(`${role}_token_type_unsupported`, `${role}_token_type is missing or not supported`)
  }
  const token = await verifyAccessToken(parameters.get(`${role}_token`) ?? '')
  if (!token) return refused(`${role}_token_invalid`, `${role}_token is not valid`)
  // RFC 8705 §3: a bound token requires its key.
  const unproven = token.cnf !== undefined && JSON.stringify(token.cnf) !== JSON.stringify(confirmation)
  return unproven ? refused(`${role}_token_bound_to_another_key`, `${role}_token is not valid`) : token
}

/** The acting party: the actor, or the client if there is no actor token. */
type Party = { readonly sub: string; readonly client_id: string; readonly iss?: Json }

/**
 * Returns whether `may_act` permits this party (RFC 8693 §4.4). Every member must match; members that can't be compared
 * don't.
 */
function mayAct({ claims }: VerifiedToken, party: Party): boolean {
  const allowed = claims.may_act
  if (allowed === undefined) return true
  if (!isJsonObject(allowed)) return false
  const named = Object.entries(allowed)
  return named.length > 0 && named.every(([name, value]) => party[name as keyof Party] === value)
}

const partyOf = ({ sub, client_id, claims: { iss } }: VerifiedToken): Party => ({
  sub,
  client_id,
  iss,
})
const partyOfClient = ({ client: { client_id } }: GrantRequest, { issuer }: GrantContext): Party => ({
  sub: client_id,
  client_id,
  iss: issuer,
})

function decision(
  { audience, resource }: GrantRequest,
  issuedType: string,
  subject: VerifiedToken,
  actor: VerifiedToken | undefined,
): GrantDecision {
  const { claims } = subject
  const act = actor ? actorClaim(actor, claims.act) : claims.act
  return {
    ok: true,
    // Only tokens of users contain `auth_time`. The subject of another one is a client, which the endpoint keeps.
    subject: claims.auth_time === undefined ? undefined : userOf(subject),
    audience: [...new Set([...audience, ...resource])],
    claims: act === undefined ? {} : { act },
    derivedFrom: subject,
    access_token_type: issuedType === jwtType ? 'jwt' : undefined,
    members: { issued_token_type: issuedType },
  }
}

const actorClaim = (actor: VerifiedToken, earlier: Json | undefined): JsonObject => ({
  // Use the identifier that the actor's own client knows. Other clients must not learn a different one.
  sub: actor.claims.sub ?? actor.sub,
  client_id: actor.client_id,
  ...(earlier !== undefined && { act: earlier }),
})

/** Returns the user with the original sign-in's authentication claims. */
const userOf = ({ sub, claims }: VerifiedToken): GrantDecision['subject'] => ({
  sub,
  idp: typeof claims.idp === 'string' ? claims.idp : undefined,
  amr: Array.isArray(claims.amr) ? (claims.amr as string[]) : undefined,
  acr: typeof claims.acr === 'string' ? claims.acr : undefined,
  auth_time: typeof claims.auth_time === 'number' ? claims.auth_time : undefined,
})

const refused = (reason: string, description: string): GrantRefusal & { reason: string } => ({
  ok: false,
  error: 'invalid_request',
  reason,
  description,
})
