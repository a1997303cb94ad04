/** Browsers that were sent to an identity provider, in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { UpstreamRequest } from '../../model/federation.ts'
import type { UpstreamRequests } from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { codecs, type Row } from './codecs.ts'
import { change, one } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.upstreamRequests

export const upstreamRequestWrites = {
  createUpstreamRequest(database) {
    const insert = change(
      database,
      `insert into upstream_requests (${codec.names}) values (${codec.placeholders})`,
    )
    return (request: Row): void => void insert(...request)
  },
  takeUpstreamRequest(database: DatabaseSync) {
    const take = one(
      database,
      `delete from upstream_requests where hash = ? and browser = ? returning ${codec.names}`,
    )
    return (hash: TokenHash, browser: TokenHash): UpstreamRequest | undefined =>
      codec.decode(take(hash, browser) ?? [])
  },
} as const satisfies Writes

export const createUpstreamRequests = (write: Calls<typeof upstreamRequestWrites>): UpstreamRequests => ({
  create: request => write.createUpstreamRequest(codec.encode(request)),
  take: (hash, browser) => write.takeUpstreamRequest(hash, browser),
})
