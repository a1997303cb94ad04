/** What a sign-in at a client leaves, and what is used up on the way. Ports, one for each noun. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable, TokenHash } from '../../runtime/ports.ts'
import type {
  Authorization,
  AuthorizationCode,
  AuthorizationId,
  DeviceAuthorization,
  FamilyId,
  ReferenceToken,
  RefreshFamily,
} from '../authorization.ts'

export type Authorizations = {
  /** Also finds a revoked one; a missing one counts as revoked. */
  readonly find: (id: AuthorizationId) => Awaitable<Authorization | undefined>
  /** Revokes it and so all that came from it. Revoking twice keeps the first time. */
  readonly revoke: (id: AuthorizationId, at: Seconds) => Promise<void>
  /**
   * Deletes the user's authorizations beyond the `keep` that expire last, with their codes and refresh families, but not
   * more than `most` in one call. Resolves to the number of deleted authorizations.
   */
  readonly trim: (sub: string, keep: number, most: number) => Promise<number>
}

export type AuthorizationCodes = {
  /**
   * Stores the authorization, its code and the reference token that comes beside the code in one write. With `use` the
   * same write marks that as used: resolves to false, and stores nothing, where it was marked before.
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
  /** Marks an unused code as used; does nothing to a used one. Answers whether this call used it. */
  readonly burn: (hash: TokenHash, at: Seconds) => Promise<boolean>
  /** Deletes an unused code, and its authorization where nothing else was issued for it; does nothing to a used one. */
  readonly discard: (hash: TokenHash) => Promise<void>
}

export type DeviceAuthorizations = {
  /** Answers false, and stores nothing, when a living one has the same user code. */
  readonly issue: (device: DeviceAuthorization) => Promise<boolean>
  readonly find: (
    hash: TokenHash,
  ) => Awaitable<{ device: DeviceAuthorization; authorization?: Authorization } | undefined>
  readonly findByUserCode: (hash: TokenHash) => Awaitable<DeviceAuthorization | undefined>
  /**
   * Writes the time of a poll; or, with `slowDown`, adds 5 s to the interval and keeps the time of the last poll that was
   * not too fast, so that a device that waits longer gets through (RFC 8628 §3.5).
   */
  readonly polled: (hash: TokenHash, at: Seconds, slowDown: boolean) => Promise<void>
  /** Approves a pending, unexpired one and stores its authorization in one write; answers false when it is not pending any more, or the session that approves has ended. */
  readonly approve: (
    userCodeHash: TokenHash,
    authorization: Authorization,
    at: Seconds,
    sid: string,
  ) => Promise<boolean>
  readonly deny: (userCodeHash: TokenHash, at: Seconds) => Promise<boolean>
}

export type RefreshFamilies = {
  readonly find: (
    id: FamilyId,
  ) => Awaitable<{ family: RefreshFamily; authorization: Authorization } | undefined>
}

export type ReferenceTokens = {
  readonly find: (hash: TokenHash) => Awaitable<ReferenceToken | undefined>
  readonly revoke: (hash: TokenHash) => Promise<void>
}

/** Access tokens that were revoked one by one (RFC 7009), by `jti`, until they expire: JWTs, and what tokens of either kind were exchanged for. */
export type RevokedTokens = {
  readonly has: (jti: string) => Awaitable<boolean>
  readonly add: (jti: string, expiresAt: Seconds) => Promise<void>
}

/** Ids that can be used once, kept until they expire: the `jti` of assertions, mailed links, and the hashes of pushed requests. */
export type UsedAssertions = {
  /** Returns whether this call was the first to use it. */
  readonly add: (assertion: UsedAssertion) => Promise<boolean>
}

export type UsedAssertion = { readonly hash: TokenHash; readonly expires_at: Seconds }

/** Authorization requests that clients pushed (RFC 9126), and long ones that wait for a user. */
export type PushedRequests = {
  readonly add: (request: PushedRequest) => Promise<void>
  /** Returns the living one of this client, and whether an assertion with its hash was used (see {@link UsedAssertions}). Changes nothing. */
  readonly find: (
    hash: TokenHash,
    clientId: string,
    at: Seconds,
  ) => Awaitable<{ readonly parameters: string; readonly used: boolean } | undefined>
}

export type PushedRequest = {
  /** Of its `request_uri`. */
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
