/** How long sessions last and how they end (OpenID Connect Core 1.0 §3.1.2.3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Session } from './authorization.ts'
import type { EndedSession, SessionEnding } from './ports/stores.ts'

export type SessionLifetimes = {
  /** Without use. */
  readonly idle: Seconds
  /** Used or not. */
  readonly absolute: Seconds
  /** Used or not, when the user wished to stay signed in; undefined: that is not offered. */
  readonly kept?: Seconds
}

/** Whether it has not ended. */
export const isCurrent = (session: Session, now: Seconds): boolean => session.idle_expires_at > now

/**
 * Ends the session at another provider that this one came from: answers where the browser goes for it, and undefined
 * where there is none. The provider sends it back to `back.uri` with `state` (RP-Initiated Logout 1.0 §2).
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
  | 'expired'
  /** The user has so many that the one used longest ago goes. */
  | 'too_many'

/**
 * Ends a session: it is gone, what came from it is revoked as configured, and its clients are told over the back
 * channel. Undefined where it has ended before.
 */
export type EndSession = (sid: string, cause: EndCause) => Promise<EndedSession | undefined>

/** Sessions that end as part of another write: how, and what follows it. */
export type EndingWithin = {
  readonly ending: () => SessionEnding
  /** A line in the log for each, and their clients are told. */
  readonly ended: (sessions: readonly EndedSession[], cause: EndCause) => void
}
