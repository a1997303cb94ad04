/** Used assertions in memory (RFC 7523 §3, `jti`). */

import type { UsedAssertions } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createUsedAssertions = ({ usedAssertions }: Tables): UsedAssertions => ({
  async add(marker) {
    if (usedAssertions.has(marker.hash)) return false
    usedAssertions.set(marker.hash, marker)
    return true
  },
})
