/** Creates the tokens of a decision and the write that must accompany them. Reads claims and signs; writes nothing. */

import type { Seconds } from '@tessera/protocol/brand'
import { type JsonObject, ok, type Result, refuse } from '@tessera/protocol/result'
import type { ReadIdentityClaims } from '../../identity/identity-claims.ts'
import type {
  Authorization,
  AuthorizationId,
  FamilyId,
  RefreshFamily,
  RequestedClaims,
} from '../../model/authorization.ts'
import { applyEntries, type ClaimEntry, entriesFor, sourceNames } from '../../model/claim-rule.ts'
import { newTimedId } from '../../model/handle.ts'
import type { Commit } from '../../model/ports/stores.ts'
import { permitsAlgorithm } from '../../model/security-profile.ts'
import type { Profile } from '../../model/user.ts'
import type { Clock, Random } from '../../runtime/ports.ts'
import type { AccessToken, AccessTokenContent, AccessTokens } from '../../tokens/access-token.ts'
import type { Audience, Audiences } from '../../tokens/audience.ts'
import type { IdTokens } from '../../tokens/id-token.ts'
import { authorizationOf } from '../../tokens/new-authorization.ts'
import {
  absoluteEnd,
  expirationOf,
  idleEnd,
  type RefreshTokenExpiration,
  type RefreshTokens,
} from '../../tokens/refresh-token.ts'
import type { Decision } from './decision.ts'

export type IssuePorts = {
  readonly clock: Clock
  readonly random: Random
  readonly profile: Profile
  readonly readIdentityClaims: ReadIdentityClaims
  readonly audiences: Audiences
  readonly accessTokens: AccessTokens
  readonly idTokens: IdTokens
  readonly refreshTokens: RefreshTokens
}

export type Issued = {
  /** The scope of the access token. */
  readonly scope: readonly string[]
  readonly accessToken: AccessToken
  /** The authorization that they depend on. */
  readonly authorizationId?: AuthorizationId | undefined
  readonly refreshToken?: IssuedRefreshToken | undefined
  readonly idToken?: string
  /** Undefined if nothing is written (a JWT of the client itself). */
  readonly commit?: Commit
}

type IssuedRefreshToken = { readonly value: string; readonly expiration: RefreshTokenExpiration }

/**
 * Issues the tokens. Refuses what {@link Audiences.of} refuses, and `invalid_grant` if the original token or the refresh
 * token expired meanwhile.
 */
export async function issue(decision: Decision, ports: IssuePorts): Promise<Result<Issued>> {
  const audience = ports.audiences.of(decision.scope, decision.audience)
  if (!audience.ok) return audience
  const { signingAlgorithm } = audience.value
  if (!permitsAlgorithm(decision.client.security_profile, signingAlgorithm))
    return refuse('invalid_scope', 'signing_algorithm_not_permitted', {
      description:
        'an API of these scopes requires a signing algorithm that the profile of the client does not permit',
    })
  const wide = widestAudience(decision, audience.value, ports.audiences)
  const kept = decision.keptClaims ?? (await readSources(decision, wide, ports.profile))
  const idClaims = await readIdClaims(decision, ports.readIdentityClaims)
  // Read the time after the hooks, so that all tokens have the same time and none outlives its parent.
  const now = ports.clock.now()
  const end = authorizationEnd(decision, now)
  if (end <= now) return refuse('invalid_grant', 'refresh_token_expired')
  const lifetime = Math.min(lifetimeOf(decision, now), end - now)
  if (lifetime <= 0) return refuse('invalid_grant', 'extension_subject_token_expired')
  const family = familyOf(decision, kept, now, ports.random)
  const authorization = newAuthorization(decision, family, { now, lifetime }, ports.random)
  const authorizationId = family?.authorization_id ?? authorization?.id ?? existingAuthorization(decision)?.id

  const accessToken = await ports.accessTokens.make({
    ...contentOf(decision, audience.value, kept),
    authorization_id: authorizationId,
    issued_at: now,
    lifetime,
  })
  const idToken =
    decision.idToken &&
    decision.subject &&
    ports.idTokens.make({
      client: decision.client,
      subject: decision.subject,
      ...decision.idToken,
      accessToken: accessToken.value,
      claims: idClaims,
      requested: requestedOf(decision),
    })
  return ok({
    scope: audience.value.scope,
    accessToken,
    authorizationId,
    refreshToken: refreshTokenOf(decision, family, now, ports.refreshTokens),
    idToken: await idToken,
    commit: commitOf(decision, { authorization, family, accessToken }, { now, lifetime }),
  })
}

type Span = { readonly now: Seconds; readonly lifetime: Seconds }

const lifetimeOf = ({ lifetime, not_after, client }: Decision, now: Seconds): Seconds =>
  Math.min(lifetime ?? client.access_token_lifetime, (not_after ?? Number.POSITIVE_INFINITY) - now)

/**
 * Returns the absolute end of the refresh family. No access token outlives it, because the user's authorization ends then
 * (draft-ietf-oauth-refresh-token-expiration-03 §5).
 */
function authorizationEnd({ refresh, client }: Decision, now: Seconds): Seconds {
  if (!refresh) return Number.POSITIVE_INFINITY
  return refresh.kind === 'new' ? absoluteEnd(client, now) : refresh.family.expires_at
}

/**
 * Returns the audience whose claims a new family stores: all APIs that the family may be used for, even if this token
 * is limited to one of them (RFC 8707 §2.2).
 */
function widestAudience(decision: Decision, narrow: Audience, audiences: Audiences): Audience {
  const { refresh, authorization, audience } = decision
  if (refresh?.kind !== 'new') return narrow
  const limit = authorization?.kind === 'existing' ? authorization.authorization.resources : audience
  const wide = audiences.within(refresh.scope, limit)
  return wide.ok ? wide.value : narrow
}

/**
 * Returns the user's claims that the entries of the scopes and APIs read. A family stores these, so that each of its
 * access tokens can be built from the entries of its own scopes.
 */
async function readSources(
  { subject, client }: Decision,
  { claims }: Audience,
  profile: Profile,
): Promise<JsonObject | undefined> {
  if (!subject) return undefined
  const names = sourceNames(entriesFor(claims, client.user_claims))
  if (names.length === 0) return undefined
  return profile.claims({ subject, client_id: client.client_id, names, use: 'access_token' })
}

/**
 * Returns the user claims of the ID token. UserInfo returns the claims of the scope, because this endpoint always
 * issues an access token too (OpenID Connect Core 1.0 §5.4).
 */
async function readIdClaims(
  { idToken, subject, client, authorization }: Decision,
  read: ReadIdentityClaims,
): Promise<JsonObject | undefined> {
  if (!idToken || !subject || authorization?.kind !== 'existing') return undefined
  const { scope, requested_claims: requested } = authorization.authorization
  const whole = client.always_include_user_claims_in_id_token
  return read({ client, subject, use: 'id_token', scope: whole ? scope : [], requested })
}

/** Returns the claims that the authorization request requested individually. */
const requestedOf = ({ authorization }: Decision): RequestedClaims | undefined =>
  authorization?.kind === 'existing' ? authorization.authorization.requested_claims?.id_token : undefined

/** Keeps only the named claims, so that a narrowed token has only the claims of its own scopes. */
const only = (claims: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => names.includes(name)))

function contentOf(
  decision: Decision,
  audience: Audience,
  kept: JsonObject = {},
): Omit<AccessTokenContent, 'issued_at' | 'lifetime'> {
  const { client, subject, subject_client, clientClaims } = decision
  const ofUser = subject && claimsOf(entriesFor(audience.claims, client.user_claims), kept)
  return {
    client,
    audience,
    subject,
    subject_client,
    ...decision.origin,
    cnf: decision.confirmation,
    claims: { ...ofUser, ...decision.claims },
    clientClaims,
    type: decision.accessTokenType ?? client.access_token_type,
  }
}

/** Returns the claims of the entries, made from those of the user that they read. */
const claimsOf = (entries: readonly ClaimEntry[], known: JsonObject): JsonObject =>
  applyEntries(entries, only(known, sourceNames(entries)))

const existingAuthorization = ({ authorization }: Decision): { id: AuthorizationId } | undefined => {
  if (authorization?.kind === 'existing') return authorization.authorization
  return authorization?.kind === 'inherited' ? authorization : undefined
}

/** Returns a new refresh family if `offline_access` was granted. */
function familyOf(
  decision: Decision,
  claims: JsonObject | undefined,
  now: Seconds,
  random: Random,
): RefreshFamily | undefined {
  if (decision.refresh?.kind !== 'new') return undefined
  const { client, refresh, confirmation: cnf } = decision
  const expires_at = absoluteEnd(client, now)
  return {
    id: newTimedId<FamilyId>(random),
    authorization_id: existingAuthorization(decision)?.id ?? newTimedId<AuthorizationId>(random),
    client_id: client.client_id,
    generation: 1,
    scope: refresh.scope,
    access_claims: claims,
    cnf,
    created_at: now,
    expires_at,
    idle_expires_at: idleEnd(client, now, expires_at),
    rotated_at: now,
  }
}

function newAuthorization(
  decision: Decision,
  family: RefreshFamily | undefined,
  { now, lifetime }: Span,
  random: Random,
): Authorization | undefined {
  const { subject, client, scope, audience } = decision
  if (decision.authorization?.kind !== 'new' || !subject) return undefined
  return authorizationOf(subject, {
    id: family?.authorization_id ?? newTimedId<AuthorizationId>(random),
    client_id: client.client_id,
    scope,
    resources: audience,
    created_at: now,
    // Not before the expiry of the family's last access token or, without a family, of this one.
    expires_at: (family?.idle_expires_at ?? now) + lifetime,
  })
}

function refreshTokenOf(
  { refresh, use }: Decision,
  created: RefreshFamily | undefined,
  now: Seconds,
  tokens: RefreshTokens,
): IssuedRefreshToken | undefined {
  const kept = refresh?.kind === 'existing' ? refresh : undefined
  const family = created ?? kept?.family
  if (!family) return undefined
  const { id, expires_at } = family
  const { idle_expires_at } = use && 'idleExpiresAt' in use ? { idle_expires_at: use.idleExpiresAt } : family
  return {
    value: tokens.format({ family: id, generation: kept?.generation ?? family.generation, expires_at }),
    expiration: expirationOf({ idle_expires_at, expires_at }, now),
  }
}

function commitOf(
  decision: Decision,
  {
    authorization,
    family,
    accessToken,
  }: { authorization?: Authorization; family?: RefreshFamily; accessToken: AccessToken },
  { now: at, lifetime }: Span,
): Commit | undefined {
  const { use, subject, client } = decision
  const existing = existingAuthorization(decision)
  const { reference: referenceToken } = accessToken
  if (!use && !existing && !authorization && !family && !referenceToken) return undefined
  return {
    at,
    client_id: client.client_id,
    sub: subject?.sub,
    epoch: authorization && subject?.epoch,
    authorization: existing && {
      id: existing.id,
      until: untilOfExisting(decision, family, { now: at, lifetime }),
    },
    use,
    issue: authorization || family || referenceToken ? { authorization, family, referenceToken } : undefined,
  }
}

function untilOfExisting(
  decision: Decision,
  family: RefreshFamily | undefined,
  { now, lifetime }: Span,
): Seconds {
  const { authorization, use } = decision
  if (authorization?.kind === 'inherited') return authorization.until
  const slides = use?.kind === 'refresh_rotation' || use?.kind === 'refresh_reuse'
  return Math.max(now, slides ? use.idleExpiresAt : (family?.idle_expires_at ?? now)) + lifetime
}
