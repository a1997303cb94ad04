/**
 * The public interface of extension grants (RFC 6749 §4.5). Token exchange and JWT bearer are built on it and on
 * nothing else. The endpoint rechecks what a grant decides: scope, audience and lifetime never exceed the client's.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Parameters } from '@tessera/protocol/parameters'
import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Awaitable, Log } from '../runtime/ports.ts'
import type { AuthorizationId, Confirmation } from './authorization.ts'
import type { Client, ClientClaim } from './client.ts'
import type { Subject, User } from './user.ts'

/** Declares an extension grant; see `docs/guides/extension-grants.md`. */
export const defineGrant = (grant: ExtensionGrant): ExtensionGrant => grant

export type ExtensionGrant = {
  /** The `grant_type` value: an absolute URI, or a name that no standard grant has. */
  readonly grantType: string
  /** The parameters that it reads: a missing required one or one that is too long is `invalid_request` before `decide` runs. */
  readonly parameters: Readonly<Record<string, GrantParameter>>
  /** Decides; reads only. What it throws is logged and answered `invalid_grant`. */
  readonly decide: (request: GrantRequest, context: GrantContext) => Awaitable<GrantDecision | GrantRefusal>
}

type GrantParameter = {
  readonly required?: boolean
  /** Characters; 4096 unless said otherwise. */
  readonly maxLength?: number
}

export type GrantRequest = {
  readonly client: Client
  readonly parameters: Parameters
  /** The scope asked for, sorted; undefined when none was. Not yet checked. */
  readonly scope: readonly string[] | undefined
  /** RFC 8707 and RFC 8693 §2.1. */
  readonly resource: readonly string[]
  readonly audience: readonly string[]
  /** The key that the request proved to hold, and that its tokens will be bound to (RFC 8705 §3). */
  readonly confirmation?: Confirmation
}

export type GrantContext = {
  readonly now: Seconds
  readonly issuer: string
  readonly log: Log
  /** A living access token of this issuer, JWT or reference; undefined for any other text. */
  readonly verifyAccessToken: (token: string) => Promise<VerifiedToken | undefined>
  /** An active user by `sub`. */
  readonly user: (sub: string) => Promise<User | undefined>
}

/** A token of this issuer whose signature, lifetime and standing were checked. */
export type VerifiedToken = {
  readonly claims: JsonObject
  readonly client_id: string
  /** The user here, or the client itself; `claims.sub` is what the client was told (OpenID Connect Core 1.0 §8). */
  readonly sub: string
  readonly scope: readonly string[]
  readonly audience: readonly string[]
  readonly expires_at: Seconds
  readonly authorization_id?: AuthorizationId
  readonly cnf?: Confirmation
}

export type GrantDecision = {
  readonly ok: true
  /** Whose token it is; omitted: the client's own. */
  readonly subject?: Partial<Subject> & Pick<Subject, 'sub'>
  /** Omitted: what was asked for, else every API scope that the client is allowed. */
  readonly scope?: readonly string[]
  /** API resource names; at most those that own the scope. Omitted: all of those. */
  readonly audience?: readonly string[]
  /** At most the client's `access_token_lifetime`. */
  readonly lifetime?: Seconds
  readonly access_token_type?: 'jwt' | 'reference'
  /** More claims of the access token, such as `act` (RFC 8693 §4.1); never the registered ones. */
  readonly claims?: JsonObject
  readonly client_claims?: readonly ClientClaim[]
  /** The registered client that the token is issued to instead of the one that asked. */
  readonly client_id?: string
  /** The token that this one stems from: scope and lifetime never exceed its own, and it falls with its authorization. */
  readonly derivedFrom?: VerifiedToken
  /** A one-use id, such as an assertion's `jti`, refused when it was used before. `expires_at`: until when the grant accepts it. */
  readonly uses?: { readonly id: string; readonly expires_at: Seconds }
  /** More members of the token response; never the standard ones. */
  readonly members?: { readonly [name: string]: Json }
}

export type GrantRefusal = {
  readonly ok: false
  /** `invalid_grant` unless said otherwise. */
  readonly error?: string
  readonly description?: string
  /** For the log. */
  readonly reason?: string
  readonly members?: JsonObject
}

/** A module's last word on a token request once its grant has decided: it may refuse, or add members to the response. */
export type TokenRequestValidator = (request: {
  readonly client_id: string
  readonly grant_type: string
  readonly sub?: string
  readonly scope: readonly string[]
  /** Without credentials. */
  readonly parameters: ReadonlyMap<string, string>
}) => Awaitable<
  | { readonly ok: true; readonly members?: JsonObject }
  | {
      readonly ok: false
      readonly error?: string
      readonly description?: string
      readonly members?: JsonObject
    }
>
