/** Ends sessions with one write, a log line, and notices to clients (OpenID Connect Back-Channel Logout 1.0 §2.3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Events } from '../model/events.ts'
import type { EndedSession, SessionEnding, Stores } from '../model/ports/stores.ts'
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
}

export type Endings = {
  readonly endSession: EndSession
  readonly endingWithin: EndingWithin
  /** Ends expired sessions like a sign-out. Resolves to how many. */
  readonly endExpired: () => Promise<number>
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
}: EndingPorts): Endings {
  const ending = (at = clock.now()): SessionEnding => {
    return { at, revokes: endRevokes, notices_until: clock.now() + noticesLive }
  }
  const notify = ({ session: { sid, sub }, clients }: EndedSession, cause: EndCause): void => {
    log.info('session_ended', { sid, sub, cause, clients })
    events.emit('session.ended', { sub, sid, cause, clients })
    if (clients.length > 0) onNotices()
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
    async endExpired() {
      let total = 0
      for (let more = true; more; ) {
        // Ending a session deletes it, so use only the time that has certainly passed.
        const ended = await sessions.endExpired(ending(passedBy(clock)), batch)
        for (const one of ended) notify(one, 'expired')
        total += ended.length
        more = ended.length === batch
      }
      return total
    },
  }
}
