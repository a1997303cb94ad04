/** Browser sessions in memory. */

import type { Sessions } from '../../core/stores.ts'
import { requireNew, type Tables } from './tables.ts'

export const createSessions = ({ sessions }: Tables): Sessions => ({
  async create(session) {
    requireNew(sessions, session.hash)
    sessions.set(session.hash, session)
  },
  find: hash => sessions.get(hash),
  async end(hash) {
    sessions.delete(hash)
  },
})
