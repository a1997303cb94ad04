/** Access tokens: JWTs (RFC 9068), or reference tokens whose claims are stored. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Json, JsonObject } from '@tessera/protocol/result'
import { formatScope } from '@tessera/protocol/scope'
import type { AuthorizationId, Confirmation, ReferenceToken } from '../model/authorization.ts'
import type { Client, ClientClaim } from '../model/client.ts'
import { hashHandle, newHandle, newId } from '../model/handle.ts'
import type { KeyRing } from '../model/keys.ts'
import type { Subject } from '../model/user.ts'
import type { Random } from '../runtime/ports.ts'
import type { Audience } from './audience.ts'
import { accessTokenKinds, signJwt } from './jwt.ts'
import type { SubjectIdentifiers } from './subject-identifier.ts'

export type AccessTokenContent = {
  readonly client: Client
  /** The APIs that it is for, and its scope. */
  readonly audience: Audience
  /** Undefined for a token without a user. */
  readonly subject?: Omit<Subject, 'claims'> & { readonly sid?: string }
  /**
   * The `sub` of a token without a user: the client that the token is for (RFC 9068 §2.2). Default: `client`. Another one
   * if its own token was exchanged (RFC 8693 §2.1).
   */
  readonly subject_client?: string
  readonly authorization_id?: AuthorizationId
  /** The `jti` of each token that this one is derived from. Revoking one of them revokes this token. */
  readonly derived_from?: readonly string[]
  /** The clients of those tokens. Revoking or disabling one of them revokes this token. */
  readonly derived_from_clients?: readonly string[]
  readonly cnf?: Confirmation
  /** Claims about the user and claims of the grant. They can't replace registered ones. */
  readonly claims?: JsonObject
  /** Claims about the client from the grant. */
  readonly clientClaims?: readonly ClientClaim[]
  readonly issued_at: Seconds
  readonly type: 'jwt' | 'reference'
  readonly lifetime: Seconds
}

export type AccessToken = {
  readonly value: string
  /** RFC 6749 §7.1; `DPoP` if it is bound to the key of a proof (RFC 9449 §5). */
  readonly token_type: TokenType
  readonly expires_in: Seconds
  /** The row to store for a reference token. */
  readonly reference?: ReferenceToken
}

export type TokenType = 'Bearer' | 'DPoP'

/** Returns how a token with this binding is sent (RFC 6749 §7.1, RFC 9449 §5, RFC 8705 §3). */
export const tokenTypeOf = (cnf: Confirmation | undefined): TokenType =>
  cnf?.jkt === undefined ? 'Bearer' : 'DPoP'

export type AccessTokens = {
  readonly make: (content: AccessTokenContent) => Promise<AccessToken>
}

type AccessTokenPorts = {
  readonly issuer: string
  readonly keys: KeyRing
  readonly subjects: SubjectIdentifiers
  readonly random: Random
  /** Whether `scope` in JWTs is a list as in IdentityServer4, rather than a string as in RFC 9068 §2.2.3. */
  readonly scopeAsList: boolean
}

export function createAccessTokens({
  issuer,
  keys,
  subjects,
  random,
  scopeAsList,
}: AccessTokenPorts): AccessTokens {
  const claimsOf = (content: AccessTokenContent): JsonObject => {
    const { client, subject, subject_client, issued_at: now } = content
    const claims: Record<string, Json | undefined> = {
      ...content.claims,
      ...clientClaimsOf(content),
      ...reservedClaims,
      iss: issuer,
      sub: subject ? subjects.subjectFor(client, subject.sub) : (subject_client ?? client.client_id),
      aud: content.audience.aud,
      exp: now + content.lifetime,
      iat: now,
      nbf: now,
      jti: newId(random),
      client_id: client.client_id,
      scope: scopeAsList ? content.audience.scope : formatScope(content.audience.scope),
      ...(subject && authenticationClaims(subject, subjects.sessionIdFor(client, subject.sid))),
      authorization_id: content.authorization_id,
      derived_from: content.derived_from,
      derived_from_clients: content.derived_from_clients,
      cnf: content.cnf,
    }
    return claims as JsonObject
  }

  return {
    async make(content) {
      const claims = claimsOf(content)
      if (content.type === 'reference') return makeReference(content, claims)
      const key = keys.signing(content.audience.signingAlgorithm)
      return {
        value: await signJwt(key, accessTokenKinds[content.audience.typ], claims),
        token_type: tokenTypeOf(content.cnf),
        expires_in: content.lifetime,
      }
    },
  }

  function makeReference(content: AccessTokenContent, claims: JsonObject): AccessToken {
    const value = newHandle(random, 'ta')
    return {
      value,
      token_type: tokenTypeOf(content.cnf),
      expires_in: content.lifetime,
      reference: {
        hash: hashHandle(value),
        authorization_id: content.authorization_id,
        client_id: content.client.client_id,
        claims,
        expires_at: content.issued_at + content.lifetime,
      },
    }
  }
}

/**
 * Unsets claims that only this server may set, even if a token doesn't have them. Otherwise a hook could add an
 * `auth_time` and make a client look like a user.
 */
const reservedClaims = {
  auth_time: undefined,
  idp: undefined,
  amr: undefined,
  acr: undefined,
  sid: undefined,
  tenant: undefined,
} as const

/**
 * Returns how the user signed in (RFC 9068 §2.2.1, OpenID Connect Core 1.0 §2). `idp` and `tenant` come from
 * IdentityServer.
 * @param sid the session id for this client.
 */
export const authenticationClaims = (
  subject: NonNullable<AccessTokenContent['subject']>,
  sid: string | undefined,
): Readonly<Record<string, Json | undefined>> => ({
  auth_time: subject.auth_time,
  idp: subject.idp,
  amr: subject.amr,
  acr: subject.acr,
  sid,
  tenant: subject.tenant,
})

/**
 * Returns the client's claims with their prefix; for a user's token only if the client is configured for that. Repeated
 * types become a list.
 */
function clientClaimsOf({ client, subject, clientClaims = [] }: AccessTokenContent): JsonObject {
  const own = subject === undefined || client.always_send_client_claims ? client.claims : []
  if (own.length + clientClaims.length === 0) return {}
  return prefixClientClaims([...own, ...clientClaims], client.client_claims_prefix)
}

function prefixClientClaims(claims: readonly ClientClaim[], prefix: string): JsonObject {
  const prefixed = new Map<string, Json>()
  for (const { type, value } of claims) {
    const name = prefix + type
    const before = prefixed.get(name)
    prefixed.set(name, before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value])
  }
  return Object.fromEntries(prefixed)
}
