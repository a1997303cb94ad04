/** What a grant decides: values that the endpoint signs, commits and answers; a grant itself neither signs nor writes. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Ignored, Limits, Parameters } from '@tessera/protocol/parameters'
import type { JsonObject, Refusal, Result } from '@tessera/protocol/result'
import type { BarsPasswordGrant } from '../../identity/mfa-policy.ts'
import type { SignIn } from '../../identity/sign-in.ts'
import type {
  Authorization,
  AuthorizationId,
  Confirmation,
  RefreshFamily,
} from '../../model/authorization.ts'
import type { Client, ClientClaim } from '../../model/client.ts'
import type { GrantContext } from '../../model/extension-grant.ts'
import type { Stores, Use } from '../../model/ports/stores.ts'
import type { Resources } from '../../model/resource.ts'
import type { Profile, Subject } from '../../model/user.ts'
import type { Awaitable, Clock, Log, TokenHash } from '../../runtime/ports.ts'
import type { RefreshTokens } from '../../tokens/refresh-token.ts'
import type { SubjectIdentifiers } from '../../tokens/subject-identifier.ts'

/** A grant of the token endpoint (RFC 6749 §4, §6; RFC 8628 §3.4). */
export type Grant = {
  readonly grantType: string
  /** How long its own parameters may be. */
  readonly limits: Limits
  /** Reads only. */
  readonly decide: (request: TokenRequest, context: GrantPorts) => Awaitable<Decision | RefusedDecision>
}

/** An authenticated token request. */
export type TokenRequest = {
  readonly client: Client
  readonly parameters: Parameters
  /** How the tokens will be bound to the client's key. */
  readonly confirmation?: Confirmation
  /** How tokens that this request gets for another client are bound. Refuses where they must be and can't be. */
  readonly confirmFor: (client: Client) => Result<Confirmation | undefined>
  /** The network that it came from. */
  readonly from: string
}

/** What grants may ask. */
export type GrantPorts = {
  readonly clock: Clock
  readonly log: Log
  readonly resources: Resources
  readonly stores: Pick<Stores, 'codes' | 'devices' | 'families'>
  readonly profile: Profile
  readonly refreshTokens: RefreshTokens
  readonly subjects: Pick<SubjectIdentifiers, 'subjectFor'>
  readonly signIn: SignIn
  /** Whether this user needs a second factor, which the password grant can't ask for. */
  readonly barsPasswordGrant: BarsPasswordGrant
  /** What extension grants see. */
  readonly extension: Omit<GrantContext, 'now'>
  readonly findClient: (clientId: string) => Awaitable<Client | undefined>
}

export type Decision = {
  readonly ok: true
  /** Whom the tokens are issued to. */
  readonly client: Client
  /** What the access token carries; sorted. */
  readonly scope: readonly string[]
  /** API names that the access token is limited to (RFC 8707); empty: every owner of the scope. */
  readonly audience: readonly string[]
  /** Omitted: the client itself. */
  readonly subject?: TokenSubject
  /** The authorization that the tokens hang on. */
  readonly authorization?: AuthorizationChoice
  readonly use?: Use
  readonly refresh?: RefreshChoice
  /** Present: an ID token is issued (the user gave `openid`). */
  readonly idToken?: { readonly nonce?: string; readonly s_hash?: string }
  /** The user claims of the access token as a refresh family kept them; omitted: read now. */
  readonly keptClaims?: JsonObject
  /** Claims that the grant adds to the access token. */
  readonly claims?: JsonObject
  readonly clientClaims?: readonly ClientClaim[]
  readonly confirmation?: Confirmation
  readonly lifetime?: Seconds
  /** When the access token ends at the latest, however long deciding and signing take: the end of the token that it stems from. */
  readonly not_after?: Seconds
  /** The `jti` of each token that it stems from: see `AccessTokenContent`. */
  readonly derived_from?: readonly string[]
  readonly accessTokenType?: 'jwt' | 'reference'
  /** What the request asked for without effect. */
  readonly ignored?: readonly Ignored[]
  /** More members of the response; never the standard ones. */
  readonly members?: JsonObject
}

export type TokenSubject = Subject & { readonly sid?: string }

export type AuthorizationChoice =
  /** Made by this request (direct grants), with all that the user or grant gave. */
  | { readonly kind: 'new' }
  /** Made before (code, device, refresh). */
  | { readonly kind: 'existing'; readonly authorization: Authorization }
  /** Another token's, which this one falls with (token exchange). */
  | { readonly kind: 'inherited'; readonly id: AuthorizationId; readonly until: Seconds }

type RefreshChoice =
  | { readonly kind: 'new'; readonly scope: readonly string[] }
  /** The family's token of this generation, made anew. */
  | { readonly kind: 'existing'; readonly family: RefreshFamily; readonly generation: number }

/** A refusal that must write names what, and the endpoint performs it. */
export type RefusedDecision = Refusal & { readonly effect?: Effect }

export type Effect =
  | { readonly kind: 'burn_code'; readonly hash: TokenHash }
  | { readonly kind: 'revoke_authorization'; readonly id: AuthorizationId }
  | { readonly kind: 'device_polled'; readonly hash: TokenHash; readonly slowDown: boolean }
