/** Which proofs were used, so that none is used twice (RFC 9449 §11.1). */

import type { Seconds } from '@tessera/protocol/brand'

/**
 * Remembers proofs. If an API runs in several processes, they need a common store, such as a table with a unique column
 * or `SET … NX EXAT` of Redis: in memory, each process accepts a proof once.
 */
export type ReplayStore = {
  /**
   * Stores an id until `expires_at`, in seconds since 1970. Returns whether it is new, decided atomically. If it throws,
   * the request is not allowed.
   */
  readonly add: (id: string, expires_at: Seconds) => boolean | Promise<boolean>
}

export type MemoryReplayOptions = {
  /** The most ids at a time; the default is 200,000, which need about 20 MB. */
  readonly maxEntries?: number | undefined
  /** The current time in seconds since 1970; the default is the clock of the system. */
  readonly now?: (() => Seconds) | undefined
}

/**
 * Returns a store in the memory of this process, which a restart empties. When it is full of ids that have not expired,
 * it accepts no others: with the default options, above about 1,600 requests per second.
 */
export function memoryReplays(options: MemoryReplayOptions = {}): ReplayStore {
  const { maxEntries = 200_000, now = () => Math.floor(Date.now() / 1000) } = options
  const entries = new Map<string, Seconds>()
  let swept: Seconds = 0

  /** Once a second at most, because it reads all ids. */
  function sweep(at: Seconds): void {
    if (swept === Math.floor(at)) return
    swept = Math.floor(at)
    for (const [id, expires_at] of entries) if (expires_at < at) entries.delete(id)
  }

  return {
    add(id, expires_at) {
      const at = now()
      if (entries.size >= maxEntries) sweep(at)
      const known = entries.get(id)
      if ((known !== undefined && known >= at) || entries.size >= maxEntries) return false
      entries.set(id, expires_at)
      return true
    },
  }
}
