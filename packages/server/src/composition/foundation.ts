/** What one issuer rests on: the common ground, and a store, derived keys and signing keys of its own. */

import type { Configuration } from '../configuration/configuration.ts'
import type { Stores } from '../core/stores.ts'
import { createKeyRing, type ManagedKeyRing } from '../keys/key-ring.ts'
import { checkMasterKey, derivedFor } from '../keys/master-key.ts'
import { policyFor } from '../keys/rotation.ts'
import { logWith } from '../operations/log.ts'
import type { Ground } from './ground.ts'

export type Foundation = Omit<Ground, 'storehouse' | 'keyChanges'> & {
  readonly stores: Stores
  readonly keys: ManagedKeyRing
}

/** Opens the issuer's store and makes what keys are missing; throws where the store or the master key does not fit. */
export async function layFoundation(configuration: Configuration, ground: Ground): Promise<Foundation> {
  const { clients, signingAlgorithms } = configuration
  const own = await ownOf(configuration, ground)
  const keys = await createKeyRing({
    ...{ ...own, keys: own.stores.keys, clock: ground.clock, changes: ground.keyChanges },
    algorithms: signingAlgorithms,
    // Clients that register themselves have the lifetimes of the configuration's defaults.
    policy: policyFor([...clients.all(), configuration.registration.defaults]),
  })
  const { clock, random, outbound, print, sendMail } = ground
  return {
    ...{ clock, random, outbound, print, keys },
    ...(sendMail && { sendMail }),
    ...own,
    async close() {
      keys.stop()
      if (configuration.tenant !== undefined) await own.stores.close()
    },
  }
}

/** Whatever must be of no use at another issuer. */
async function ownOf(
  { tenant }: Configuration,
  { storehouse, derived, log }: Ground,
): Promise<Pick<Foundation, 'stores' | 'derived' | 'log'>> {
  if (tenant === undefined) return { stores: storehouse.main, derived, log }
  const own = { stores: await storehouse.ofTenant(tenant), derived: derivedFor(derived, tenant) }
  // Also tells of a file that was put in another tenant's place.
  await checkMasterKey({ settings: own.stores.settings, derived: own.derived })
  return { ...own, log: logWith(log, { tenant }) }
}
