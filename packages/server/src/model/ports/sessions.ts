/** Browsers that are signed in, or about to be; what their users agreed to; and clients that are to be told of the end. Ports, one for each noun. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable, TokenHash } from '../../runtime/ports.ts'
import type { Consent, LogoutNotice, Session } from '../authorization.ts'
import type { PendingSignIn } from '../factor.ts'

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

export type PendingSignIns = {
  /** Answers false, and stores nothing, where the user's access was ended since the sign-in, as for sessions. */
  readonly create: (pending: PendingSignIn) => Promise<boolean>
  readonly find: (hash: TokenHash) => Awaitable<PendingSignIn | undefined>
  /** Takes it away; answers whether this call did. */
  readonly take: (hash: TokenHash) => Promise<boolean>
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

export type SessionStores = {
  readonly sessions: Sessions
  readonly logoutNotices: LogoutNotices
  readonly consents: Consents
  readonly pendingSignIns: PendingSignIns
}
