/** Ports and decisions of grants. A decision is a value: the endpoint, not the grant, signs, commits and responds. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Ignored, Limits, Parameters } from '@tessera/protocol/parameters'
import type { JsonObject, Refusal, Result } from '@tessera/protocol/result'
import type { AccessEndings } from '../../identity/access-endings.ts'
import type { BarsPasswordGrant } from '../../identity/mfa-policy.ts'
import type { SignIn } from '../../identity/sign-in.ts'
import type {
  Authorization,
  AuthorizationId,
  Confirmation,
  IsRevoked,
  RefreshFamily,
} from '../../model/authorization.ts'
import type { Client, ClientClaim, Clients } from '../../model/client.ts'
import type { GrantContext } from '../../model/extension-grant.ts'
import type { CheckedHook } from '../../model/hook.ts'
import type { Stores, Use } from '../../model/ports/stores.ts'
import type { PreviousRefreshTokenHook } from '../../model/previous-refresh-token.ts'
import type { Resources } from '../../model/resource.ts'
import type { Step } from '../../model/steps.ts'
import type { CheckedSubject, Profile } from '../../model/user.ts'
import type { Awaitable, Clock, Log, TokenHash } from '../../runtime/ports.ts'
import type { AccessTokenContent } from '../../tokens/access-token.ts'
import type { RefreshTokens } from '../../tokens/refresh-token.ts'
import type { SubjectIdentifiers } from '../../tokens/subject-identifier.ts'
import type { ActiveToken } from '../../tokens/verification.ts'

/** A grant of the token endpoint (RFC 6749 §4, §6; RFC 8628 §3.4). */
export type Grant = {
  readonly grantType: string
  /** Length limits of the grant's own parameters. */
  readonly limits: Limits
  /** Decides without side effects. */
  readonly decide: (request: TokenRequest, context: GrantPorts) => Awaitable<Decision | RefusedDecision>
}

/** An authenticated token request. */
export type TokenRequest = {
  readonly client: Client
  readonly parameters: Parameters
  /** The key of the client that the tokens will be bound to. */
  readonly confirmation?: Confirmation
  /**
   * Returns the key binding of tokens that are issued to another client. Refuses if they must be bound but can't be.
   */
  readonly confirmFor: (client: Client) => Result<Confirmation | undefined>
  /** The network that the request came from. */
  readonly from: string
  /** The id of the request, as in the log. */
  readonly id: string
}

/** The ports of grants. */
export type GrantPorts = {
  readonly clock: Clock
  readonly log: Log
  readonly resources: Resources
  readonly stores: Pick<Stores, 'authorizations' | 'codes' | 'devices' | 'families'>
  readonly profile: Profile
  readonly isRevoked: IsRevoked
  readonly refreshTokens: RefreshTokens
  readonly subjects: Pick<SubjectIdentifiers, 'subjectFor'>
  readonly signIn: SignIn
  readonly accessEndings: Pick<AccessEndings, 'latest' | 'isSince' | 'isOvertaken'>
  /** Returns whether the user needs a second factor, which the password grant can't request. */
  readonly barsPasswordGrant: BarsPasswordGrant
  /** The context of extension grants. They get tokens without the authorization. */
  readonly extension: Omit<GrantContext, 'now' | 'signal' | 'verifyAccessToken'> & {
    readonly verifyAccessToken: (token: string) => Promise<ActiveToken | undefined>
  }
  /** Returns the content of a refresh token of the server that this one replaces. */
  readonly previousRefreshToken?: CheckedHook<PreviousRefreshTokenHook> | undefined
  readonly findClient: Clients['find']
}

export type Decision = {
  readonly ok: true
  /** The client that the tokens are issued to. */
  readonly client: Client
  /** The scope of the access token, sorted. */
  readonly scope: readonly string[]
  /**
   * Names of the APIs that the access token is limited to (RFC 8707); empty if it is valid at every API of the scope.
   */
  readonly audience: readonly string[]
  /** Undefined if there is no user. */
  readonly subject?: TokenSubject
  /** Without a user: whose `sub` the token has; see `AccessTokenContent`. */
  readonly subject_client?: string
  /** The authorization that the tokens belong to. */
  readonly authorization?: AuthorizationChoice
  readonly use?: Use
  readonly refresh?: RefreshChoice
  /** Set if an ID token is issued (`openid` was granted). */
  readonly idToken?: { readonly nonce?: string; readonly s_hash?: string }
  /** The user claims that the refresh family stored for the access token; undefined if they are read now. */
  readonly keptClaims?: JsonObject
  /** Claims that the grant adds to the access token. */
  readonly claims?: JsonObject
  readonly clientClaims?: readonly ClientClaim[]
  readonly confirmation?: Confirmation
  readonly lifetime?: Seconds
  /**
   * The expiry of the token that this one is derived from. The access token never outlives it, however long signing
   * takes.
   */
  readonly not_after?: Seconds
  /** The tokens that this one is derived from; see `AccessTokenContent`. */
  readonly origin?: Pick<AccessTokenContent, 'derived_from' | 'derived_from_clients'>
  /** When the last of them was issued. */
  readonly origin_issued_at?: Seconds
  readonly accessTokenType?: 'jwt' | 'reference'
  /** Parts of the request that have no effect. */
  readonly ignored?: readonly Ignored[]
  /** Extra response members; they can't replace standard ones. */
  readonly members?: JsonObject
}

export type TokenSubject = CheckedSubject & Pick<Authorization, 'sid' | 'sign_in_tenant'>

export type AuthorizationChoice =
  /** Created by this request (password and extension grants), with everything that was granted. */
  | { readonly kind: 'new' }
  /** Created earlier (code, device, refresh). */
  | { readonly kind: 'existing'; readonly authorization: Authorization }
  /** The authorization of another token: if it is revoked, this token is too (token exchange). */
  | { readonly kind: 'inherited'; readonly id: AuthorizationId; readonly until: Seconds }

export type RefreshChoice =
  | { readonly kind: 'new'; readonly scope: readonly string[] }
  /** Reissues the family's token of this generation. */
  | { readonly kind: 'existing'; readonly family: RefreshFamily; readonly generation: number }

/** A refusal, with the write that the endpoint performs for it. */
export type RefusedDecision = Refusal & {
  readonly effect?: Effect
  /** The step that refused. Default: `decide`. */
  readonly step?: Step
}

export type Effect =
  | { readonly kind: 'burn_code'; readonly hash: TokenHash }
  | {
      readonly kind: 'revoke_authorization'
      readonly id: AuthorizationId
      /** Its user, for the event. */
      readonly sub: string
    }
  | { readonly kind: 'device_polled'; readonly hash: TokenHash; readonly slowDown: boolean }
