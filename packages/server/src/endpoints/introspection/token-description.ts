/** Describes a token to a caller (RFC 7662 §2.2, §4). APIs see tokens with their audience; clients see their own. */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { JsonObject } from '@tessera/protocol/result'
import { formatScope } from '@tessera/protocol/scope'
import type { Caller } from '../../clients/authentication/caller.ts'
import { subjectOfToken } from '../../identity/profile.ts'
import { recheckFamily } from '../../identity/recheck-authorization.ts'
import type { IsRevoked } from '../../model/authorization.ts'
import { isPublic } from '../../model/client.ts'
import type { VerifiedToken } from '../../model/extension-grant.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Profile, ProfileRequest } from '../../model/user.ts'
import type { Awaitable, Clock } from '../../runtime/ports.ts'
import { type TokenType, tokenTypeOf } from '../../tokens/access-token.ts'
import { expirationOf, type RefreshTokens } from '../../tokens/refresh-token.ts'
import type { SubjectIdentifiers } from '../../tokens/subject-identifier.ts'
import type { TokenVerifier } from '../../tokens/verification.ts'

export type DescriptionPorts = {
  readonly issuer: string
  readonly clock: Clock
  readonly verifier: TokenVerifier
  readonly refreshTokens: RefreshTokens
  readonly subjects: SubjectIdentifiers
  readonly stores: Pick<Stores, 'families'>
  readonly profile: Profile
  readonly isRevoked: IsRevoked
  readonly compatibility: 'none' | 'identityserver4'
}

/** The response, and for an inactive token the reason, which the caller does not learn (RFC 7662 §2.2). */
type Described = { readonly response: JsonObject; readonly reason?: string }

/** The response for unknown, expired or revoked tokens, and for those that the caller may not see. */
const inactive = (reason: string): Described => ({ response: { active: false }, reason })

export async function describeToken(
  token: string,
  caller: Caller,
  ports: DescriptionPorts,
): Promise<Described> {
  if (token.startsWith('tr_')) return describeRefreshToken(token, caller, ports)
  const verified = await ports.verifier.verifyAccessToken(token)
  if (!verified.ok) return inactive(verified.reason)
  const { client_id, claims, cnf, authorization } = verified.value
  const scope = visibleScope(verified.value, caller)
  if (scope === undefined) return inactive('token_of_another_caller')
  // Where a provider's user signed in, and their claims, are stored with the authorization.
  const subject = subjectOfToken(verified.value, authorization)
  if (!(await userMay(subject, client_id, ports))) return inactive('user_inactive')
  const response = {
    ...claims,
    active: true,
    client_id,
    scope: formatScope(scope),
    ...kindOf('access_token', ports, tokenTypeOf(cnf)),
  }
  return { response }
}

/**
 * Returns the members for the kind of token. `token_type` is how the token is used (RFC 6749 §5.1), which does not
 * apply to refresh tokens (RFC 7662 §2.2).
 */
const kindOf = (
  token_use: 'access_token' | 'refresh_token',
  { compatibility }: DescriptionPorts,
  token_type?: TokenType,
): JsonObject => {
  if (compatibility === 'identityserver4') return { token_use, token_type: token_use }
  return token_type === undefined ? { token_use } : { token_use, token_type }
}

/** Returns the scopes that the caller may see; undefined if it may not see the token. */
function visibleScope(
  { client_id, scope, audience }: VerifiedToken,
  caller: Caller,
): readonly string[] | undefined {
  if (caller.kind === 'client') return client_id === caller.client.client_id ? scope : undefined
  if (!audience.includes(caller.api.name)) return undefined
  const own = scope.filter(name => caller.api.scopes.includes(name))
  return own.length > 0 ? own : undefined
}

const userMay = (
  subject: ProfileRequest['subject'] | undefined,
  client_id: string,
  { profile }: DescriptionPorts,
): Awaitable<boolean> => subject === undefined || profile.isActive({ subject, client_id })

/**
 * Describes a refresh token. It is active if the refresh token grant would accept it from the caller now. Of a family,
 * only the newest generation is; older ones can only be retried.
 */
async function describeRefreshToken(
  token: string,
  caller: Caller,
  ports: DescriptionPorts,
): Promise<Described> {
  const now = ports.clock.now()
  const handle = ports.refreshTokens.parse(token)
  if (!handle) return inactive('refresh_token_malformed')
  if (handle.expires_at <= now) return inactive('refresh_token_expired')
  if (caller.kind !== 'client') return inactive('token_of_another_caller')
  const { client_id, grant_types } = caller.client
  const found = await ports.stores.families.find(handle.family)
  if (!found) return inactive('refresh_token_unknown')
  if (found.family.client_id !== client_id) return inactive('token_of_another_caller')
  const { family, authorization } = found
  if (family.idle_expires_at <= now) return inactive('refresh_token_idle_too_long')
  if (handle.generation !== family.generation) return inactive('refresh_token_reused')
  if (!grant_types.has(grantTypes.refreshToken)) return inactive('grant_type_not_allowed')
  const refusal = await recheckFamily(found, caller.client, ports)
  if (refusal) return inactive(refusal.reason)
  const { cnf } = family
  // RFC 9449 §5: a confidential client may refresh with another key.
  const isUnbound = cnf?.jkt !== undefined && !isPublic(caller.client)
  const response = {
    active: true,
    iss: ports.issuer,
    sub: ports.subjects.subjectFor(caller.client, authorization.sub),
    client_id,
    iat: family.rotated_at,
    exp: family.idle_expires_at,
    // draft-ietf-oauth-refresh-token-expiration-03 §7.
    ...expirationOf(family, now),
    scope: formatScope(family.scope),
    ...kindOf('refresh_token', ports),
    ...(cnf && !isUnbound && { cnf }),
  }
  return { response }
}
