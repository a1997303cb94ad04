/** Sealed signing keys in memory, the oldest first; of one second, in the order in which they were added. */

import type { Keys } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export function createKeys({ keys }: Tables): Keys {
  const all = () => [...keys.values()].sort((a, b) => a.created_at - b.created_at)
  return {
    all,
    async add(key, newestSeen) {
      const newest = all().findLast(({ alg }) => alg === key.alg)
      if (newest?.kid !== newestSeen || keys.has(key.kid)) return false
      keys.set(key.kid, key)
      return true
    },
    async remove(kid) {
      keys.delete(kid)
    },
  }
}
