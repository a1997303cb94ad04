/** Pushed authorization requests in PostgreSQL (RFC 9126). */

import type { PushedRequests } from '../../model/ports/stores.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { change, one } from './statements.ts'

const codec = codecs.pushedRequests

export function createPushedRequests({ run }: Database): PushedRequests {
  const add = change(run, `insert into pushed_requests (${codec.names}) values (${codec.placeholders()})`)
  const find = one(
    run,
    `select parameters, exists (select 1 from replays where replays.hash = pushed_requests.hash)
    from pushed_requests where hash = $1 and client_id = $2 and expires_at > $3`,
  )
  return {
    add: async request => void (await add(...codec.encode(request))),
    async find(hash, clientId, at) {
      const row = await find(hash, clientId, at)
      return row && { parameters: String(row[0]), used: row[1] === true }
    },
  }
}
