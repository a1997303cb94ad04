/**
 * The public interface of extension grants (RFC 6749 §4.5). The built-in token exchange and JWT bearer grants use only
 * this interface. The endpoint checks each decision again, so that scope, audience and lifetime can't exceed the
 * client's.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Parameters } from '@tessera/protocol/parameters'
import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Awaitable, Log } from '../runtime/ports.ts'
import type { AuthorizationId, Confirmation } from './authorization.ts'
import type { Client, ClientClaim } from './client.ts'
import type { Hook, HookContext } from './hook.ts'
import type { Subject, User } from './user.ts'

/** Declares an extension grant; see `docs/guides/extension-grants.md`. */
export const defineGrant = (grant: ExtensionGrant): ExtensionGrant => grant

export type ExtensionGrant = {
  /** The `grant_type` value: an absolute URI, or a name that no standard grant has. */
  readonly grantType: string
  /** Its parameters. If a required one is missing, or one is too long, the error is `invalid_request` and `decide` does not run. */
  readonly parameters: Readonly<Record<string, GrantParameter>>
  /** Decides without side effects. An exception is logged, and the response is `invalid_grant`. */
  readonly decide: (request: GrantRequest, context: GrantContext) => Awaitable<GrantDecision | GrantRefusal>
}

type GrantParameter = {
  readonly required?: boolean
  /** Characters. Default: 4096. */
  readonly maxLength?: number
}

export type GrantRequest = {
  readonly client: Client
  readonly parameters: Parameters
  /** The requested scope, sorted and not yet checked; undefined if there is none. */
  readonly scope: readonly string[] | undefined
  /** RFC 8707 and RFC 8693 §2.1. */
  readonly resource: readonly string[]
  readonly audience: readonly string[]
  /** The key that the request proved possession of. Its tokens will be bound to this key (RFC 8705 §3). */
  readonly confirmation?: Confirmation
}

export type GrantContext = HookContext & {
  readonly now: Seconds
  readonly issuer: string
  /** The JWS algorithms that the issuer and the profile of the client accept. */
  readonly signatureAlgorithms: readonly string[]
  readonly log: Log
  /**
   * Verifies an access token of this issuer, JWT or reference; resolves to undefined if it is not valid. Does not check
   * that the request proves the key of a bound one. A decision is refused if the user of a token that was verified for
   * it is inactive (`user_inactive`), or belongs to a tenant that the client may not use (`user_of_another_tenant`).
   */
  readonly verifyAccessToken: (token: string) => Promise<VerifiedToken | undefined>
  /** Resolves to an active user by `sub`. */
  readonly user: (sub: string) => Promise<User | undefined>
}

/** A token of this issuer, after its signature, expiry and revocation were checked. */
export type VerifiedToken = {
  readonly claims: JsonObject
  readonly client_id: string
  /** The local user or, without one (no `auth_time`), a client. `claims.sub` may be a pairwise identifier (OpenID Connect Core 1.0 §8). */
  readonly sub: string
  readonly scope: readonly string[]
  readonly audience: readonly string[]
  readonly expires_at: Seconds
  readonly authorization_id?: AuthorizationId
  /** The key that it is bound to. Compare it with that of the request, unless the new token is derived from it. */
  readonly cnf?: Confirmation
}

export type GrantDecision = {
  readonly ok: true
  /**
   * The user of the token. Omitted: the client itself, or the client whose own token this one is derived from (RFC 8693
   * §2.1).
   */
  readonly subject?: Partial<Omit<Subject, 'signed_in_at'>> & Pick<Subject, 'sub'>
  /** Default: the requested scope, or else every API scope that the client may request. */
  readonly scope?: readonly string[]
  /** Names of API resources that own one of the scopes. Default: all of them. */
  readonly audience?: readonly string[]
  /** At most the client's `access_token_lifetime`. */
  readonly lifetime?: Seconds
  readonly access_token_type?: 'jwt' | 'reference'
  /** Additional claims of the access token, such as `act` (RFC 8693 §4.1). Registered claims are ignored. */
  readonly claims?: JsonObject
  readonly client_claims?: readonly ClientClaim[]
  /** The client that the token is issued to, instead of the one that made the request. */
  readonly client_id?: string
  /** The token that this one is derived from. It limits scope and lifetime, and revoking its authorization revokes this token. The request must prove its key, if it is bound to one. */
  readonly derivedFrom?: VerifiedToken
  /** A one-time id, such as an assertion's `jti`, which is refused if it was used before. The grant accepts it until `expires_at`. */
  readonly uses?: { readonly id: string; readonly expires_at: Seconds }
  /** Additional members of the token response. Standard members are ignored. */
  readonly members?: { readonly [name: string]: Json }
}

export type GrantRefusal = {
  readonly ok: false
  /** Default: `invalid_grant`. */
  readonly error?: string
  readonly description?: string
  /** For the log. */
  readonly reason?: string
  readonly members?: JsonObject
}

/** A module's hook that runs after the grant's decision. It can refuse the request, or add members to the response. */
export type TokenRequestValidator = Hook<ValidatedTokenRequest, TokenRequestVerdict>
export type ValidatedTokenRequest = {
  readonly client_id: string
  readonly grant_type: string
  /** Omitted: the client itself. */
  readonly sub?: string
  readonly scope: readonly string[]
  /** Without credentials. */
  readonly parameters: ReadonlyMap<string, string>
}
export type TokenRequestVerdict =
  | { readonly ok: true; readonly members?: JsonObject }
  | {
      readonly ok: false
      /** Default: `invalid_request`. */
      readonly error?: string
      readonly description?: string
      readonly members?: JsonObject
    }
