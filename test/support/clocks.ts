/** Machines with wrong clocks, and a database with the right time, which the test advances. */

import type { TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import type { MachineTime } from '../../packages/server/src/runtime/ports.ts'
import { startOfTime } from './tessera.ts'

export type Machine = MachineTime & {
  /** How far its clock is ahead, in seconds. */
  skew: number
}

/** Creates the correct time, which the test advances. */
export function createTime() {
  let now = startOfTime
  return {
    now: () => now,
    advance: (seconds: number) => {
      now += seconds
    },
    /** Suspends the machine, or turns it off, for this long: its monotonic clock stops. */
    machine: (skew = 0): Machine => {
      const machine = {
        skew,
        wall: () => (now + machine.skew) * 1000,
        monotonic: () => (now - startOfTime) * 1000,
      }
      return machine
    },
    /** Stores that machines share, with a correct clock. */
    sharing: (tenantStores: TenantStores): TenantStores => ({ ...tenantStores, now: async () => now * 1000 }),
  }
}

/** How far clocks are ahead, by name: accepted differences, and larger ones. */
export const tolerated = { '+5 s': 5, '-5 s': -5, '+15 s': 15, '-15 s': -15, '+300 s': 300, '-300 s': -300 }
export const beyond = {
  '+2 h': 7200,
  '-2 h': -7200,
  '+2 d': 172_800,
  '-2 d': -172_800,
  '+35 d': 3_024_000,
  '-35 d': -3_024_000,
}
