/** What everything rests on: time, randomness, the log, the store, the master key's children and the signing keys. */

import type { Configuration } from '../configuration/configuration.ts'
import type { DerivedKeys } from '../core/keys.ts'
import type { Clock, Log, Random } from '../core/runtime.ts'
import type { Stores } from '../core/stores.ts'
import { createKeyRing, type ManagedKeyRing } from '../keys/key-ring.ts'
import { unlock } from '../keys/master-key.ts'
import { policyFor } from '../keys/rotation.ts'
import { createRandom } from '../operations/random.ts'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'

/** What an embedding application or a test may put in place. */
export type Surroundings = {
  readonly log?: Log
  readonly clock?: Clock
  readonly random?: Random
  /** A store that is open already; the caller closes it. */
  readonly stores?: Stores
  /** How requests are sent, where tests have no network. */
  readonly outbound?: Outbound
}

export type Foundation = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly stores: Stores
  readonly derived: DerivedKeys
  readonly keys: ManagedKeyRing
  readonly outbound: Outbound
  readonly close: () => Promise<void>
}

const systemClock: Clock = { now: () => Math.floor(Date.now() / 1000) }
const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** Opens the store and makes what keys are missing; throws where the store or the master key does not fit. */
export async function layFoundation(
  { storage, masterKey, signingAlgorithms, clients, ...configuration }: Configuration,
  { clock = systemClock, random = createRandom(), log = silent, ...given }: Surroundings,
): Promise<Foundation> {
  const stores = given.stores ?? (await openStores(storage, log))
  const derived = await unlock({ configured: masterKey, storage, settings: stores.settings, log })
  const keys = await createKeyRing({
    ...{ keys: stores.keys, derived, clock, log },
    algorithms: signingAlgorithms,
    policy: policyFor(clients),
  })
  return {
    ...{ clock, random, log, stores, derived, keys },
    outbound: given.outbound ?? createOutbound(configuration.outbound),
    async close() {
      keys.stop()
      if (!given.stores) await stores.close()
    },
  }
}

async function openStores(storage: Configuration['storage'], log: Log): Promise<Stores> {
  if (storage.kind === 'memory') return (await import('../stores/memory/stores.ts')).createMemoryStores()
  if (storage.kind === 'postgres') {
    throw new Error('PostgreSQL storage is not there yet: use "sqlite:FILE" or "memory:"')
  }
  return (await import('../stores/sqlite/stores.ts')).openSqliteStores({ file: storage.file, log })
}
