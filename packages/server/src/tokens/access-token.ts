/** Access tokens: JWTs by RFC 9068, or reference tokens whose claims stay in the store. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Json, JsonObject } from '@tessera/protocol/result'
import { formatScope } from '@tessera/protocol/scope'
import type { AuthorizationId, Confirmation, ReferenceToken } from '../core/authorization.ts'
import type { ClientClaim } from '../core/client.ts'
import { hashHandle, newHandle, newId } from '../core/handle.ts'
import type { KeyRing } from '../core/keys.ts'
import type { Clock, Random } from '../core/runtime.ts'
import type { Subject } from '../core/user.ts'
import type { Audience } from './audience.ts'
import { signJwt } from './jwt.ts'

export type AccessTokenContent = {
  readonly client_id: string
  /** Whom it is for, and its scope. */
  readonly audience: Audience
  /** Omitted: the client's own token; its `sub` is the client_id (RFC 9068 §2.2). */
  readonly subject?: Omit<Subject, 'claims'> & { readonly sid?: string }
  readonly authorization_id?: AuthorizationId
  readonly cnf?: Confirmation
  /** Claims about the user and those that a grant adds; they never replace the registered ones. */
  readonly claims?: JsonObject
  readonly clientClaims: JsonObject
  readonly type: 'jwt' | 'reference'
  readonly lifetime: Seconds
}

export type AccessToken = {
  readonly value: string
  readonly expires_in: Seconds
  /** What must be stored for a reference token. */
  readonly reference?: ReferenceToken
}

export type AccessTokens = {
  readonly make: (content: AccessTokenContent) => AccessToken | Promise<AccessToken>
}

export type AccessTokenPorts = {
  readonly issuer: string
  readonly keys: KeyRing
  readonly clock: Clock
  readonly random: Random
  /** IdentityServer4 writes `scope` in JWTs as a list; RFC 9068 §2.2.3 as one string. */
  readonly scopeAsList: boolean
}

export function createAccessTokens({
  issuer,
  keys,
  clock,
  random,
  scopeAsList,
}: AccessTokenPorts): AccessTokens {
  const claimsOf = (content: AccessTokenContent, now: Seconds): JsonObject => {
    const { subject } = content
    const claims: Record<string, Json | undefined> = {
      ...content.claims,
      ...content.clientClaims,
      iss: issuer,
      sub: subject?.sub ?? content.client_id,
      aud: content.audience.aud,
      exp: now + content.lifetime,
      iat: now,
      nbf: now,
      jti: newId(random),
      client_id: content.client_id,
      scope: scopeAsList ? content.audience.scope : formatScope(content.audience.scope),
    }
    if (subject) Object.assign(claims, authenticationClaims(subject))
    if (content.authorization_id !== undefined) claims.authorization_id = content.authorization_id
    if (content.cnf !== undefined) claims.cnf = content.cnf
    return claims as JsonObject
  }

  return {
    make(content) {
      const now = clock.now()
      const claims = claimsOf(content, now)
      if (content.type === 'reference') return makeReference(content, claims, now)
      const signed = signJwt(keys.signing(content.audience.signingAlgorithm), 'at+jwt', claims)
      const expires_in = content.lifetime
      return typeof signed === 'string'
        ? { value: signed, expires_in }
        : signed.then(value => ({ value, expires_in }))
    },
  }

  function makeReference(content: AccessTokenContent, claims: JsonObject, now: Seconds): AccessToken {
    const value = newHandle(random, 'ta')
    return {
      value,
      expires_in: content.lifetime,
      reference: {
        hash: hashHandle(value),
        ...(content.authorization_id !== undefined && { authorization_id: content.authorization_id }),
        client_id: content.client_id,
        claims,
        expires_at: now + content.lifetime,
      },
    }
  }
}

/** How the user signed in (RFC 9068 §2.2.1, OpenID Connect Core 1.0 §2); `idp` and `tenant` are IdentityServer's. */
export const authenticationClaims = (subject: NonNullable<AccessTokenContent['subject']>): JsonObject => ({
  auth_time: subject.auth_time,
  idp: subject.idp,
  amr: subject.amr,
  ...(subject.acr !== undefined && { acr: subject.acr }),
  ...(subject.sid !== undefined && { sid: subject.sid }),
  ...(subject.tenant !== undefined && { tenant: subject.tenant }),
})

/** The client's claims under their prefix; several of one type become a list. */
export function prefixClientClaims(claims: readonly ClientClaim[], prefix: string): JsonObject {
  const prefixed: Record<string, Json> = {}
  for (const { type, value } of claims) {
    const name = prefix + type
    const before = prefixed[name]
    prefixed[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  return prefixed
}
