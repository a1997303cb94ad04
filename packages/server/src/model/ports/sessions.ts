/** Ports to browser sessions, pending sign-ins, consents and logout notices. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable, TokenHash } from '../../runtime/ports.ts'
import type { Consent, LogoutNotice, Session } from '../authorization.ts'
import type { PendingSignIn } from '../factor.ts'
import type { WebhookMessage } from '../webhook.ts'

/** Events to store in the same write, if it changes anything. */
export type Messages = readonly WebhookMessage[]

export type Sessions = {
  /** Returns false, and stores nothing, if the user's access has ended since the sign-in, that is, if a stored user's `epoch` differs. */
  readonly create: (session: Session, messages?: Messages) => Promise<boolean>
  /**
   * Records another sign-in of the same user in the same browser: the session gets a new handle and keeps its `sid` and
   * clients. Returns false, and stores nothing, if the earlier session has ended or the user's access has ended since
   * the sign-in.
   */
  readonly renew: (earlier: TokenHash, session: Session, messages?: Messages) => Promise<boolean>
  readonly find: (hash: TokenHash) => Awaitable<Session | undefined>
  readonly findBySid: (sid: string) => Awaitable<Session | undefined>
  /** Returns the most recently used first, including expired ones that clean-up has not deleted yet. */
  readonly ofUser: (sub: string) => Awaitable<readonly Session[]>
  /** Returns the sessions that originate from one session at a provider. */
  readonly fromUpstream: (upstream: string) => Awaitable<readonly Session[]>
  /** Records that it was used. Does nothing if it has ended. */
  readonly touch: (
    hash: TokenHash,
    seen: Pick<Session, 'last_seen_at' | 'idle_expires_at' | 'address'>,
  ) => Promise<void>
  /**
   * Adds a client to the session. Of its other clients, {@link mostSessionClients} less one remain: first those that have a
   * row or are configured. Returns false if the session has ended.
   */
  readonly join: (sid: string, clientId: string) => Promise<boolean>
  /** Returns its clients in the order of their ids. */
  readonly clients: (sid: string) => Awaitable<readonly string[]>
  /**
   * In one write, deletes it, revokes the authorizations created in it, and queues notices to its clients. Returns
   * undefined if it had already ended.
   */
  readonly end: (sid: string, ending: SessionEnding) => Promise<EndedSession | undefined>
  /** In one write, ends the access of a user of another system, as `StoredUsers.replace` does for a stored one. */
  readonly endOfUser: (sub: string, ending: AccessEnding) => Promise<readonly EndedSession[]>
  /**
   * In one write, revokes every authorization that was created in the session, which may have ended before, and ends it
   * as `end` does. Resolves to undefined if that changed nothing.
   */
  readonly revoke: (sid: string, ending: SessionEnding) => Promise<RevokedSession | undefined>
  /**
   * Does the same as `end` for at most `limit` sessions whose user signed in at `before` or earlier: those of the tenant,
   * or all without one.
   */
  readonly endOfTenant: (
    tenant: string | undefined,
    before: Seconds,
    ending: SessionEnding,
    limit: number,
  ) => Promise<readonly EndedSession[]>
  /** Does the same as `end` for at most `limit` sessions that have expired at `ending.at`. */
  readonly endExpired: (ending: SessionEnding, limit: number) => Promise<readonly EndedSession[]>
}

export type SessionEnding = {
  readonly at: Seconds
  /** Which authorizations are revoked with it: none, those without `offline_access`, or all. */
  readonly revokes: 'none' | 'online' | 'all'
  /** When delivery of its notices is abandoned. */
  readonly notices_until: Seconds
}

/** Ends a user's access, in the same write as its cause. Also deletes sign-ins that wait for a second factor. */
export type AccessEnding = SessionEnding & {
  /** The session that continues, with the authorizations created in it. */
  readonly kept_sid?: string
  /** Whether every authorization of the user is revoked, regardless of `revokes`. */
  readonly everything: boolean
}

/** The session that ended, unless it had ended before, and how many authorizations were revoked. */
export type RevokedSession = { readonly ended?: EndedSession | undefined; readonly authorizations: number }

/**
 * Clients of a session, which are notified of its end. Without a limit, someone with an account could make one end write any
 * number of rows, because anyone can publish any number of clients.
 */
export const mostSessionClients = 1000

export type EndedSession = { readonly session: Session; readonly clients: readonly string[] }

export type PendingSignIns = {
  /** Returns false, and stores nothing, if the user's access has ended since the sign-in, as for sessions. */
  readonly create: (pending: PendingSignIn) => Promise<boolean>
  readonly find: (hash: TokenHash) => Awaitable<PendingSignIn | undefined>
  /** Deletes it. Returns whether this call did. */
  readonly take: (hash: TokenHash) => Promise<boolean>
}

/**
 * Consents that a user keeps. Without a limit, someone with an account could fill the store, because anyone can publish any
 * number of clients.
 */
export const mostConsents = 1000

export type Consents = {
  readonly find: (sub: string, clientId: string) => Awaitable<Consent | undefined>
  /**
   * Replaces an earlier consent of the same user and client. Of the user's other consents, the newest ones remain, so that
   * there are {@link mostConsents} at most.
   */
  readonly save: (consent: Consent, messages?: Messages) => Promise<void>
  /** Returns the user's consents in the order of their client ids, from the one after `after`. */
  readonly ofUser: (
    sub: string,
    page: { readonly after?: string | undefined; readonly limit: number },
  ) => Awaitable<readonly Consent[]>
  /**
   * Returns whether the consent still exists. Call it after writing an authorization that depends on it: if the result
   * is true, a later revocation of the consent revokes that authorization too.
   */
  readonly stillGiven: (sub: string, clientId: string) => Awaitable<boolean>
  /**
   * In one write, deletes it if it exists, and revokes every authorization of that client for the user. Returns whether
   * that changed anything.
   */
  readonly revoke: (sub: string, clientId: string, at: Seconds, messages?: Messages) => Promise<boolean>
}

/** The queue of logout tokens to deliver. */
export type LogoutNotices = {
  /**
   * Returns notices that are due, the longest overdue first, except those of excluded clients. Counts the attempt, and
   * postpones them to `until`, so that no other process delivers them meanwhile.
   */
  readonly claim: (
    at: Seconds,
    until: Seconds,
    limit: number,
    except?: readonly string[],
  ) => Promise<readonly LogoutNotice[]>
  readonly postpone: (notice: LogoutNotice, dueAt: Seconds) => Promise<void>
  /** Deletes a notice that was delivered or abandoned. */
  readonly remove: (notice: LogoutNotice) => Promise<void>
  readonly anyDue: (at: Seconds) => Awaitable<boolean>
}

export type SessionStores = {
  readonly sessions: Sessions
  readonly logoutNotices: LogoutNotices
  readonly consents: Consents
  readonly pendingSignIns: PendingSignIns
}
