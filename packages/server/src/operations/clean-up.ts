/** Deletes expired rows as time goes by, outside of requests. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Stores } from '../model/ports/stores.ts'
import { type Clock, type Log, passedBy } from '../runtime/ports.ts'

const interval: Seconds = 30
/** How long an expired row still explains itself: `expired_token` rather than `invalid_grant`. */
const grace: Seconds = 900

/** What ended before this time goes. */
export const expiredBy = (clock: Clock): Seconds => passedBy(clock) - grace

export type CleanUpPorts = {
  /** Those of every issuer. */
  readonly stores: () => readonly Pick<Stores, 'cleanUp'>[]
  readonly clock: Clock
  readonly log: Log
}

/** Returns a function that deletes what has expired once; what goes wrong is logged. */
export const createCleanUp =
  ({ stores, clock, log }: CleanUpPorts) =>
  async (): Promise<void> => {
    for (const store of stores()) {
      try {
        await store.cleanUp(expiredBy(clock))
      } catch (error) {
        log.error('clean_up_failed', { error: String(error) })
      }
    }
  }

/** Returns a function that stops it; does not keep the process alive. */
export function startCleanUp(cleanUp: () => Promise<void>): () => void {
  const timer = setInterval(cleanUp, interval * 1000)
  timer.unref()
  return () => clearInterval(timer)
}
