/** Sign-in at other providers, in memory. */

import { mostIdentityLinks, mostUpstreamSessions } from '../../model/ports/federation.ts'
import type { FederationStores } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createFederationStores = ({
  identityLinks,
  upstreamRequests,
  upstreamSessions,
  sessions,
}: Tables): FederationStores => ({
  identityLinks: {
    find: (provider, identity) => identityLinks.get(provider, identity),
    ofUser: sub => identityLinks.filter(link => link.sub === sub),
    async add(link) {
      if (identityLinks.has(link.provider, link.identity)) return 'taken'
      if (identityLinks.filter(({ sub }) => sub === link.sub).length >= mostIdentityLinks) return 'full'
      identityLinks.put(link)
      return 'added'
    },
    async remove(provider, identity, sub) {
      return identityLinks.get(provider, identity)?.sub === sub && identityLinks.delete(provider, identity)
    },
  },
  upstreamRequests: {
    async create(request) {
      upstreamRequests.insert(request)
    },
    async take(hash, browser) {
      const found = upstreamRequests.get(hash)
      if (found?.browser !== browser) return undefined
      upstreamRequests.delete(hash)
      return found
    },
  },
  upstreamSessions: {
    async create(session) {
      upstreamSessions.insert(session)
      const inUse = new Set([...sessions.values()].map(({ upstream }) => upstream))
      const surplus = upstreamSessions
        .filter(
          one =>
            one.provider === session.provider &&
            one.identity === session.identity &&
            one.id !== session.id &&
            !inUse.has(one.id),
        )
        .toSorted((one, other) => other.expires_at - one.expires_at)
        .slice(mostUpstreamSessions - 1)
      for (const { id } of surplus) upstreamSessions.delete(id)
    },
    find: id => upstreamSessions.get(id),
    from: (provider, from) =>
      upstreamSessions.filter(
        session =>
          session.provider === provider &&
          ('upstream_sid' in from
            ? session.upstream_sid === from.upstream_sid
            : session.identity === from.identity),
      ),
    async end(id) {
      upstreamSessions.delete(id)
    },
  },
})
