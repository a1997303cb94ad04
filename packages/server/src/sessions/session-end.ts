/** How sessions end: one write, a line in the log, and clients that are told (OpenID Connect Back-Channel Logout 1.0 §2.3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { EndedSession, SessionEnding, Stores } from '../model/ports/stores.ts'
import type { EndCause, EndingWithin, EndSession } from '../model/session.ts'
import { type Clock, type Log, passedBy } from '../runtime/ports.ts'

export type EndingPorts = {
  readonly stores: Pick<Stores, 'sessions'>
  readonly clock: Clock
  readonly log: Log
  readonly endRevokes: SessionEnding['revokes']
  /** Called when clients wait to be told. */
  readonly onNotices: () => void
}

export type Endings = {
  readonly endSession: EndSession
  readonly endingWithin: EndingWithin
  /** Ends those that have expired as if they had been signed out; answers how many. */
  readonly endExpired: () => Promise<number>
}

/** How long a client that can't be reached is tried. */
const noticesLive: Seconds = 86_400
const batch = 100

export function createEndings({
  stores: { sessions },
  clock,
  log,
  endRevokes,
  onNotices,
}: EndingPorts): Endings {
  const ending = (at = clock.now()): SessionEnding => {
    return { at, revokes: endRevokes, notices_until: clock.now() + noticesLive }
  }
  const tell = ({ session: { sid, sub }, clients }: EndedSession, cause: EndCause): void => {
    log.info('session_ended', { sid, sub, cause, clients })
    if (clients.length > 0) onNotices()
  }

  return {
    endingWithin: {
      ending,
      ended: (sessions, cause) => {
        for (const one of sessions) tell(one, cause)
      },
    },
    async endSession(sid, cause) {
      const ended = await sessions.end(sid, ending())
      if (ended) tell(ended, cause)
      return ended
    },
    async endExpired() {
      let total = 0
      for (let more = true; more; ) {
        // Ending one deletes it: by the time that has certainly passed.
        const ended = await sessions.endExpired(ending(passedBy(clock)), batch)
        for (const one of ended) tell(one, 'expired')
        total += ended.length
        more = ended.length === batch
      }
      return total
    },
  }
}
