/** Removes all second factors of a user who has lost them. */

import type { Events } from '../model/events.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { Log } from '../runtime/ports.ts'

type FactorResetPorts = {
  readonly stores: Pick<Stores, 'secondFactors'>
  readonly log: Log
  readonly events: Pick<Events, 'emit'>
}

/** Returns how many authenticator apps and passkeys were removed. */
export const createFactorReset =
  ({ stores, log, events }: FactorResetPorts) =>
  async (sub: string): Promise<number> => {
    const factors = await stores.secondFactors.reset(sub)
    log.info('second_factors_reset', { sub, factors })
    if (factors > 0) events.emit('user.factors_reset', { sub, factors })
    return factors
  }
