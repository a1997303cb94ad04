/** Whose time a server goes by: the store's own clock where machines share the store, else this machine's. */

import type { Clock, Log, MachineTime, Time } from '../core/runtime.ts'
import type { Storehouse } from '../core/stores.ts'
import { followDatabaseClock } from './database-clock.ts'
import { watchPassedTime } from './passed-time.ts'

/** @param clock in place of all others, as tests have it: it is believed. */
export async function startTime(
  storehouse: Pick<Storehouse, 'now' | 'main' | 'outlivesProcess'>,
  { clock, machine = systemTime, log }: { clock?: Clock; machine?: MachineTime; log: Log },
): Promise<Time> {
  if (clock) return { clock, fault: () => undefined, stop: () => {} }
  if (storehouse.now) return followDatabaseClock({ read: storehouse.now, machine, log })
  const { settings } = storehouse.main
  return watchPassedTime({ ...(storehouse.outlivesProcess && { settings }), machine, log })
}

const systemTime: MachineTime = { wall: () => Date.now(), monotonic: () => performance.now() }
