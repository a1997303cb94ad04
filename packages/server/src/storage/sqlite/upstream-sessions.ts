/** Where sessions came from, in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { UpstreamSessions } from '../../model/ports/stores.ts'
import { codecs, type Row } from './codecs.ts'
import { all, change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.upstreamSessions

export const upstreamSessionWrites = {
  createUpstreamSession(database) {
    const insert = change(
      database,
      `insert into upstream_sessions (${codec.names}) values (${codec.placeholders})`,
    )
    return (session: Row): void => void insert(...session)
  },
  endUpstreamSession(database) {
    const end = change(database, 'delete from upstream_sessions where id = ?')
    return (id: string): void => void end(id)
  },
} as const satisfies Writes

export function createUpstreamSessions(
  database: DatabaseSync,
  write: Calls<typeof upstreamSessionWrites>,
): UpstreamSessions {
  const select = `select ${codec.names} from upstream_sessions`
  const find = one(database, `${select} where id = ?`)
  const ofSession = all(database, `${select} where provider = ? and upstream_sid = ?`)
  const ofIdentity = all(database, `${select} where provider = ? and identity = ?`)
  return {
    create: session => write.createUpstreamSession(codec.encode(session)),
    find: reading(database, id => codec.decode(find(id) ?? [])),
    from: reading(database, (provider, from) => {
      const rows =
        'upstream_sid' in from ? ofSession(provider, from.upstream_sid) : ofIdentity(provider, from.identity)
      return rows.flatMap(row => codec.decode(row) ?? [])
    }),
    end: id => write.endUpstreamSession(id),
  }
}
