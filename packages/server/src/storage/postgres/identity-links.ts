/** Links between users of providers and users here, in PostgreSQL. */

import type { IdentityLinks } from '../../model/ports/stores.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, change, one } from './statements.ts'

const codec = codecs.identityLinks

export function createIdentityLinks({ run }: Database): IdentityLinks {
  const select = `select ${codec.names} from identity_links`
  const find = one(run, `${select} where provider = $1 and identity = $2`)
  const ofUser = all(run, `${select} where sub = $1 order by created_at, provider, identity`)
  const insert = change(
    run,
    `insert into identity_links (${codec.names}) values (${codec.placeholders()}) on conflict do nothing`,
  )
  const remove = change(run, 'delete from identity_links where provider = $1 and identity = $2 and sub = $3')
  return {
    find: async (provider, identity) => codec.decode((await find(provider, identity)) ?? []),
    ofUser: async sub => (await ofUser(sub)).flatMap(row => codec.decode(row) ?? []),
    add: async link => (await insert(...codec.encode(link))) === 1,
    remove: async (provider, identity, sub) => (await remove(provider, identity, sub)) === 1,
  }
}
