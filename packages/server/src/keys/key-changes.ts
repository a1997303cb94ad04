/** How processes on one store learn at once that signing keys of some issuer changed: one value, looked at each second. */

import type { Log, Random } from '../core/runtime.ts'
import type { Settings } from '../core/stores.ts'

export type KeyChanges = {
  /** Tells every process, this one too. */
  readonly announce: () => Promise<void>
  /** Calls `refresh` after each change; answers how to stop it. */
  readonly watch: (refresh: () => void) => () => void
}

const name = 'keys_changed'
/** Milliseconds. */
const interval = 1000

/** @param settings those of the server's own issuer, so that a look costs the same for a thousand tenants. */
export function createKeyChanges({
  settings,
  random,
  log,
}: {
  settings: Pick<Settings, 'get' | 'put'>
  random: Random
  log: Log
}): KeyChanges {
  const watchers = new Set<() => void>()
  let timer: NodeJS.Timeout | undefined
  let seen: string | undefined
  let begun = false

  const look = async (): Promise<void> => {
    try {
      const now = await settings.get(name)
      if (begun && now !== seen) for (const refresh of watchers) refresh()
      begun = true
      seen = now
    } catch (error) {
      // Each ring tells of an outage itself, with its next look at the store.
      log.debug('key_changes_unseen', { error: String(error) })
    }
  }

  return {
    announce: () => settings.put(name, Buffer.from(random.bytes(16)).toString('base64url')),
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
        begun = false
      }
    },
  }
}
