/** Replay markers in memory (RFC 7523 §3, `jti`). */

import type { Replays } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createReplays = ({ replays }: Tables): Replays => ({
  async use(marker) {
    if (replays.has(marker.hash)) return false
    replays.set(marker.hash, marker)
    return true
  },
})
