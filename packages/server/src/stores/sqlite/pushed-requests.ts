/** Pushed authorization requests in SQLite (RFC 9126). */

import type { Seconds } from '@tessera/protocol/brand'
import type { TokenHash } from '../../core/runtime.ts'
import type { PushedRequest, PushedRequests } from '../../core/stores.ts'
import { createCodec, type Row } from './columns.ts'
import { change, one } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = createCodec<PushedRequest>({
  hash: 'value',
  client_id: 'value',
  parameters: 'value',
  expires_at: 'value',
})

export const pushedRequestWrites = {
  addPushedRequest(database) {
    const insert = change(database, `insert into pushed_requests (${codec.names}) values (${codec.marks})`)
    return (request: Row): void => void insert(...request)
  },
  takePushedRequest(database) {
    const take = one(
      database,
      'delete from pushed_requests where hash = ? and client_id = ? and expires_at > ? returning parameters',
    )
    return (hash: TokenHash, clientId: string, at: Seconds): string | undefined => {
      const [parameters] = take(hash, clientId, at) ?? []
      return typeof parameters === 'string' ? parameters : undefined
    }
  },
} as const satisfies Writes

export const createPushedRequests = (write: Calls<typeof pushedRequestWrites>): PushedRequests => ({
  add: request => write.addPushedRequest(codec.encode(request)),
  take: write.takePushedRequest,
})
