/** Browser sessions in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { Session } from '../../core/authorization.ts'
import type { TokenHash } from '../../core/runtime.ts'
import type { Sessions } from '../../core/stores.ts'
import { createCodec, type Row } from './columns.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = createCodec<Session>({
  hash: 'value',
  sid: 'value',
  sub: 'value',
  tenant: 'value',
  idp: 'value',
  amr: 'json',
  acr: 'value',
  auth_time: 'value',
  claims: 'json',
  created_at: 'value',
  expires_at: 'value',
})

export const sessionWrites = {
  createSession(database) {
    const insert = change(database, `insert into sessions (${codec.names}) values (${codec.marks})`)
    return (session: Row): void => void insert(...session)
  },
  endSession(database) {
    const end = change(database, 'delete from sessions where hash = ?')
    return (hash: TokenHash): void => void end(hash)
  },
} as const satisfies Writes

export function createSessions(database: DatabaseSync, write: Calls<typeof sessionWrites>): Sessions {
  const find = one(database, `select ${codec.names} from sessions where hash = ?`)
  return {
    create: session => write.createSession(codec.encode(session)),
    find: reading(hash => codec.decode(find(hash) ?? [])),
    end: hash => write.endSession(hash),
  }
}
