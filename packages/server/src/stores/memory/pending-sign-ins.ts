/** Sign-ins that lack their second factor, in memory. */

import type { PendingSignIns } from '../../core/stores.ts'
import { requireNew, type Tables } from './tables.ts'

export const createPendingSignIns = ({ pendingSignIns }: Tables): PendingSignIns => ({
  async create(pending) {
    requireNew(pendingSignIns, pending.hash)
    pendingSignIns.set(pending.hash, pending)
  },
  find: hash => pendingSignIns.get(hash),
  async take(hash) {
    return pendingSignIns.delete(hash)
  },
  async endOfUser(sub) {
    for (const pending of pendingSignIns.values())
      if (pending.sub === sub) pendingSignIns.delete(pending.hash)
  },
})
