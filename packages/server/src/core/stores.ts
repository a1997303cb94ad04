/**
 * The ports to what is stored: one small interface for each noun, and `commit`, the one write of a token request.
 * Reads may answer at once. Every write is durable when its promise is fulfilled.
 * Any of them may reject with `StoreUnavailable`.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type {
  Authorization,
  AuthorizationCode,
  AuthorizationId,
  Consent,
  DeviceAuthorization,
  FamilyId,
  LogoutNotice,
  ReferenceToken,
  RefreshFamily,
  Session,
  StoredKey,
} from './authorization.ts'
import type { Passkey, PendingSignIn, TotpSecret } from './factor.ts'
import type { IdentityLink, UpstreamRequest, UpstreamSession } from './federation.ts'
import type { WaitingMail } from './mail.ts'
import type { FactorMethod } from './mfa.ts'
import type { RegisteredClient } from './registered-client.ts'
import type { Awaitable, TokenHash } from './runtime.ts'
import type { StoredUser } from './stored-user.ts'

export type Stores = {
  readonly authorizations: Authorizations
  readonly codes: AuthorizationCodes
  readonly devices: DeviceAuthorizations
  readonly families: RefreshFamilies
  readonly referenceTokens: ReferenceTokens
  readonly revokedTokens: RevokedTokens
  readonly replays: Replays
  readonly sessions: Sessions
  readonly logoutNotices: LogoutNotices
  readonly consents: Consents
  readonly upstreamRequests: UpstreamRequests
  readonly identityLinks: IdentityLinks
  readonly upstreamSessions: UpstreamSessions
  readonly totpSecrets: TotpSecrets
  readonly recoveryCodes: RecoveryCodes
  readonly passkeys: Passkeys
  readonly secondFactors: SecondFactors
  readonly pendingSignIns: PendingSignIns
  readonly keys: Keys
  readonly settings: Settings
  readonly registeredClients: RegisteredClients
  readonly storedUsers: StoredUsers
  readonly waitingMails: WaitingMails
  readonly attempts: Attempts
  readonly pushedRequests: PushedRequests
  readonly standing: Standing
  readonly commit: (commit: Commit) => Promise<CommitOutcome>
  /** Deletes what has expired, in small batches that no request waits for; answers how many rows went. */
  readonly cleanUp: (at: Seconds) => Promise<number>
  /** Whether it can read and write now. */
  readonly ready: () => Awaitable<boolean>
  /** Finishes what was begun and lets go of every file and thread. */
  readonly close: () => Promise<void>
}

/**
 * One store for each issuer: what one keeps, no other can find, whatever is asked of it. No noun knows of issuers, so
 * none can forget them.
 */
export type Storehouse = {
  /** The store of the server's own issuer. */
  readonly main: Stores
  /** The store of a tenant's own issuer, empty at first; the same each time. The name is fit for a file's name. */
  readonly ofTenant: (name: string) => Promise<Stores>
  /** The tenants that have a store, open or not. */
  readonly begun: () => Awaitable<readonly string[]>
  /** How many writes wait, in a storehouse that keeps a queue of its own. */
  readonly waiting?: () => number
  /** Closes every store. */
  readonly close: () => Promise<void>
}

export type Authorizations = {
  /** Also finds a revoked one; a missing one counts as revoked. */
  readonly find: (id: AuthorizationId) => Awaitable<Authorization | undefined>
  /** Revokes it and so all that came from it. Revoking twice keeps the first time. */
  readonly revoke: (id: AuthorizationId, at: Seconds) => Promise<void>
}

export type AuthorizationCodes = {
  /** Stores the authorization, its code and the reference token that comes beside the code in one write. */
  readonly issue: (
    authorization: Authorization,
    code: AuthorizationCode,
    referenceToken?: ReferenceToken,
  ) => Promise<void>
  readonly find: (
    hash: TokenHash,
  ) => Awaitable<{ code: AuthorizationCode; authorization: Authorization } | undefined>
  /** Marks an unused code as used; does nothing to a used one. Answers whether this call used it. */
  readonly burn: (hash: TokenHash, at: Seconds) => Promise<boolean>
}

export type DeviceAuthorizations = {
  /** Answers false, and stores nothing, when a living one has the same user code. */
  readonly issue: (device: DeviceAuthorization) => Promise<boolean>
  readonly find: (
    hash: TokenHash,
  ) => Awaitable<{ device: DeviceAuthorization; authorization?: Authorization } | undefined>
  readonly findByUserCode: (hash: TokenHash) => Awaitable<DeviceAuthorization | undefined>
  /** Writes the time of a poll; `slowDown` adds 5 s to the interval (RFC 8628 §3.5). */
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

/** JWT access tokens that were revoked one by one (RFC 7009), by `jti`, until they expire. */
export type RevokedTokens = {
  readonly has: (jti: string) => Awaitable<boolean>
  readonly add: (jti: string, expiresAt: Seconds) => Promise<void>
}

/** One-use ids of assertions (`jti`), until they expire. */
export type Replays = {
  /** Answers whether this call was the first to use it. */
  readonly use: (marker: ReplayMarker) => Promise<boolean>
}
export type ReplayMarker = { readonly hash: TokenHash; readonly expires_at: Seconds }

export type Sessions = {
  /** Answers false, and stores nothing, where the user's access was ended since the sign-in: a stored user's `epoch` is another. */
  readonly create: (session: Session) => Promise<boolean>
  /** Another sign-in of the same user in the same browser: a new handle, and the same `sid` with its clients. Answers false, and stores nothing, where the earlier one, or the user's access since the sign-in, has ended. */
  readonly renew: (earlier: TokenHash, session: Session) => Promise<boolean>
  readonly find: (hash: TokenHash) => Awaitable<Session | undefined>
  readonly findBySid: (sid: string) => Awaitable<Session | undefined>
  /** The newest first, also those that have expired and wait for clean-up. */
  readonly ofUser: (sub: string) => Awaitable<readonly Session[]>
  /** Those that came from a session at a provider. */
  readonly fromUpstream: (upstream: string) => Awaitable<readonly Session[]>
  /** Writes that it was used; nothing where it has ended. */
  readonly touch: (
    hash: TokenHash,
    seen: Pick<Session, 'last_seen_at' | 'idle_expires_at' | 'address'>,
  ) => Promise<void>
  /** A client takes part in it; answers false where it has ended. */
  readonly join: (sid: string, clientId: string) => Promise<boolean>
  /** The clients that take part, by name. */
  readonly clients: (sid: string) => Awaitable<readonly string[]>
  /** In one write: it is gone, what came from it is revoked, and its clients wait to be told. Undefined where it has ended before. */
  readonly end: (sid: string, ending: SessionEnding) => Promise<EndedSession | undefined>
  /** The same for at most so many that have expired at `ending.at`. */
  readonly endExpired: (ending: SessionEnding, limit: number) => Promise<readonly EndedSession[]>
}

export type SessionEnding = {
  readonly at: Seconds
  /** Which authorizations fall with it: none, those without `offline_access`, or all. */
  readonly revokes: 'none' | 'online' | 'all'
  /** Until when its clients are to be told. */
  readonly notices_until: Seconds
}

/** The end of all of a user's access, in one write with what ends it. Sign-ins that wait for a second factor end too. */
export type AccessEnding = SessionEnding & {
  /** The session that goes on, and the authorizations that came from it. */
  readonly kept_sid?: string
  /** Every authorization of the user falls, whatever `revokes` spares. */
  readonly everything: boolean
}

export type EndedSession = { readonly session: Session; readonly clients: readonly string[] }

/** The queue of logout tokens that are to be delivered. */
export type LogoutNotices = {
  /** Takes those that are due, the longest first, and puts them off until the given time, so that no other process delivers them meanwhile; those of some clients are left. Counts the attempt. */
  readonly claim: (
    at: Seconds,
    until: Seconds,
    limit: number,
    but?: readonly string[],
  ) => Promise<readonly LogoutNotice[]>
  readonly postpone: (notice: LogoutNotice, dueAt: Seconds) => Promise<void>
  /** Delivered, or given up. */
  readonly remove: (notice: LogoutNotice) => Promise<void>
  readonly anyDue: (at: Seconds) => Awaitable<boolean>
}

export type Consents = {
  readonly find: (sub: string, clientId: string) => Awaitable<Consent | undefined>
  /** Replaces an earlier one of the same user and client. */
  readonly save: (consent: Consent) => Promise<void>
  /** Of one user, by client. */
  readonly ofUser: (sub: string) => Awaitable<readonly Consent[]>
  /** Whether there is one, asked after an authorization was written that rests on it: where there is, whoever revokes it later revokes that too. */
  readonly stands: (sub: string, clientId: string) => Awaitable<boolean>
  /** In one write: it is gone, and every authorization of that client for the user is revoked. Answers whether there was one. */
  readonly revoke: (sub: string, clientId: string, at: Seconds) => Promise<boolean>
}

/** Browsers that were sent to a provider. */
export type UpstreamRequests = {
  readonly create: (request: UpstreamRequest) => Promise<void>
  /** Takes the request of this state and this browser away: of any number of calls at once, one gets it. */
  readonly take: (hash: TokenHash, browser: TokenHash) => Promise<UpstreamRequest | undefined>
}

export type IdentityLinks = {
  readonly find: (provider: string, identity: string) => Awaitable<IdentityLink | undefined>
  readonly ofUser: (sub: string) => Awaitable<readonly IdentityLink[]>
  /** Answers false, and stores nothing, where this identity is linked already. */
  readonly add: (link: IdentityLink) => Promise<boolean>
  /** Answers whether this user had the link. */
  readonly remove: (provider: string, identity: string, sub: string) => Promise<boolean>
}

export type UpstreamSessions = {
  readonly create: (session: UpstreamSession) => Promise<void>
  readonly find: (id: string) => Awaitable<UpstreamSession | undefined>
  /** Those that came from a session there, or from any session of a user there. */
  readonly from: (
    provider: string,
    from: { readonly upstream_sid: string } | { readonly identity: string },
  ) => Awaitable<readonly UpstreamSession[]>
  readonly end: (id: string) => Promise<void>
}

export type TotpSecrets = {
  readonly find: (sub: string) => Awaitable<TotpSecret | undefined>
  /** Answers false, and stores nothing, when the user has one. */
  readonly add: (secret: TotpSecret) => Promise<boolean>
  /** Raises the newest used step to this one; answers false when it is that high already, or there is no secret. */
  readonly use: (sub: string, step: number) => Promise<boolean>
}

/** Hashes of codes that each open a user's account once. */
export type RecoveryCodes = {
  /** How many are left. */
  readonly count: (sub: string) => Awaitable<number>
  /** Puts these in the place of all that the user had. */
  readonly replace: (sub: string, hashes: readonly TokenHash[]) => Promise<void>
  /** Answers whether this call used it. */
  readonly use: (sub: string, hash: TokenHash) => Promise<boolean>
}

export type Passkeys = {
  readonly find: (id: string) => Awaitable<Passkey | undefined>
  /** A user's, the oldest first. */
  readonly of: (sub: string) => Awaitable<readonly Passkey[]>
  /** Answers false, and stores nothing, when the id is taken or the user has that many already. */
  readonly add: (passkey: Passkey, most: number) => Promise<boolean>
  /** Answers whether the user has it. */
  readonly rename: (sub: string, id: string, name: string) => Promise<boolean>
  /** Writes a use. Answers false, and writes nothing, unless the counter rose or has always been 0 (WebAuthn Level 3 §7.2). */
  readonly use: (id: string, use: PasskeyUse) => Promise<boolean>
}
export type PasskeyUse = { readonly counter: number; readonly backed_up: boolean; readonly at: Seconds }

/** What is written of a user's second factors together: two requests at once must not each leave the other's. */
export type SecondFactors = {
  /**
   * Takes one away, and the recovery codes with the last one: they stand for it. `last`: it is the last of the required
   * methods, and nothing was taken; `unknown`: the user has none such.
   */
  readonly remove: (
    sub: string,
    factor: { readonly method: 'totp' } | { readonly method: 'passkey'; readonly id: string },
    required: readonly FactorMethod[],
  ) => Promise<'removed' | 'last' | 'unknown'>
  /** Takes all away, with the recovery codes and the sign-ins that wait for one; answers how many apps and passkeys that were. */
  readonly reset: (sub: string) => Promise<number>
}

export type PendingSignIns = {
  /** Answers false, and stores nothing, where the user's access was ended since the sign-in, as for sessions. */
  readonly create: (pending: PendingSignIn) => Promise<boolean>
  readonly find: (hash: TokenHash) => Awaitable<PendingSignIn | undefined>
  /** Takes it away; answers whether this call did. */
  readonly take: (hash: TokenHash) => Promise<boolean>
}

export type Keys = {
  readonly all: () => Awaitable<readonly StoredKey[]>
  /** Adds a key unless the newest of its algorithm is another than the caller saw (two processes rotating at once); answers whether it was added. */
  readonly add: (key: StoredKey, newestSeen: string | undefined) => Promise<boolean>
  readonly remove: (kid: string) => Promise<void>
  /** Calls back when another process has changed them, where the store can tell at once; answers how to stop that. */
  readonly watch?: (changed: () => void) => () => void
}

/** Single values of the whole installation, such as the master key's check value. */
export type Settings = {
  readonly get: (name: string) => Awaitable<string | undefined>
  /** Writes it if there is none; answers the value that stands. */
  readonly initialise: (name: string, value: string) => Promise<string>
  /** Writes it, whatever stood there. */
  readonly put: (name: string, value: string) => Promise<void>
}

/** Authorization requests that clients pushed (RFC 9126), each of one use. */
export type PushedRequests = {
  readonly add: (request: PushedRequest) => Promise<void>
  /** Takes the living one of this client away and answers its parameters: of many at once one gets them. */
  readonly take: (hash: TokenHash, clientId: string, at: Seconds) => Promise<string | undefined>
}
export type PushedRequest = {
  /** Of its `request_uri`. */
  readonly hash: TokenHash
  readonly client_id: string
  /** Form-encoded. */
  readonly parameters: string
  readonly expires_at: Seconds
}

/** Clients that registered themselves. Whether one stands for `commit` is written with it. */
export type RegisteredClients = {
  /** Also finds one that has expired and was not cleaned up yet: the caller checks. */
  readonly find: (clientId: string) => Awaitable<RegisteredClient | undefined>
  /** Whether a living one has this origin among its `allowed_cors_origins`. */
  readonly hasOrigin: (origin: string, at: Seconds) => Awaitable<boolean>
  /** Adds it unless there are `most` already; answers whether it was added. */
  readonly add: (client: RegisteredClient, most: number) => Promise<boolean>
  /** Puts it in the place of the version before it; answers false when that is not the one that stands. */
  readonly replace: (client: RegisteredClient) => Promise<boolean>
  /** Moves its end, when it is used. */
  readonly prolong: (clientId: string, expiresAt: Seconds) => Promise<void>
  /** Answers whether there was one. */
  readonly remove: (clientId: string) => Promise<boolean>
}

/** Users who signed up here or were added by an operator. Whether one stands for `commit` is written with it. */
export type StoredUsers = {
  readonly find: (sub: string) => Awaitable<StoredUser | undefined>
  /** @param key the name as it is compared. */
  readonly findByName: (key: string, tenant: string | undefined) => Awaitable<StoredUser | undefined>
  readonly findByVerifiedEmail: (key: string, tenant: string | undefined) => Awaitable<StoredUser | undefined>
  readonly any: () => Awaitable<boolean>
  /** In the order of their `sub`, from behind `after` on. */
  readonly list: (page: {
    readonly after?: string
    readonly limit: number
  }) => Awaitable<readonly StoredUser[]>
  /**
   * Answers false, and stores nothing, where the `sub` is or was a stored user's, or where the name or the verified
   * address is another's: a name that is another's address is taken too, and the other way round.
   */
  readonly add: (user: StoredUser) => Promise<boolean>
  /** Puts it in the place of the version before it, and ends the user's access in the same write where that is given. */
  readonly replace: (user: StoredUser, ending?: AccessEnding) => Promise<Replacement>
  /** In one write: the user is gone, with factors, links and consents, and their access ends. Their `sub` never stands again. Undefined where there is none. */
  readonly remove: (sub: string, ending: AccessEnding) => Promise<readonly EndedSession[] | undefined>
}
/** `changed`: the version before it is not the one that stands; `taken`: name or address is another user's. */
export type Replacement =
  | { readonly outcome: 'replaced'; readonly ended: readonly EndedSession[] }
  | { readonly outcome: 'changed' | 'taken' }

/** Mails that are to be handed on. */
export type WaitingMails = {
  /** Adds it unless `most` wait already; answers whether it was added. */
  readonly add: (mail: WaitingMail, most: number) => Promise<boolean>
  /** Takes those that are due, the longest first, and puts them off until the given time, so that no other process sends them meanwhile. Counts the attempt. */
  readonly claim: (at: Seconds, until: Seconds, limit: number) => Promise<readonly WaitingMail[]>
  /** Puts it off, unless another process has claimed it since. */
  readonly postpone: (mail: WaitingMail, dueAt: Seconds) => Promise<void>
  /** Handed on, or given up. */
  readonly remove: (id: string) => Promise<void>
  readonly anyDue: (at: Seconds) => Awaitable<boolean>
}

/** Counted attempts: of passwords, codes and whatever else may be tried a bounded number of times. */
export type Attempts = {
  /**
   * Counts one for each key, in one write with looking at them, and answers 0; or counts nothing and answers how long
   * to wait until each key has room.
   */
  readonly count: (limits: readonly AttemptLimit[], at: Seconds) => Promise<Seconds>
  /** Takes one back of each. */
  readonly forgive: (hashes: readonly TokenHash[]) => Promise<void>
}
export type AttemptLimit = {
  /** Of what is counted: a name, a network. */
  readonly hash: TokenHash
  readonly most: number
  /** How long a count lives from its first attempt on. */
  readonly span: Seconds
}

/** Which clients and users stand, so that `commit` can require it in its own write. */
export type Standing = {
  /** Makes these the clients and users that the configuration names; those of an earlier configuration that it no longer names stop standing. */
  readonly sync: (configured: {
    clients: readonly StandingRow[]
    users: readonly StandingRow[]
  }) => Promise<void>
}
export type StandingRow = { readonly id: string; readonly stands: boolean }

/** One atomic write: the credential is marked used *and* what was issued is stored, or neither. */
export type Commit = {
  readonly at: Seconds
  /** Must stand. */
  readonly client_id: string
  /** Must stand, unless it was never configured here (an external user). */
  readonly sub?: string
  /** Of a stored user who proved themself for this: must be theirs still. */
  readonly epoch?: number
  /** An authorization that exists, is not revoked, and lives at least until the given time afterwards. */
  readonly authorization?: { readonly id: AuthorizationId; readonly until: Seconds }
  readonly use?: Use
  readonly issue?: {
    readonly authorization?: Authorization
    readonly family?: RefreshFamily
    readonly referenceToken?: ReferenceToken
  }
}

/** What a token request uses up. */
export type Use =
  | { readonly kind: 'authorization_code'; readonly hash: TokenHash }
  | { readonly kind: 'device_code'; readonly hash: TokenHash }
  /** Compare-and-set of the family's generation n → n+1; requires that it still is n. */
  | {
      readonly kind: 'refresh_rotation'
      readonly family: FamilyId
      readonly generation: number
      readonly idleExpiresAt: Seconds
    }
  /** An idempotent retry: requires that the family's generation is this (n+1) and came to be at or after `since`. */
  | {
      readonly kind: 'refresh_retry'
      readonly family: FamilyId
      readonly generation: number
      readonly since: Seconds
    }
  /** `refresh_token_usage: "reuse"`: requires that the generation still is this, and may slide the end. */
  | {
      readonly kind: 'refresh_reuse'
      readonly family: FamilyId
      readonly generation: number
      readonly idleExpiresAt: Seconds
    }
  | ({ readonly kind: 'assertion' } & ReplayMarker)

/** `already_used`: the credential was used before or at the same time; `not_standing`: client, user or authorization no longer stands. Nothing was written then. */
export type CommitOutcome = 'committed' | 'already_used' | 'not_standing'
