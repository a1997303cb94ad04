/**
 * Notifies all processes that share a store when the signing keys or principals of an issuer change. They poll one
 * value every second.
 */

import { newId } from '../model/handle.ts'
import type { Settings } from '../model/ports/stores.ts'
import type { Changes, Log, Random } from '../runtime/ports.ts'

const name = 'changed'
/** Milliseconds. */
const interval = 1000

/** @param settings those of the server's own issuer, so that polling costs no more with a thousand tenants. */
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

  const check = async (): Promise<void> => {
    try {
      const now = await settings.get(name)
      // The first value may already include a change made after the watchers loaded their state.
      if (!hasLooked || now !== seen) for (const refresh of watchers) refresh()
      hasLooked = true
      seen = now
    } catch (error) {
      // The watchers log an outage themselves when they next read the store.
      log.debug('changes_unseen', { error: String(error) })
    }
  }

  return {
    announce: () => settings.put(name, newId(random)),
    watch(refresh) {
      watchers.add(refresh)
      if (timer === undefined) {
        timer = setInterval(check, interval).unref()
        void check()
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
