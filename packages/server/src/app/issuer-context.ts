/** What one issuer rests on: the common ground, and a store, derived keys and signing keys of its own. */

import type { Configuration } from '../configuration/configuration.ts'
import { createKeyRing, type ManagedKeyRing } from '../keys/key-ring.ts'
import { checkMasterKey, derivedFor } from '../keys/master-key.ts'
import { policyFor } from '../keys/rotation.ts'
import type { Stores } from '../model/ports/stores.ts'
import { logWith } from '../operations/log.ts'
import { createStandingWatch, type StandingWatch } from '../operations/principals.ts'
import type { Ground } from './server-context.ts'

export type Foundation = Omit<Ground, 'storehouse' | 'changes' | 'clockFault' | 'generateSigningKey'> & {
  readonly stores: Stores
  readonly keys: ManagedKeyRing
  readonly standing: StandingWatch
}

/** Opens the issuer's store and makes what keys are missing; throws where the store or the master key does not fit. */
export async function layFoundation(configuration: Configuration, ground: Ground): Promise<Foundation> {
  const own = await ownOf(configuration, ground)
  try {
    return await layOn(own, configuration, ground)
  } catch (error) {
    await own.close()
    throw error
  }
}

async function layOn(
  own: Own,
  { tenant, clients, signingAlgorithms, registration }: Configuration,
  ground: Ground,
): Promise<Foundation> {
  // Also tells of a file that was put in another tenant's place.
  if (tenant !== undefined) await checkMasterKey({ settings: own.stores.settings, derived: own.derived })
  const keys = await createKeyRing({
    ...{ ...own, keys: own.stores.keys, clock: ground.clock, changes: ground.changes },
    ...(ground.generateSigningKey && { generate: ground.generateSigningKey }),
    algorithms: signingAlgorithms,
    // Clients that register themselves have the lifetimes of the configuration's defaults.
    policy: policyFor([...clients.all(), registration.defaults]),
  })
  const standing = createStandingWatch({ ...ground, ...own, standing: own.stores.standing })
  const { clock, random, outbound, print, sendMail } = ground
  return {
    ...{ clock, random, outbound, print, keys, standing },
    ...(sendMail && { sendMail }),
    ...own,
    async close() {
      keys.stop()
      standing.stop()
      await own.close()
    },
  }
}

/** Whatever must be of no use at another issuer. */
type Own = Pick<Foundation, 'stores' | 'derived' | 'log'> & { readonly close: () => Promise<void> }

/** The server's own store is closed with the ground. */
async function ownOf({ tenant }: Configuration, { storehouse, derived, log }: Ground): Promise<Own> {
  if (tenant === undefined) return { stores: storehouse.main, derived, log, close: async () => {} }
  const stores = await storehouse.ofTenant(tenant)
  return { stores, derived: derivedFor(derived, tenant), log: logWith(log, { tenant }), close: stores.close }
}
