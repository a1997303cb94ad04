/** Chooses the clock of a server: the store's if machines share the store, otherwise this machine's. */

import type { TenantStores } from '../model/ports/stores.ts'
import { type Clock, type Log, type MachineTime, passedBy, type Time } from '../runtime/ports.ts'
import { followDatabaseClock } from './database-clock.ts'
import { watchPassedTime } from './passed-time.ts'

/** @param clock replaces all other clocks, and is not checked. */
export async function startTime(
  tenantStores: Pick<TenantStores, 'now' | 'main' | 'outlivesProcess'>,
  { clock, machine = systemTime, log }: { clock?: Clock; machine?: MachineTime; log: Log },
): Promise<Time> {
  if (clock) return { clock, fault: () => undefined, stop: () => {} }
  const { settings } = tenantStores.main
  if (tenantStores.now) return watched(await followDatabaseClock({ read: tenantStores.now, machine, log }))
  return watchPassedTime({ settings: tenantStores.outlivesProcess ? settings : undefined, machine, log })

  /** A database on the same machine, or with the same time source, has the same error. */
  async function watched(time: Time): Promise<Time> {
    const { clock } = time
    const wall = (): number => passedBy(clock) * 1000
    const watch = await watchPassedTime({
      settings,
      machine: { wall, monotonic: machine.monotonic },
      log,
    }).catch(error => {
      time.stop()
      throw error
    })
    return {
      ...time,
      clock: { now: clock.now, passed: () => passedBy(watch.clock) },
      stop() {
        time.stop()
        watch.stop()
      },
    }
  }
}

const systemTime: MachineTime = { wall: () => Date.now(), monotonic: () => performance.now() }
