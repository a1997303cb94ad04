/** Clients that registered themselves, in SQLite (RFC 7591). Triggers write what hangs on one: that it stands, and its origins. */

import type { DatabaseSync } from 'node:sqlite'
import type { Seconds } from '@tessera/protocol/brand'
import { createAllowance } from '../../model/allowance.ts'
import type { RegisteredClients, UnusedClients } from '../../model/ports/stores.ts'
import { roomFor, surplusOf } from '../../model/registered-client.ts'
import { codecs, type Row } from './codecs.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.registeredClients

export const registeredClientWrites = {
  addRegisteredClient(database) {
    const count = one(database, 'select count(*) from registered_clients')
    const countUnused = one(database, 'select count(*) from registered_clients where used_at is null')
    const insert = change(
      database,
      `insert into registered_clients (${codec.names}) values (${codec.placeholders})`,
    )
    const evict = change(
      database,
      `delete from registered_clients where client_id in (
        select client_id from registered_clients where used_at is null and created_at <= ?
        order by created_at, rowid limit ?)`,
    )
    const allowance = createAllowance()
    return (client: Row, most: number, unused: UnusedClients | null): boolean => {
      const limits = { most, ...(unused && { mostUnused: unused.most }) }
      const key = JSON.stringify(limits)
      if (allowance.use(key)) return insert(...client) === 1
      const [[inAll = 0] = [], [neverUsed = 0] = []] = [count(), unused ? countUnused() : []]
      const counted = roomFor({ inAll: Number(inAll), unused: Number(neverUsed) }, limits)
      const surplus = unused ? surplusOf(counted, limits) : 0
      const room = counted + (unused && surplus > 0 ? evict(unused.since, surplus) : 0)
      allowance.grant(key, room - 1)
      return room >= 1 && insert(...client) === 1
    }
  },
  replaceRegisteredClient(database) {
    const replace = change(
      database,
      `update registered_clients set (${codec.names}) = (${codec.placeholders}) where client_id = ? and version = ?`,
    )
    return (client: Row, clientId: string, version: number): boolean =>
      replace(...client, clientId, version) === 1
  },
  prolongRegisteredClient(database) {
    const prolong = change(
      database,
      'update registered_clients set used_at = ?, expires_at = coalesce(?, expires_at) where client_id = ?',
    )
    return (clientId: string, usedAt: Seconds, expiresAt: Seconds | null): void =>
      void prolong(usedAt, expiresAt, clientId)
  },
  removeRegisteredClient(database) {
    const remove = change(database, 'delete from registered_clients where client_id = ?')
    return (clientId: string): boolean => remove(clientId) === 1
  },
} as const satisfies Writes

export function createRegisteredClients(
  database: DatabaseSync,
  write: Calls<typeof registeredClientWrites>,
): RegisteredClients {
  const find = one(database, `select ${codec.names} from registered_clients where client_id = ?`)
  const withOrigin = one(
    database,
    `select 1 from registered_origins o join registered_clients c on c.client_id = o.client_id
    where o.origin = ? and (c.expires_at is null or c.expires_at > ?) limit 1`,
  )
  return {
    find: reading(database, clientId => codec.decode(find(clientId) ?? [])),
    hasOrigin: reading(database, (origin, at) => withOrigin(origin, at) !== undefined),
    add: (client, most, unused) => write.addRegisteredClient(codec.encode(client), most, unused ?? null),
    replace: client =>
      write.replaceRegisteredClient(codec.encode(client), client.client_id, client.version - 1),
    prolong: (clientId, usedAt, expiresAt) =>
      write.prolongRegisteredClient(clientId, usedAt, expiresAt ?? null),
    remove: write.removeRegisteredClient,
  }
}
