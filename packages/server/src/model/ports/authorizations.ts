/** Ports to authorizations and to the codes, families and tokens that belong to them. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable, TokenHash } from '../../runtime/ports.ts'
import type {
  Authorization,
  AuthorizationCode,
  AuthorizationId,
  DeviceAuthorization,
  FamilyId,
  GivenAccess,
  ReferenceToken,
  RefreshFamily,
} from '../authorization.ts'

export type Authorizations = {
  /** Also finds a revoked authorization. A missing one counts as revoked. */
  readonly find: (id: AuthorizationId) => Awaitable<Authorization | undefined>
  /**
   * Revokes it and everything that was issued for it. Returns false, and keeps the time of the first call, if it is revoked
   * or gone.
   */
  readonly revoke: (id: AuthorizationId, at: Seconds) => Promise<boolean>
  /**
   * Returns what the first `limit` clients after `after` may do for the user at `at`, in the order of their ids. It includes
   * what was revoked with everything that was issued to a client: see `IsRevoked`.
   */
  readonly accessOf: (
    sub: string,
    at: Seconds,
    page: { readonly after?: string | undefined; readonly limit: number },
  ) => Awaitable<readonly GivenAccess[]>
  /**
   * Deletes the user's authorizations beyond the `keep` that expire last, with their codes, refresh families and reference
   * tokens, but not more than `most` in one call. Resolves to the number of deleted authorizations.
   */
  readonly trim: (sub: string, keep: number, most: number) => Promise<number>
}

export type AuthorizationCodes = {
  /**
   * Stores the authorization, its code and the reference token issued with the code in one write. With `use`, the same
   * write also marks a one-time value as used. Resolves to false, and stores nothing, if that value was used before.
   */
  readonly issue: (
    authorization: Authorization,
    code: AuthorizationCode,
    beside?: {
      readonly referenceToken?: ReferenceToken | undefined
      readonly use?: UsedAssertion | undefined
    },
  ) => Promise<boolean>
  readonly find: (
    hash: TokenHash,
  ) => Awaitable<{ code: AuthorizationCode; authorization: Authorization } | undefined>
  /** Marks an unused code as used. Returns whether this call did. */
  readonly burn: (hash: TokenHash, at: Seconds) => Promise<boolean>
  /** Deletes an unused code, and its authorization if nothing else was issued for it. Does nothing to a used code. */
  readonly discard: (hash: TokenHash) => Promise<void>
}

export type DeviceAuthorizations = {
  /** Returns false, and stores nothing, if an unexpired one has the same user code. */
  readonly issue: (device: DeviceAuthorization) => Promise<boolean>
  /** Also returns the refresh family that its redemption created. */
  readonly find: (hash: TokenHash) => Awaitable<FoundDevice | undefined>
  readonly findByUserCode: (hash: TokenHash) => Awaitable<DeviceAuthorization | undefined>
  /**
   * Records the time of a poll. With `slowDown`, adds 5 s to the interval instead and keeps the time of the last poll
   * that was not too fast, so that a device which waits longer succeeds (RFC 8628 §3.5).
   */
  readonly recordPoll: (hash: TokenHash, at: Seconds, slowDown: boolean) => Promise<void>
  /**
   * Approves a pending, unexpired one and stores its authorization in one write. Returns false if it is no longer pending,
   * or if the session that approves has ended.
   */
  readonly approve: (
    userCodeHash: TokenHash,
    authorization: Authorization,
    at: Seconds,
    sid: string,
  ) => Promise<boolean>
  readonly deny: (userCodeHash: TokenHash, at: Seconds) => Promise<boolean>
}

type FoundDevice = {
  readonly device: DeviceAuthorization
  readonly authorization?: Authorization
  readonly family?: RefreshFamily
}

export type RefreshFamilies = {
  readonly find: (
    id: FamilyId,
  ) => Awaitable<{ family: RefreshFamily; authorization: Authorization } | undefined>
}

export type ReferenceTokens = {
  readonly find: (hash: TokenHash) => Awaitable<ReferenceToken | undefined>
  readonly revoke: (hash: TokenHash) => Promise<void>
  /**
   * Deletes the authorization's tokens beyond the `keep` that expire last, but not more than `most` in one call. Resolves to
   * the number of deleted tokens.
   */
  readonly trim: (authorization: AuthorizationId, keep: number, most: number) => Promise<number>
}

/**
 * Individually revoked access tokens (RFC 7009), by `jti`, until they expire: JWTs, and exchanged tokens of both kinds.
 */
export type RevokedTokens = {
  readonly has: (jti: string) => Awaitable<boolean>
  readonly add: (jti: string, expiresAt: Seconds) => Promise<void>
}

/** Ids that can be used once, kept until they expire: the `jti` of assertions, mailed links, and the hashes of pushed requests. */
export type UsedAssertions = {
  /** Returns whether this call was the first to use it. */
  readonly add: (assertion: UsedAssertion) => Promise<boolean>
  /** Returns whether it was used and is still remembered. */
  readonly has: (hash: TokenHash) => Awaitable<boolean>
  /** Remembers it until then, or for a second longer than before if that is later. Each call changes `until`. */
  readonly prolong: (assertion: UsedAssertion) => Promise<void>
  /** Returns until when it is remembered. */
  readonly until: (hash: TokenHash) => Awaitable<Seconds | undefined>
}

export type UsedAssertion = { readonly hash: TokenHash; readonly expires_at: Seconds }

/** Authorization requests that clients pushed (RFC 9126), and long ones that wait for a user. */
export type PushedRequests = {
  /**
   * Stores the request. With `use`, the same write also marks a one-time value as used. Resolves to false, and stores
   * nothing, if that value was used before.
   */
  readonly add: (request: PushedRequest, use?: UsedAssertion) => Promise<boolean>
  /** Returns the unexpired request of this client, and whether {@link UsedAssertions} has its hash. Changes nothing. */
  readonly find: (
    hash: TokenHash,
    clientId: string,
    at: Seconds,
  ) => Awaitable<{ readonly parameters: string; readonly used: boolean } | undefined>
}

export type PushedRequest = {
  /** The hash of its `request_uri`. */
  readonly hash: TokenHash
  readonly client_id: string
  /** Form-encoded, sealed. */
  readonly parameters: string
  readonly expires_at: Seconds
}

export type AuthorizationStores = {
  readonly authorizations: Authorizations
  readonly codes: AuthorizationCodes
  readonly devices: DeviceAuthorizations
  readonly families: RefreshFamilies
  readonly referenceTokens: ReferenceTokens
  readonly revokedTokens: RevokedTokens
  readonly usedAssertions: UsedAssertions
  readonly pushedRequests: PushedRequests
}
