/** Writes of keys, settings, registered clients and principals. */

import type { Seconds } from '@tessera/protocol/brand'
import type { UnusedClients } from '../../../model/ports/stores.ts'
import {
  createAllowance,
  createSurplusSearch,
  keptPerUser,
  roomFor,
  surplusOf,
  usedSurplus,
} from '../../../model/registered-client.ts'
import { hasNoRow } from '../../../model/sealed-client.ts'
import { isStoredUser } from '../../tables/subjects.ts'
import { codecs, type Row } from '../codecs.ts'
import { change, one } from '../statements.ts'
import { createRelease } from './entries.ts'
import type { Writes } from './operation.ts'
import { storeMessages } from './webhooks.ts'

export type ConfiguredKind = 'client' | 'user' | 'inactive_user'

export const installationWrites = {
  addKey(database) {
    const newest = one(
      database,
      'select kid from keys where alg = ? order by created_at desc, rowid desc limit 1',
    )
    const insert = change(
      database,
      `insert into keys (${codecs.keys.names}) values (${codecs.keys.placeholders}) on conflict do nothing`,
    )
    return (key: Row, alg: string, newestSeen: string | undefined): boolean =>
      newest(alg)?.[0] === newestSeen && insert(...key) === 1
  },
  removeKey(database) {
    const remove = change(database, 'delete from keys where kid = ?')
    return (kid: string): void => void remove(kid)
  },
  resealKey(database) {
    const reseal = change(database, 'update keys set sealed = ?3 where kid = ?1 and sealed = ?2')
    return (kid: string, before: Uint8Array, after: Uint8Array): boolean => reseal(kid, before, after) === 1
  },
  replaceSetting(database) {
    const replace = change(database, 'update settings set value = ?3 where name = ?1 and value = ?2')
    return (name: string, before: string, value: string): boolean => replace(name, before, value) === 1
  },
  initialiseSetting(database) {
    const insert = change(database, 'insert into settings (name, value) values (?, ?) on conflict do nothing')
    const find = one(database, 'select value from settings where name = ?')
    return (name: string, value: string): string => {
      insert(name, value)
      return String(find(name)?.[0])
    }
  },
  putSetting(database) {
    const put = change(database, 'insert or replace into settings (name, value) values (?, ?)')
    return (name: string, value: string): void => void put(name, value)
  },
  /** Writes a row, to check whether writes succeed. */
  probe(database) {
    const touch = change(database, `insert or replace into settings (name, value) values ('probe', '')`)
    return (): void => void touch()
  },
  addRegisteredClient(database) {
    const count = one(database, 'select count(*) from registered_clients')
    const countUnused = one(database, 'select count(*) from registered_clients where used_at is null')
    const insert = change(
      database,
      `insert into registered_clients (${codecs.registeredClients.names}) values (${codecs.registeredClients.placeholders})`,
    )
    const evict = change(
      database,
      `delete from registered_clients where client_id in (
        select client_id from registered_clients where used_at is null and created_at <= ?
        order by created_at, rowid limit ?)`,
    )
    const evictUsed = change(
      database,
      `delete from registered_clients where client_id in (
        select client_id from (
          select client_id, used_at,
            row_number() over (partition by used_by order by used_at desc, client_id) as place
          from registered_clients where used_by is not null)
        where place > ? order by place desc, used_at limit ?)`,
    )
    const isUser = one(database, `select 1 where ${isStoredUser('?1')}`)
    const allowance = createAllowance()
    const search = createSurplusSearch()
    return (client: Row, clientId: string, most: number, unused: UnusedClients | null): boolean => {
      if (isUser(clientId)) return false
      const limits = { most, mostUnused: unused?.most }
      const key = JSON.stringify(limits)
      if (allowance.use(key)) return insert(...client) === 1
      const counts = { inAll: Number(count()?.[0]), unused: unused ? Number(countUnused()?.[0]) : 0 }
      if (unused) {
        const surplus = surplusOf(roomFor(counts, limits), limits)
        const gone = surplus > 0 ? evict(unused.since, surplus) : 0
        counts.inAll -= gone
        counts.unused -= gone
        const used = usedSurplus(counts, limits)
        if (used > 0 && search.isDue(unused.since)) {
          const evicted = evictUsed(keptPerUser(most), used)
          search.found(evicted, unused.since)
          counts.inAll -= evicted
        }
      }
      const room = roomFor(counts, limits)
      allowance.grant(key, room - 1)
      return room >= 1 && insert(...client) === 1
    }
  },
  replaceRegisteredClient(database) {
    const replace = change(
      database,
      `update registered_clients set (${codecs.registeredClients.names}) = (${codecs.registeredClients.placeholders}) where client_id = ? and version = ?`,
    )
    return (client: Row, clientId: string, version: number): boolean =>
      replace(...client, clientId, version) === 1
  },
  prolongRegisteredClient(database) {
    const prolong = change(
      database,
      `update registered_clients set used_at = coalesce(?, used_at), used_by = coalesce(?, used_by),
        expires_at = coalesce(?, expires_at)
      where client_id = ?`,
    )
    return (
      clientId: string,
      usedAt: Seconds | null,
      usedBy: string | null,
      expiresAt: Seconds | null,
    ): void => void prolong(usedAt, usedBy, expiresAt, clientId)
  },
  removeRegisteredClient(database) {
    const remove = change(database, 'delete from registered_clients where client_id = ?')
    return (clientId: string): boolean => remove(clientId) === 1
  },
  /**
   * `configured` is a JSON object that maps ids to 1 or 0, so that one statement can write any number of principals.
   */
  syncPrincipals(database) {
    const upsert = change(
      database,
      `insert into standing (kind, id, stands) select ?, key, value from json_each(?) where true
      on conflict do update set stands = excluded.stands where stands <> excluded.stands`,
    )
    const release = createRelease(database, 'id not in (select key from json_each(?1))')
    const drop = change(
      database,
      `update standing set stands = 0
      where kind = ? and stands = 1 and id not in (select key from json_each(?))`,
    )
    return (kind: ConfiguredKind, configured: string): void => {
      upsert(kind, configured)
      // A stored client of the same id takes effect when the file no longer contains it.
      if (kind === 'client') release(configured)
      drop(kind, configured)
    }
  },
  /** Returns whether there is such a client, or may have been. */
  revokeClient(database) {
    const revoke = change(
      database,
      `update standing set revoked_at = max(?1, coalesce(revoked_at, 0))
      where kind in ('client', 'stored_client', 'published_client') and id = ?2`,
    )
    const add = change(
      database,
      "insert into standing (kind, id, stands, revoked_at) values ('published_client', ?1, 1, ?2)",
    )
    return (clientId: string, at: Seconds): boolean =>
      revoke(at, clientId) > 0 || (hasNoRow(clientId) && add(clientId, at) > 0)
  },
  revokeTenant(database) {
    const revoke = change(
      database,
      `insert into standing (kind, id, stands, revoked_at) values ('tenant', ?1, 1, ?2)
      on conflict do update set revoked_at = max(excluded.revoked_at, revoked_at)`,
    )
    return (tenant: string, at: Seconds): void => void revoke(tenant, at)
  },
  block(database) {
    const add = change(
      database,
      `insert into standing (kind, id, stands) values (?, ?, 0)
      on conflict do update set stands = 0 where stands <> 0`,
    )
    const end = change(database, 'update standing set stands = 1 where kind = ? and id = ? and stands = 0')
    const store = storeMessages(database)
    return (kind: string, id: string, isBlocked: boolean, messages: readonly Row[] | null): boolean => {
      if ((isBlocked ? add : end)(kind, id) === 0) return false
      store(messages)
      return true
    }
  },
} as const satisfies Writes
