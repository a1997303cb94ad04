/** The ports of sign-in at other providers, for the main thread. */

import type { DatabaseSync } from 'node:sqlite'
import type {
  FederationStores,
  IdentityLinks,
  UpstreamRequests,
  UpstreamSessions,
} from '../../../model/ports/stores.ts'
import { codecs } from '../codecs.ts'
import { all, one, reading } from '../statements.ts'
import type { federationWrites } from '../writes/federation.ts'
import type { Calls } from '../writes/operation.ts'

type Write = Calls<typeof federationWrites>

export const createFederationStores = (database: DatabaseSync, write: Write): FederationStores => ({
  identityLinks: createIdentityLinks(database, write),
  upstreamRequests: createUpstreamRequests(write),
  upstreamSessions: createUpstreamSessions(database, write),
})

function createIdentityLinks(database: DatabaseSync, write: Write): IdentityLinks {
  const find = one(
    database,
    `select ${codecs.identityLinks.names} from identity_links where provider = ? and identity = ?`,
  )
  const ofUser = all(
    database,
    `select ${codecs.identityLinks.names} from identity_links where sub = ? order by created_at, provider, identity`,
  )
  return {
    find: reading(database, (provider, identity) =>
      codecs.identityLinks.decode(find(provider, identity) ?? []),
    ),
    ofUser: reading(database, sub => ofUser(sub).flatMap(row => codecs.identityLinks.decode(row) ?? [])),
    add: link => write.addIdentityLink(codecs.identityLinks.encode(link)),
    remove: (provider, identity, sub) => write.removeIdentityLink(provider, identity, sub),
  }
}

const createUpstreamRequests = (write: Write): UpstreamRequests => ({
  create: request => write.createUpstreamRequest(codecs.upstreamRequests.encode(request)),
  take: (hash, browser) => write.takeUpstreamRequest(hash, browser),
})

function createUpstreamSessions(database: DatabaseSync, write: Write): UpstreamSessions {
  const select = `select ${codecs.upstreamSessions.names} from upstream_sessions`
  const find = one(database, `${select} where id = ?`)
  const ofSession = all(database, `${select} where provider = ? and upstream_sid = ?`)
  const ofIdentity = all(database, `${select} where provider = ? and identity = ?`)
  return {
    create: session => write.createUpstreamSession(codecs.upstreamSessions.encode(session)),
    find: reading(database, id => codecs.upstreamSessions.decode(find(id) ?? [])),
    from: reading(database, (provider, from) => {
      const rows =
        'upstream_sid' in from ? ofSession(provider, from.upstream_sid) : ofIdentity(provider, from.identity)
      return codecs.upstreamSessions.decodeAll(database, rows)
    }),
    end: id => write.endUpstreamSession(id),
  }
}
