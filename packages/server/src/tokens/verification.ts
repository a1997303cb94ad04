/** Verifies access tokens of this issuer: signature, expiry and revocation (RFC 9068 §4, RFC 7662 §4). */

import type { Seconds } from '@tessera/protocol/brand'
import { maxTokenLength } from '@tessera/protocol/parameters'
import { type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { parseScope } from '@tessera/protocol/scope'
import type { Authorization, AuthorizationId, Confirmation, IsRevoked } from '../model/authorization.ts'
import type { Client, Clients } from '../model/client.ts'
import type { VerifiedToken } from '../model/extension-grant.ts'
import { hashHandle } from '../model/handle.ts'
import type { KeyRing, VerificationKey } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import { isOfUser } from '../model/user.ts'
import { setBounded } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/ports.ts'
import { accessTokenKinds, type JwtKind, readClaims, verifyJwt } from './jwt.ts'
import type { SubjectIdentifiers } from './subject-identifier.ts'

export type TokenVerifier = {
  /**
   * Returns the verified token. Refuses `invalid_token` (RFC 6750 §3.1); the reason for an expired one is
   * `token_expired`.
   */
  readonly verifyAccessToken: (token: string) => Promise<Result<ActiveToken>>
}

/** A verified token, with its authorization as it was read. */
export type ActiveToken = VerifiedToken & { readonly authorization?: Authorization }

type TokenVerifierPorts = {
  readonly issuer: string
  readonly keys: KeyRing
  readonly clock: Clock
  readonly clients: Clients
  readonly subjects: SubjectIdentifiers
  /** Returns when everything that was issued to the client was last revoked. */
  readonly clientRevokedAt: (clientId: string) => Seconds | undefined
  readonly isRevoked: IsRevoked
  readonly stores: Pick<Stores, 'authorizations' | 'referenceTokens' | 'revokedTokens'>
}

export function createTokenVerifier({
  issuer,
  keys,
  clock,
  clients,
  subjects,
  clientRevokedAt,
  isRevoked,
  stores,
}: TokenVerifierPorts): TokenVerifier {
  const verifiedClaims = createJwtVerificationCache(keys, ...Object.values(accessTokenKinds))

  const verify = async (claims: JsonObject, expiresAt: Seconds): Promise<Result<ActiveToken>> => {
    if (!(expiresAt > clock.now())) return invalid('token_expired', 'The access token expired')
    const token = describe(claims, expiresAt)
    const client = await clients.find(token.client_id)
    if (!client?.enabled) return invalid('token_client_disabled')
    if (isRevokedClient(token.client_id, claims)) return invalid('token_client_revoked')
    if (claims.derived_from !== undefined && (await isOriginRevoked(claims)))
      return invalid('token_origin_revoked')
    if (token.authorization_id === undefined) return withSubject(token, client)
    const authorization = await stores.authorizations.find(token.authorization_id)
    if (authorization === undefined || isRevoked(authorization)) return invalid('token_authorization_revoked')
    // The authorization of an exchanged token belongs to another client, which must be enabled too.
    const given = authorization.client_id === token.client_id || (await clients.find(authorization.client_id))
    if (given !== true && !given?.enabled) return invalid('token_client_disabled')
    return withSubject({ ...token, authorization }, client, authorization.sub)
  }

  /** Returns whether everything of the client was revoked at or after the time of the token. */
  const isRevokedClient = (clientId: string, { iat }: JsonObject): boolean => {
    const revokedAt = clientRevokedAt(clientId)
    return revokedAt !== undefined && !(Number(iat) > revokedAt)
  }

  /** Returns whether a token that this one is derived from was revoked (RFC 7009 §2.1), alone or with its client. */
  const isOriginRevoked = async (claims: JsonObject): Promise<boolean> => {
    const { derived_from: tokens, derived_from_clients: ids } = claims
    for (const jti of Array.isArray(tokens) ? tokens : [])
      if (await stores.revokedTokens.has(String(jti))) return true
    for (const id of Array.isArray(ids) ? ids.map(String) : [])
      if (!(await clients.find(id))?.enabled || isRevokedClient(id, claims)) return true
    return false
  }

  /** Replaces the client's pairwise `sub` with the internal one. */
  const withSubject = (token: ActiveToken, client: Client, user?: string): Result<ActiveToken> => {
    if (client.subject_type === 'public' || isOfClient(token.claims)) return ok(token)
    return user !== undefined && subjects.subjectFor(client, user) === token.sub
      ? ok({ ...token, sub: user })
      : invalid('token_subject_unknown')
  }

  const verifyReference = async (token: string): Promise<Result<ActiveToken>> => {
    const found = await stores.referenceTokens.find(hashHandle(token))
    return found ? verify(found.claims, found.expires_at) : invalid('token_unknown')
  }

  const verifiedOf = (token: string): VerifiedClaims | undefined => {
    const verified = verifiedClaims(token)
    return verified?.claims.iss === issuer ? verified : undefined
  }

  /**
   * Returns whether another server may have issued the token, with a key that was imported from it. Whether that server
   * revoked it is unknown here. A user's token of this server always belongs to an authorization, and other tokens belong
   * to their client, or to the one whose token it was exchanged for. A client is not looked up: the `sub` of a user there
   * may be the URL of a document.
   */
  const isForeign = ({ claims, key }: VerifiedClaims): boolean => {
    if (key.signs_since === undefined) return false
    if (!(Number(claims.iat) >= key.signs_since)) return true
    return claims.authorization_id === undefined && !isOfClient(claims)
  }

  return {
    async verifyAccessToken(token) {
      if (token.length > maxTokenLength) return invalid('token_too_long')
      if (token.startsWith('ta_')) return verifyReference(token)
      const verified = verifiedOf(token)
      if (verified === undefined) return invalid('token_signature_invalid')
      if (isForeign(verified)) return invalid('token_of_another_server')
      const { claims } = verified
      if (await stores.revokedTokens.has(String(claims.jti))) return invalid('token_revoked')
      return verify(claims, Number(claims.exp))
    },
  }
}

/** Returns whether the subject is the client of the token, or another one whose token it is derived from. */
function isOfClient(claims: JsonObject): boolean {
  const { sub, client_id, derived_from_clients: clients } = claims
  if (sub === client_id) return true
  return !isOfUser(claims) && Array.isArray(clients) && clients.includes(String(sub))
}

const invalid = (reason: string, description = 'The access token is not valid'): Refusal =>
  refuse('invalid_token', reason, { description })

function describe(claims: JsonObject, expiresAt: Seconds): VerifiedToken {
  const scope = Array.isArray(claims.scope)
    ? (claims.scope as string[])
    : parseScope(String(claims.scope ?? ''))
  return {
    claims,
    client_id: String(claims.client_id),
    sub: String(claims.sub),
    scope: scope ?? [],
    audience: (Array.isArray(claims.aud) ? claims.aud : [claims.aud]) as string[],
    expires_at: expiresAt,
    authorization_id:
      typeof claims.authorization_id === 'string' ? (claims.authorization_id as AuthorizationId) : undefined,
    cnf: claims.cnf as Confirmation | undefined,
  }
}

/**
 * Each entry uses a few kilobytes. Only tokens with a valid signature are cached, so that strangers can't evict others.
 */
const cacheSize = 2000

/**
 * Returns a function that verifies JWTs of these kinds and remembers valid signatures. A signature stays valid while
 * its key is published, and checking it is the most expensive step. Everything else about a token is checked each time.
 */
function createJwtVerificationCache(
  keys: Pick<KeyRing, 'verification'>,
  ...kinds: readonly JwtKind[]
): (token: string) => VerifiedClaims | undefined {
  const signers = new Map<string, VerificationKey>()

  return token => {
    const key = signers.get(token)
    // The kid of an imported key may later name another key.
    const claims = key && keys.verification(key.kid) === key ? readClaims(token) : undefined
    // Parsed again, because callers may change the object.
    if (key && claims) return { key, claims }
    const verified = verifyJwt(keys, token, ...kinds)
    if (!verified) return undefined
    setBounded(signers, token, verified.key, cacheSize)
    return verified
  }
}

type VerifiedClaims = { readonly claims: JsonObject; readonly key: VerificationKey }
