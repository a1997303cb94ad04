/** Ends sessions with one write, a log line, and notices to clients (OpenID Connect Back-Channel Logout 1.0 §2.3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Events } from '../model/events.ts'
import type { EndedSession, RevokedSession, SessionEnding, Stores } from '../model/ports/stores.ts'
import type { EndCause, EndingWithin, EndSession } from '../model/session.ts'
import { type Clock, type Log, passedBy } from '../runtime/ports.ts'

type EndingPorts = {
  readonly stores: Pick<Stores, 'sessions'>
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<Events, 'emit'>
  readonly endRevokes: SessionEnding['revokes']
  /** Called when notices to clients are due. */
  readonly onNotices: () => void
  /** Returns when everything of each tenant was last revoked; the empty name means everything. */
  readonly revokedTenants?: () => ReadonlyMap<string, Seconds>
}

export type Endings = {
  readonly endSession: EndSession
  readonly endingWithin: EndingWithin
  /** Ends expired sessions like a sign-out. Resolves to how many. */
  readonly endExpired: () => Promise<number>
  /**
   * Revokes every authorization that was created in a session, which may have ended, and ends it. Resolves to the
   * session that ended and to the number of authorizations; undefined if there was nothing to revoke.
   */
  readonly revokeSession: (sid: string) => Promise<RevokedSession | undefined>
  /** Ends the sessions in which users signed in before everything of their tenant was revoked. */
  readonly endOfTenants: () => Promise<void>
}

/** How long delivery to an unreachable client is retried. */
const noticesLive: Seconds = 86_400
const batch = 100

export function createEndings({
  stores: { sessions },
  clock,
  log,
  events,
  endRevokes,
  onNotices,
  revokedTenants = () => new Map(),
}: EndingPorts): Endings {
  /** The revocations whose sessions have ended. A later process looks for them once more. */
  const done = new Map<string, Seconds>()
  const ending = (at = clock.now()): SessionEnding => {
    return { at, revokes: endRevokes, notices_until: clock.now() + noticesLive }
  }
  const notify = ({ session: { sid, sub }, clients }: EndedSession, cause: EndCause): void => {
    log.info('session_ended', { sid, sub, cause, clients })
    events.emit('session.ended', { sub, sid, cause, clients })
    if (clients.length > 0) onNotices()
  }

  async function inBatches(cause: EndCause, end: () => Promise<readonly EndedSession[]>): Promise<number> {
    let total = 0
    for (let more = true; more; ) {
      const ended = await end()
      for (const one of ended) notify(one, cause)
      total += ended.length
      more = ended.length === batch
    }
    return total
  }

  return {
    endingWithin: {
      ending,
      ended: (sessions, cause) => {
        for (const one of sessions) notify(one, cause)
      },
    },
    async endSession(sid, cause) {
      const ended = await sessions.end(sid, ending())
      if (ended) notify(ended, cause)
      return ended
    },
    // Ending a session deletes it, so use only the time that has certainly passed.
    endExpired: () => inBatches('expired', () => sessions.endExpired(ending(passedBy(clock)), batch)),
    async revokeSession(sid) {
      const revoked = await sessions.revoke(sid, { ...ending(), revokes: 'none' })
      if (!revoked) return undefined
      if (revoked.ended) notify(revoked.ended, 'access_revoked')
      log.info('session_access_revoked', { sid, authorizations: revoked.authorizations })
      return revoked
    },
    async endOfTenants() {
      for (const [name, at] of revokedTenants()) {
        if (done.get(name) === at) continue
        const tenant = name === '' ? undefined : name
        await inBatches('access_revoked', () => sessions.endOfTenant(tenant, at, ending(), batch))
        done.set(name, at)
      }
    },
  }
}
