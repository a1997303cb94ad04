/** A lock in `localStorage`, for browsers without `navigator.locks`. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Lock } from '../session/lock.ts'
import type { TextStorage } from '../session/session-store.ts'
import { sleep } from '../sleep.ts'

/** How long an owner that has disappeared keeps the lock. */
const lease: Seconds = 15

/** Seconds between writing the item and reading it again: other tabs see the item sooner than that. */
const settling: Seconds = 0.05

/**
 * Returns a lock that is an item with its owner and end. Tabs that write it at the same time overwrite each other, and the
 * last one holds the lock. Use one at a time in a tab.
 */
export function storageLock(storage: TextStorage, timeout: Seconds): Lock {
  return async (name, work) => {
    const key = `tessera.lock ${name}`
    const owner = `${Math.random()}`
    const write = (): void => storage.setItem(key, `${owner} ${Date.now() + lease * 1000}`)
    const isOwner = (): boolean => storage.getItem(key)?.split(' ')[0] === owner

    const end = performance.now() + timeout * 1000
    for (;;) {
      const isTaken = isHeld(storage.getItem(key))
      // Not if the tab was frozen for so long that another one may be taking the item over.
      if (isTaken && isOwner()) break
      if (performance.now() > end) throw new Error(`the lock "${name}" was not free within ${timeout} s`)
      if (isTaken) {
        await sleep(settling * (0.5 + Math.random()))
        continue
      }
      write()
      await sleep(settling)
    }
    const renew = (): void => {
      try {
        if (isOwner()) write()
      } catch {
        // The storage may be full, or be blocked meanwhile. The next time may succeed, or else the lock ends.
      }
    }
    const renewing = setInterval(renew, (lease * 1000) / 3)
    try {
      return await work()
    } finally {
      clearInterval(renewing)
      if (isOwner()) storage.removeItem(key)
    }
  }
}

/** An end that is too far in the future is from before the clock was set back. */
function isHeld(item: string | null): boolean {
  const left = Number(item?.split(' ')[1] ?? 0) - Date.now()
  return left > 0 && left <= lease * 1000
}
