/** Where sessions came from, in memory. */

import type { UpstreamSessions } from '../../model/ports/stores.ts'
import { requireNew, type Tables } from './tables.ts'

export const createUpstreamSessions = ({ upstreamSessions }: Tables): UpstreamSessions => ({
  async create(session) {
    requireNew(upstreamSessions, session.id)
    upstreamSessions.set(session.id, session)
  },
  find: id => upstreamSessions.get(id),
  from: (provider, from) =>
    [...upstreamSessions.values()].filter(
      session =>
        session.provider === provider &&
        ('upstream_sid' in from
          ? session.upstream_sid === from.upstream_sid
          : session.identity === from.identity),
    ),
  async end(id) {
    upstreamSessions.delete(id)
  },
})
