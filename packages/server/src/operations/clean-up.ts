/** Deletes expired rows in the background, never during a request. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Stores } from '../model/ports/stores.ts'
import { type Clock, type Log, passedBy } from '../runtime/ports.ts'

/** How long expired rows are kept, so that the error is `expired_token` rather than `invalid_grant`. */
const grace: Seconds = 900

/** Returns the time before which rows must have expired to be deleted. */
export const expiredBy = (clock: Clock): Seconds => passedBy(clock) - grace

type CleanUpPorts = {
  /** The stores of every active issuer. */
  readonly stores: () => readonly Pick<Stores, 'cleanUp'>[]
  readonly clock: Clock
  readonly log: Log
}

/** Returns a function that deletes expired rows. It logs failures and never rejects. */
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
