/** Pushed authorization requests in SQLite (RFC 9126). */

import type { DatabaseSync } from 'node:sqlite'
import type { PushedRequests } from '../../model/ports/stores.ts'
import { codecs, type Row } from './codecs.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.pushedRequests

export const pushedRequestWrites = {
  addPushedRequest(database) {
    const insert = change(
      database,
      `insert into pushed_requests (${codec.names}) values (${codec.placeholders})`,
    )
    return (request: Row): void => void insert(...request)
  },
} as const satisfies Writes

export function createPushedRequests(
  database: DatabaseSync,
  write: Calls<typeof pushedRequestWrites>,
): PushedRequests {
  const find = one(
    database,
    `select parameters, exists (select 1 from replays where replays.hash = pushed_requests.hash)
    from pushed_requests where hash = ? and client_id = ? and expires_at > ?`,
  )
  return {
    add: request => write.addPushedRequest(codec.encode(request)),
    find: reading(database, (hash, clientId, at) => {
      const row = find(hash, clientId, at)
      return row && { parameters: String(row[0]), used: row[1] === 1 }
    }),
  }
}
