/** Where sessions came from, in PostgreSQL. */

import type { UpstreamSessions } from '../../model/ports/stores.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, change, one } from './statements.ts'

const codec = codecs.upstreamSessions

export function createUpstreamSessions({ run }: Database): UpstreamSessions {
  const insert = change(
    run,
    `insert into upstream_sessions (${codec.names}) values (${codec.placeholders()})`,
  )
  const select = `select ${codec.names} from upstream_sessions`
  const find = one(run, `${select} where id = $1`)
  const ofSession = all(run, `${select} where provider = $1 and upstream_sid = $2`)
  const ofIdentity = all(run, `${select} where provider = $1 and identity = $2`)
  const end = change(run, 'delete from upstream_sessions where id = $1')
  return {
    create: async session => void (await insert(...codec.encode(session))),
    find: async id => codec.decode((await find(id)) ?? []),
    async from(provider, from) {
      const rows = await ('upstream_sid' in from
        ? ofSession(provider, from.upstream_sid)
        : ofIdentity(provider, from.identity))
      return rows.flatMap(row => codec.decode(row) ?? [])
    },
    end: async id => void (await end(id)),
  }
}
