/** Sign-ins that lack their second factor, in memory. */

import type { PendingSignIns } from '../../model/ports/stores.ts'
import { isOfEpoch } from './epoch.ts'
import { requireNew, type Tables } from './tables.ts'

export const createPendingSignIns = (tables: Tables): PendingSignIns => ({
  async create(pending) {
    if (!isOfEpoch(tables, pending)) return false
    requireNew(tables.pendingSignIns, pending.hash)
    tables.pendingSignIns.set(pending.hash, pending)
    return true
  },
  find: hash => tables.pendingSignIns.get(hash),
  async take(hash) {
    return tables.pendingSignIns.delete(hash)
  },
})
