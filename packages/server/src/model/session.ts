/** The lifetimes of sessions and how they end (OpenID Connect Core 1.0 §3.1.2.3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Session } from './authorization.ts'
import type { EndedSession, SessionEnding } from './ports/stores.ts'

export type SessionLifetimes = {
  /** Maximum time without use. */
  readonly idle: Seconds
  /** Maximum time, even if the session is used. */
  readonly absolute: Seconds
  /** The lifetime if the user chose to stay signed in; undefined: not offered. */
  readonly kept?: Seconds
}

/** Returns whether the session has not expired. */
export const isCurrent = (session: Session, now: Seconds): boolean => session.idle_expires_at > now

/**
 * Ends the provider's session that this one originates from. Resolves to the URL to redirect the browser to; undefined
 * if there is none. The provider redirects back to `back.uri` with `state` (RP-Initiated Logout 1.0 §2).
 */
export type UpstreamSignOut = (
  session: Session,
  back: { readonly uri: string; readonly state: string },
) => Promise<string | undefined>

/** Why a session ended, for the log. */
export type EndCause =
  | 'signed_out'
  | 'another_user'
  | 'ended_by_user'
  | 'ended_by_operator'
  | 'ended_by_provider'
  | 'password_changed'
  | 'disabled'
  | 'deleted'
  /** An operator ended everything of the user. */
  | 'access_revoked'
  | 'expired'
  /** The user has too many sessions, so the least recently used one ends. */
  | 'too_many'

/**
 * Ends a session, revokes its authorizations as configured, and notifies its clients over the back channel. Resolves to
 * undefined if it has already ended.
 */
export type EndSession = (sid: string, cause: EndCause) => Promise<EndedSession | undefined>

/** Ends sessions as part of another write. */
export type EndingWithin = {
  readonly ending: () => SessionEnding
  /** Logs each ended session and notifies its clients. Call it after the write. */
  readonly ended: (sessions: readonly EndedSession[], cause: EndCause) => void
}
