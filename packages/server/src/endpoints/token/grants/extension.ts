/** Runs an extension grant (RFC 6749 §4.5) and checks that its decision does not exceed the client's permissions. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Limits } from '@tessera/protocol/parameters'
import { type Json, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { isWithin } from '@tessera/protocol/scope'
import {
  nothingLeft,
  parseRequestedScope,
  userScopeKinds,
  validateScope,
  validateScopes,
} from '../../../authorization-request/requested-scope.ts'
import type { Confirmation } from '../../../model/authorization.ts'
import type { Client } from '../../../model/client.ts'
import type { ExtensionGrant, GrantDecision, GrantRefusal } from '../../../model/extension-grant.ts'
import { hashHandle } from '../../../model/handle.ts'
import { callHook, HookError, hookFields } from '../../../model/hook.ts'
import { rememberUntil } from '../../../model/jose.ts'
import { apisOf, findApi, type Resources } from '../../../model/resource.ts'
import { permitsAlgorithm } from '../../../model/security-profile.ts'
import { isOfUser } from '../../../model/user.ts'
import type {
  AuthorizationChoice,
  Decision,
  Grant,
  GrantPorts,
  TokenRequest,
  TokenSubject,
} from '../decision.ts'
import { readDecision } from './extension-decision.ts'
import {
  createFoundUsers,
  type DecidedUser,
  decidedUserOf,
  signInOf,
  subjectOf,
} from './extension-subject.ts'
import { type Basis, createPresentedTokens, mayUseTenant, recheckUsers } from './presented-tokens.ts'

const maxParameterLength = 4096
const apiKinds = new Set(['api'] as const)

/** @param limit how long the grant may take, in seconds. */
export function fromExtension(extension: ExtensionGrant, limit: Seconds): Grant {
  const limits: Limits = Object.fromEntries(
    Object.entries(extension.parameters).map(([name, { maxLength }]) => [
      name,
      [maxLength ?? maxParameterLength, 'invalid_request'] as const,
    ]),
  )
  return {
    grantType: extension.grantType,
    limits,
    async decide(request, ports) {
      const { parameters } = request
      for (const [name, { required, maxLength }] of Object.entries(extension.parameters)) {
        const { length } = parameters.get(name) ?? ''
        // Check again: if a standard grant also reads the parameter, that grant's limit was applied.
        if (length > (maxLength ?? maxParameterLength)) {
          return refuse('invalid_request', 'parameter_too_long', {
            description: `${name} is too long`,
            log: { parameter: name },
          })
        }
        if (required && length === 0) {
          return refuse('invalid_request', 'parameter_missing', {
            description: `${name} is required`,
            log: { parameter: name },
          })
        }
      }
      const requested = parseRequestedScope(parameters.get('scope'))
      if (!requested.ok) return requested
      const answer = await askUntilCurrent(
        () => ask(extension, limit, request, requested.value, ports),
        ports,
      )
      return answer.ok ? recheck(answer, extension, request, requested.value, ports) : answer
    },
  }
}

/** A decision, with what the grant based it on. */
type Answered = {
  readonly ok: true
  readonly decided: GrantDecision
  readonly basis: Basis
  readonly user: DecidedUser
}

/**
 * Asks the grant; once more if the user's access may have ended since it was asked, because it may have decided by a
 * credential that was right at first. An end from then on is seen at the commit.
 */
async function askUntilCurrent(
  ask: () => Promise<Answered | Refusal>,
  { accessEndings, clock }: Pick<GrantPorts, 'accessEndings' | 'clock'>,
): Promise<Answered | Refusal> {
  const began = clock.now()
  const first = await ask()
  if (!first.ok || first.user.ending === undefined) return first
  const { ending } = first.user
  if (!accessEndings.isSince(ending, began)) return first
  const again = await ask()
  return again.ok ? { ...again, user: { ...again.user, ending } } : again
}

async function ask(
  extension: ExtensionGrant,
  limit: Seconds,
  { client, parameters, confirmation }: TokenRequest,
  scope: readonly string[] | undefined,
  ports: GrantPorts,
): Promise<Answered | Refusal> {
  const { extension: context, clock, log } = ports
  const { verifyAccessToken, basisOf } = createPresentedTokens(ports)
  const users = createFoundUsers(ports)
  const resource = parameters.all('resource')
  const audience = parameters.all('audience')
  const signatureAlgorithms = context.signatureAlgorithms.filter(alg =>
    permitsAlgorithm(client.security_profile, alg),
  )
  try {
    const decided = await callHook(
      { hook: 'grants.decide', limit },
      called =>
        extension.decide(
          { client, parameters, scope, resource, audience, confirmation },
          { ...context, ...called, ...users, verifyAccessToken, signatureAlgorithms, now: clock.now() },
        ),
      readDecision,
    )
    if (!decided.ok) return asRefusal(decided)
    const basis = await basisOf(decided)
    return { ok: true, decided, basis, user: await decidedUserOf(decided, basis.source, users, ports) }
  } catch (error) {
    // The client may try again.
    if (!(error instanceof HookError) || error.reason === 'hook_timed_out') throw error
    const { reason, ...fields } = hookFields(error)
    log.error('extension_grant_failed', { grant_type: extension.grantType, reason, ...fields })
    return refuse(
      'invalid_grant',
      error.reason === 'hook_failed' ? 'extension_grant_threw' : 'hook_result_invalid',
      { log: { grant_type: extension.grantType, ...fields } },
    )
  }
}

const asRefusal = ({ error, description, reason, members }: GrantRefusal): Refusal =>
  refuse(error ?? 'invalid_grant', reason ?? 'extension_refused', { description, members })

async function recheck(
  { decided, basis, user }: Answered,
  extension: ExtensionGrant,
  request: TokenRequest,
  requested: readonly string[] | undefined,
  ports: GrantPorts,
): Promise<Decision | Refusal> {
  const client = decided.client_id === undefined ? request.client : await ports.findClient(decided.client_id)
  if (!client?.enabled)
    return refuse('invalid_grant', 'extension_client_unknown', { log: { client_id: decided.client_id } })
  if (isUnproven(decided, request)) return sourceBoundToAnotherKey
  const confirmation = confirmationFor(client, request)
  if (!confirmation.ok) return confirmation
  // Only the authorization can map a pairwise identifier back to its user.
  const { subject: given, derivedFrom } = decided
  if (given && client.subject_type === 'pairwise' && (derivedFrom?.sub ?? given.sub) !== given.sub) {
    return refuse('invalid_grant', 'extension_subject_not_derived', { log: { sub: given.sub } })
  }
  const clients = [client, request.client] as const
  const refused = await recheckUsers(basis, decided, clients, ports)
  if (refused) return refused
  const subject = given && subjectOf(given, user, basis.source, ports)
  if (subject) {
    const log = { sub: subject.sub }
    if (!mayUseTenant(subject.tenant, clients))
      return refuse('invalid_grant', 'user_of_another_tenant', { log })
    const { client_id } = client
    // A module may decide otherwise for the client of the new token.
    const judged = signInOf(subject.sub, basis.source) ?? subject
    const isChecked = judged !== subject && basis.source?.client_id === client_id
    if (!isChecked && !(await ports.profile.isActive({ subject: judged, client_id })))
      return refuse('invalid_grant', 'user_inactive', { log })
  }
  const scope = checkScope(decided, requested, request.client, ports.resources)
  if (!scope.ok) return scope
  if (!isWithin(scope.value, client.scope)) return scopeNotAllowed
  const audience = checkAudience(decided, scope.value, ports.resources)
  if (!audience.ok) return audience
  const origin = originOf(decided)
  if (!origin.ok) return origin
  // Clients with reference tokens rely on immediate revocation, which JWTs don't offer.
  if (decided.access_token_type === 'jwt' && client.access_token_type === 'reference')
    return accessTokenTypeNotAllowed
  const { lifetime = client.access_token_lifetime } = decided
  // Also refuses NaN.
  if (!(lifetime >= 1)) return refuse('invalid_grant', 'extension_lifetime_invalid', { log: { lifetime } })

  return {
    ok: true,
    client,
    scope: scope.value,
    audience: audience.value,
    subject,
    subject_client: clientOf(decided),
    authorization: authorizationOf(decided, subject),
    claims: decided.claims,
    clientClaims: decided.client_claims,
    confirmation: confirmation.value,
    lifetime: Math.floor(Math.min(lifetime, client.access_token_lifetime)),
    not_after: decided.derivedFrom?.expires_at,
    origin: origin.value,
    origin_issued_at: decided.derivedFrom && Number(decided.derivedFrom.claims.iat),
    accessTokenType: decided.access_token_type,
    members: decided.members,
    refresh:
      subject && scope.value.includes('offline_access') ? { kind: 'new', scope: scope.value } : undefined,
    use: decided.uses && {
      kind: 'assertion',
      hash: hashHandle(`${extension.grantType}\n${decided.uses.id}`),
      expires_at: rememberUntil(decided.uses.expires_at),
    },
  }
}

const scopeNotAllowed = refuse('invalid_scope', 'scope_not_allowed', {
  description: 'scope contains a scope that the client of the token may not use',
})
const accessTokenTypeNotAllowed = refuse('invalid_request', 'access_token_type_not_allowed', {
  description: 'This client may not use JWT access tokens',
})
const offlineAccessNotDerivable = refuse('invalid_scope', 'scope_offline_access_not_derivable', {
  description: 'offline_access can not be granted here',
})
const scopeWidened = refuse('invalid_scope', 'scope_widened', {
  description: 'scope exceeds the scope of the original token',
})
const resourceOutsideScope = refuse('invalid_target', 'resource_outside_scope', {
  description: 'A resource does not own any of the scopes',
})
const chainTooLong = refuse('invalid_request', 'extension_chain_too_long', {
  description: 'The token was exchanged too many times',
})

const sourceBoundToAnotherKey = refuse('invalid_request', 'extension_token_bound_to_another_key', {
  description: 'The token that this request is based on is bound to a key that the request does not prove',
})

/** Returns whether the original token is bound to a key that the request does not prove (RFC 9449 §7, RFC 8705 §3). */
const isUnproven = ({ derivedFrom }: GrantDecision, { confirmation }: TokenRequest): boolean =>
  derivedFrom?.cnf !== undefined && JSON.stringify(derivedFrom.cnf) !== JSON.stringify(confirmation)

/** Returns the key binding of tokens for `client`, which may not be the requesting client (RFC 8705 §3.4). */
function confirmationFor(client: Client, request: TokenRequest): Result<Confirmation | undefined> {
  if (client.client_id === request.client.client_id) return ok(request.confirmation)
  const own = request.confirmFor(client)
  return own.ok && own.value === undefined ? ok(request.confirmation) : own
}

/**
 * Returns the granted scope: the decided or requested one, limited to the scopes of the client and of the original
 * token. Defaults to the client's API scopes without `offline_access`, of which the APIs of the audience determine
 * those that are for them.
 */
function checkScope(
  { scope: decided, audience = [], derivedFrom, subject }: GrantDecision,
  requested: readonly string[] | undefined,
  client: Client,
  resources: Resources,
): Result<readonly string[]> {
  const wanted = decided ? [...new Set(decided)].sort() : requested
  if (wanted?.length === 0) return nothingLeft
  // The check of the audience refuses unknown names.
  const apis = audience.flatMap(name => findApi(resources, name)?.name ?? [])
  const found =
    wanted === undefined
      ? validateScope(undefined, { client, resources, kinds: apiKinds, apis })
      : validateScopes(wanted, { client, resources, kinds: userScopeKinds })
  if (!found.ok) return found
  const { scope } = found.value
  if (scope.includes('offline_access') && (derivedFrom !== undefined || subject === undefined)) {
    return offlineAccessNotDerivable
  }
  if (derivedFrom === undefined || isWithin(scope, derivedFrom.scope)) return ok(scope)
  if (wanted !== undefined) return scopeWidened
  const rest = scope.filter(name => derivedFrom.scope.includes(name))
  if (rest.length > 0) return ok(rest)
  // RFC 8693 §2.2.2: the original token is for none of these APIs.
  const reached = apisOf(resources, derivedFrom.scope).map(api => api.name)
  return isWithin(apis, reached) ? nothingLeft : resourceOutsideScope
}

/**
 * Returns the audience: at most the APIs that own the scope. A token derived from a limited one (RFC 8707) is limited
 * too.
 */
function checkAudience(
  { audience: names = [], derivedFrom }: GrantDecision,
  scope: readonly string[],
  resources: Resources,
): Result<readonly string[]> {
  const owners = apisOf(resources, scope).map(api => api.name)
  const asked = names.map(name => findApi(resources, name)?.name ?? name)
  const reached = derivedFrom ? owners.filter(name => derivedFrom.audience.includes(name)) : owners
  const wanted = names.length === 0 && reached.length < owners.length ? reached : [...new Set(asked)]
  return isWithin(wanted, reached) && (wanted.length > 0 || reached.length === owners.length)
    ? ok(wanted)
    : resourceOutsideScope
}

/** Enough for calls through many services. Each exchange makes the token longer and its verification slower. */
const maxChainLength = 16

/** Returns the original token and its client, preceded by those that it is derived from. */
function originOf({ derivedFrom }: GrantDecision): Result<Decision['origin']> {
  if (derivedFrom === undefined) return ok(undefined)
  const { jti, derived_from: earlier, derived_from_clients: clients } = derivedFrom.claims
  const derived_from = [...textsOf(earlier), String(jti)]
  const derived_from_clients = [...new Set([...textsOf(clients), derivedFrom.client_id])]
  return derived_from.length <= maxChainLength ? ok({ derived_from, derived_from_clients }) : chainTooLong
}

const textsOf = (claim: Json | undefined): readonly string[] =>
  Array.isArray(claim) ? claim.map(String) : []

/** Returns the client whose own token, or one that it was exchanged for, the new token is derived from (RFC 8693 §2.1). */
const clientOf = ({ subject, derivedFrom }: GrantDecision): string | undefined =>
  subject || !derivedFrom || isOfUser(derivedFrom.claims) ? undefined : derivedFrom.sub

/** Returns the authorization of the original token, if it has one. A token of a user always has one. */
function authorizationOf(
  { derivedFrom }: GrantDecision,
  subject: TokenSubject | undefined,
): AuthorizationChoice | undefined {
  if (derivedFrom?.authorization_id === undefined) return subject ? { kind: 'new' } : undefined
  const { authorization_id: id, expires_at: until } = derivedFrom
  return { kind: 'inherited', id, until }
}
