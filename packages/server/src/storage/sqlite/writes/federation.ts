/** Writes of sign-in at other providers. */

import type { DatabaseSync } from 'node:sqlite'
import type { UpstreamRequest } from '../../../model/federation.ts'
import { mostIdentityLinks, mostUpstreamSessions } from '../../../model/ports/federation.ts'
import type { TokenHash } from '../../../runtime/ports.ts'
import { codecs, type Row } from '../codecs.ts'
import { change, one } from '../statements.ts'
import type { Writes } from './operation.ts'

export const federationWrites = {
  addIdentityLink(database) {
    const known = one(
      database,
      `select exists (select 1 from identity_links where provider = ? and identity = ?),
        (select count(*) from identity_links where sub = ?)`,
    )
    const insert = change(
      database,
      `insert into identity_links (${codecs.identityLinks.names}) values (${codecs.identityLinks.placeholders})`,
    )
    return (link: Row): 'added' | 'taken' | 'full' => {
      const [provider = null, identity = null, sub = null] = link
      const [taken = 0, count = 0] = (known(provider, identity, sub) ?? []).map(Number)
      if (taken > 0) return 'taken'
      if (count >= mostIdentityLinks) return 'full'
      insert(...link)
      return 'added'
    }
  },
  removeIdentityLink(database) {
    const remove = change(
      database,
      'delete from identity_links where provider = ? and identity = ? and sub = ?',
    )
    return (provider: string, identity: string, sub: string): boolean => remove(provider, identity, sub) === 1
  },
  createUpstreamRequest(database) {
    const insert = change(
      database,
      `insert into upstream_requests (${codecs.upstreamRequests.names}) values (${codecs.upstreamRequests.placeholders})`,
    )
    return (request: Row): void => void insert(...request)
  },
  takeUpstreamRequest(database: DatabaseSync) {
    const take = one(
      database,
      `delete from upstream_requests where hash = ? and browser = ? returning ${codecs.upstreamRequests.names}`,
    )
    return (hash: TokenHash, browser: TokenHash): UpstreamRequest | undefined =>
      codecs.upstreamRequests.decode(take(hash, browser) ?? [])
  },
  createUpstreamSession(database) {
    const insert = change(
      database,
      `insert into upstream_sessions (${codecs.upstreamSessions.names}) values (${codecs.upstreamSessions.placeholders})`,
    )
    const trim = change(
      database,
      `delete from upstream_sessions where id in (
        select id from upstream_sessions as other
        where provider = ?1 and identity = ?2 and id <> ?3
          and not exists (select 1 from sessions where upstream = other.id)
        order by expires_at desc limit -1 offset ${mostUpstreamSessions - 1})`,
    )
    return (session: Row): void => {
      const [id = null, provider = null, identity = null] = session
      insert(...session)
      trim(provider, identity, id)
    }
  },
  endUpstreamSession(database) {
    const end = change(database, 'delete from upstream_sessions where id = ?')
    return (id: string): void => void end(id)
  },
} as const satisfies Writes
