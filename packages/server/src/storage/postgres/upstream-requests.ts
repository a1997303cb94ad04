/** Browsers that were sent to an identity provider, in PostgreSQL. */

import type { UpstreamRequests } from '../../model/ports/stores.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { change, one } from './statements.ts'

const codec = codecs.upstreamRequests

export function createUpstreamRequests({ run }: Database): UpstreamRequests {
  const insert = change(
    run,
    `insert into upstream_requests (${codec.names}) values (${codec.placeholders()})`,
  )
  const take = one(
    run,
    `delete from upstream_requests where hash = $1 and browser = $2 returning ${codec.names}`,
  )
  return {
    create: async request => void (await insert(...codec.encode(request))),
    take: async (hash, browser) => codec.decode((await take(hash, browser)) ?? []),
  }
}
