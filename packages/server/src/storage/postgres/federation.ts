/** Sign-in at other providers, in PostgreSQL. */

import { mostIdentityLinks, mostUpstreamSessions } from '../../model/ports/federation.ts'
import type {
  FederationStores,
  IdentityLinks,
  UpstreamRequests,
  UpstreamSessions,
} from '../../model/ports/stores.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, change, one } from './statements.ts'

export const createFederationStores = (database: Database): FederationStores => ({
  identityLinks: createIdentityLinks(database),
  upstreamRequests: createUpstreamRequests(database),
  upstreamSessions: createUpstreamSessions(database),
})

const linksOf = `select (select count(*) from identity_links where sub = $3),
  exists (select 1 from identity_links where provider = $1 and identity = $2)`

const addLink = `insert into identity_links (${codecs.identityLinks.names}) values (${codecs.identityLinks.placeholders()})
  on conflict do nothing`

function createIdentityLinks({ run, locked }: Database): IdentityLinks {
  const select = `select ${codecs.identityLinks.names} from identity_links`
  const find = one(run, `${select} where provider = $1 and identity = $2`)
  const ofUser = all(run, `${select} where sub = $1 order by created_at, provider, identity`)
  const remove = change(run, 'delete from identity_links where provider = $1 and identity = $2 and sub = $3')
  return {
    find: async (provider, identity) => codecs.identityLinks.decode((await find(provider, identity)) ?? []),
    ofUser: async sub => (await ofUser(sub)).flatMap(row => codecs.identityLinks.decode(row) ?? []),
    // Links are counted before one is added, one at a time for each user.
    add: link =>
      locked([`identity links ${link.sub}`], async write => {
        const { provider, identity, sub } = link
        const [count = 0, taken] = (await write(linksOf, [provider, identity, sub])).rows[0] ?? []
        if (taken === true) return 'taken'
        if (Number(count) >= mostIdentityLinks) return 'full'
        // Another user may have added the same one meanwhile.
        return (await write(addLink, codecs.identityLinks.encode(link))).count === 1 ? 'added' : 'taken'
      }),
    remove: async (provider, identity, sub) => (await remove(provider, identity, sub)) === 1,
  }
}

function createUpstreamRequests({ run }: Database): UpstreamRequests {
  const insert = change(
    run,
    `insert into upstream_requests (${codecs.upstreamRequests.names}) values (${codecs.upstreamRequests.placeholders()})`,
  )
  const take = one(
    run,
    `delete from upstream_requests where hash = $1 and browser = $2 returning ${codecs.upstreamRequests.names}`,
  )
  return {
    create: async request => void (await insert(...codecs.upstreamRequests.encode(request))),
    take: async (hash, browser) => codecs.upstreamRequests.decode((await take(hash, browser)) ?? []),
  }
}

function createUpstreamSessions({ run }: Database): UpstreamSessions {
  const [id, provider, identity] = (['id', 'provider', 'identity'] as const).map(name =>
    codecs.upstreamSessions.parameter(name),
  )
  const insert = change(
    run,
    `with surplus as (
      delete from upstream_sessions where id in (
        select id from upstream_sessions as other
        where provider = ${provider} and identity = ${identity} and id <> ${id}
          and not exists (select 1 from sessions where upstream = other.id)
        order by expires_at desc offset ${mostUpstreamSessions - 1}))
    insert into upstream_sessions (${codecs.upstreamSessions.names}) values (${codecs.upstreamSessions.placeholders()})`,
  )
  const select = `select ${codecs.upstreamSessions.names} from upstream_sessions`
  const find = one(run, `${select} where id = $1`)
  const ofSession = all(run, `${select} where provider = $1 and upstream_sid = $2`)
  const ofIdentity = all(run, `${select} where provider = $1 and identity = $2`)
  const end = change(run, 'delete from upstream_sessions where id = $1')
  return {
    create: async session => void (await insert(...codecs.upstreamSessions.encode(session))),
    find: async id => codecs.upstreamSessions.decode((await find(id)) ?? []),
    async from(provider, from) {
      const rows = await ('upstream_sid' in from
        ? ofSession(provider, from.upstream_sid)
        : ofIdentity(provider, from.identity))
      return codecs.upstreamSessions.decodeAll(run, rows)
    },
    end: async id => void (await end(id)),
  }
}
