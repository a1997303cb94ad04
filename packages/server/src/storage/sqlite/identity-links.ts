/** Links between users of providers and users here, in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { IdentityLinks } from '../../model/ports/stores.ts'
import { codecs, type Row } from './codecs.ts'
import { all, change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.identityLinks

export const identityLinkWrites = {
  addIdentityLink(database) {
    const insert = change(
      database,
      `insert into identity_links (${codec.names}) values (${codec.placeholders}) on conflict do nothing`,
    )
    return (link: Row): boolean => insert(...link) === 1
  },
  removeIdentityLink(database) {
    const remove = change(
      database,
      'delete from identity_links where provider = ? and identity = ? and sub = ?',
    )
    return (provider: string, identity: string, sub: string): boolean => remove(provider, identity, sub) === 1
  },
} as const satisfies Writes

export function createIdentityLinks(
  database: DatabaseSync,
  write: Calls<typeof identityLinkWrites>,
): IdentityLinks {
  const find = one(database, `select ${codec.names} from identity_links where provider = ? and identity = ?`)
  const ofUser = all(
    database,
    `select ${codec.names} from identity_links where sub = ? order by created_at, provider, identity`,
  )
  return {
    find: reading(database, (provider, identity) => codec.decode(find(provider, identity) ?? [])),
    ofUser: reading(database, sub => ofUser(sub).flatMap(row => codec.decode(row) ?? [])),
    add: link => write.addIdentityLink(codec.encode(link)),
    remove: (provider, identity, sub) => write.removeIdentityLink(provider, identity, sub),
  }
}
