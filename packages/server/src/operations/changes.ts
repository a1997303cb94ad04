/** How processes on one store learn at once that signing keys of some issuer changed, or who stands: one value, looked at each second. */

import { newId } from '../model/handle.ts'
import type { Settings } from '../model/ports/stores.ts'
import type { Changes, Log, Random } from '../runtime/ports.ts'

const name = 'changed'
/** Milliseconds. */
const interval = 1000

/** @param settings those of the server's own issuer, so that a look costs the same for a thousand tenants. */
export function createChanges({
  settings,
  random,
  log,
}: {
  settings: Pick<Settings, 'get' | 'put'>
  random: Random
  log: Log
}): Changes {
  const watchers = new Set<() => void>()
  let timer: NodeJS.Timeout | undefined
  let seen: string | undefined
  let hasLooked = false

  const look = async (): Promise<void> => {
    try {
      const now = await settings.get(name)
      // The first value may already include a change made after the watchers loaded their state.
      if (!hasLooked || now !== seen) for (const refresh of watchers) refresh()
      hasLooked = true
      seen = now
    } catch (error) {
      // Who watches tells of an outage itself, with its next look at the store.
      log.debug('changes_unseen', { error: String(error) })
    }
  }

  return {
    announce: () => settings.put(name, newId(random)),
    watch(refresh) {
      watchers.add(refresh)
      if (timer === undefined) {
        timer = setInterval(look, interval).unref()
        void look()
      }
      return () => {
        watchers.delete(refresh)
        if (watchers.size > 0) return
        clearInterval(timer)
        timer = undefined
        hasLooked = false
      }
    },
  }
}
