/** Which proofs were used, so that none is used twice (RFC 9449 §11.1). */

import type { Seconds } from '@tessera/protocol/brand'

/**
 * Remembers proofs. If an API runs in several processes, they need a common store, such as a table with a unique column
 * or `SET … NX EXAT` of Redis: in memory, each process accepts a proof once.
 */
export type ReplayStore = {
  /**
   * Stores an id until `expires_at`, in seconds since 1970. Returns whether it is new, decided atomically. Returns false, or
   * throws, if there is no room: to forget an id before it expires would allow its replay. If it throws, the request is not
   * allowed.
   * @param jkt the thumbprint of the key of the proof, for stores that limit what one key can fill.
   */
  readonly add: (id: string, expires_at: Seconds, jkt?: string) => boolean | Promise<boolean>
}

export type MemoryReplayOptions = {
  /** The most ids at a time; the default is 200,000, which need 25 to 40 MB. */
  readonly maxEntries?: number | undefined
  /** The current time in seconds since 1970; the default is the clock of the system. */
  readonly now?: (() => Seconds) | undefined
}

/** The share of the entries for keys that have few. */
const reserved = 0.1
/** The share of the entries up to which a key has few. */
const few = 0.001

/** How many of the entries are of one key. */
type Holder = { count: number }
type Entry = { readonly expires_at: Seconds; readonly holder: Holder }

/**
 * Returns a store in the memory of this process, which a restart empties. An id is kept until it expires, so what fills the
 * store never lets a proof be used twice.
 *
 * When it is full of ids that have not expired, it accepts no others: with the default options, above about 1,600 requests
 * per second. The last tenth is for keys that have less than a thousandth of all: one key is refused above about 1,500
 * requests per second, and about 100 keys are needed to fill the store for the others.
 */
export function memoryReplays(options: MemoryReplayOptions = {}): ReplayStore {
  const { maxEntries = 200_000, now = () => Math.floor(Date.now() / 1000) } = options
  const entries = new Map<string, Entry>()
  const holders = new Map<string, Holder>()
  let swept: Seconds = 0

  function remove(id: string, { holder }: Entry): void {
    entries.delete(id)
    holder.count -= 1
  }

  /** Once a second at most, because it reads all ids. */
  function sweep(at: Seconds): void {
    if (swept === Math.floor(at)) return
    swept = Math.floor(at)
    for (const [id, entry] of entries) if (entry.expires_at < at) remove(id, entry)
    for (const [jkt, { count }] of holders) if (count === 0) holders.delete(jkt)
  }

  const hasRoom = (jkt: string | undefined): boolean => {
    const { count } = (jkt === undefined ? undefined : holders.get(jkt)) ?? { count: 0 }
    const isReserved = entries.size >= maxEntries - Math.floor(maxEntries * reserved)
    return entries.size < maxEntries && !(isReserved && count > 0 && count >= maxEntries * few)
  }

  function holderOf(jkt: string | undefined): Holder {
    const holder = (jkt === undefined ? undefined : holders.get(jkt)) ?? { count: 0 }
    if (jkt !== undefined) holders.set(jkt, holder)
    return holder
  }

  return {
    add(id, expires_at, jkt) {
      const at = now()
      if (!hasRoom(jkt)) sweep(at)
      const known = entries.get(id)
      if (known !== undefined && known.expires_at >= at) return false
      if (known !== undefined) remove(id, known)
      if (!hasRoom(jkt)) return false
      const holder = holderOf(jkt)
      holder.count += 1
      entries.set(id, { expires_at, holder })
      return true
    },
  }
}
