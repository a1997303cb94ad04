/** Deletes expired rows in the background, never during a request. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Stores } from '../model/ports/stores.ts'
import { type Clock, type Log, passedBy } from '../runtime/ports.ts'

/** How long expired rows are kept, so that the error is `expired_token` rather than `invalid_grant`. */
const grace: Seconds = 900

/** Deletes rows of a store that have expired by now. */
export const cleanUp = (store: Pick<Stores, 'cleanUp'>, clock: Clock): Promise<number> =>
  store.cleanUp(passedBy(clock) - grace, clock.now())

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
        await cleanUp(store, clock)
      } catch (error) {
        log.error('clean_up_failed', { error: String(error) })
      }
    }
  }
