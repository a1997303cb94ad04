/** Clients that registered themselves, in PostgreSQL (RFC 7591). Each write also covers the principal and the origins. */

import type { RegisteredClients } from '../../model/ports/stores.ts'
import {
  createAllowance,
  createSurplusSearch,
  keptPerUser,
  originsIn,
  type RegisteredClient,
  roomFor,
  surplusOf,
  usedSurplus,
} from '../../model/registered-client.ts'
import { fullPage } from '../tables/full-page.ts'
import { isStoredUser } from '../tables/subjects.ts'
import { byKey } from './batching.ts'
import { announce, type Changes } from './changes.ts'
import { codecs, type Value } from './codecs.ts'
import type { Database } from './database.ts'
import { keyIn } from './due-rows.ts'
import type { Replica } from './replica.ts'
import { all, change, one, type Run } from './statements.ts'
import { subjectLock } from './stored-users.ts'

const codec = codecs.registeredClients

const { names, count, placeholders } = codec
const [first, second] = [count + 1, count + 2]

const addOrigins = `insert into registered_origins (origin, client_id)
  select unnest($${first}::text[]), $1::text where exists (select 1 from written) on conflict do nothing`

const addClient = `with written as (
    insert into registered_clients (${names}) select ${placeholders()}
    where not ${isStoredUser('$1')} returning 1),
  principal_written as (
    insert into standing (kind, id, stands) select 'stored_client', $1::text, 1
    where exists (select 1 from written)),
  origins as (${addOrigins})
  select exists (select 1 from written)`

const replaceClient = `with written as (
    update registered_clients set (${names}) = row (${placeholders()})
    where client_id = $1 and version = $${second} returning 1),
  left_out as (
    delete from registered_origins
    where client_id = $1 and not (origin = any ($${first}::text[])) and exists (select 1 from written)),
  origins as (${addOrigins})
  select exists (select 1 from written)`

/** Returns parts of a `with`, and its `select`, that delete clients with their principals and origins. The condition may use `$1`. */
export const removal = (where: string): string => `removed as (
    delete from registered_clients where ${where} returning client_id),
  principal_deleted as (
    delete from standing where kind = 'stored_client' and id = any (array(select client_id from removed))),
  origins_gone as (
    delete from registered_origins where ${keyIn('client_id', 'removed')})
  select (select count(*) from removed)`

const countClients = `select (select count(*) from registered_clients),
  (select count(*) from registered_clients where used_at is null)`

/** `$1`: the latest time of registration. `$2`: how many. */
const evictUnused = `with ${removal(`client_id in (
    select client_id from registered_clients where used_at is null and created_at <= $1 order by created_at
    limit $2::bigint)`)}`

/** `$1`: how many each user keeps. `$2`: how many. */
const evictUsed = `with ${removal(`client_id in (
    select client_id from (
      select client_id, used_at, row_number() over (partition by used_by order by used_at desc, client_id) as place
      from registered_clients where used_by is not null) as placed
    where place > $1 order by place desc, used_at limit $2::bigint)`)}`

type RegisteredClientReads = Pick<RegisteredClients, 'find' | 'hasOrigin'>

function createReads(run: Run): RegisteredClientReads {
  const find = byKey(run, `select ${names} from registered_clients where client_id = any ($1::text[])`)
  const withOrigin = one(
    run,
    `select 1 from registered_origins o join registered_clients c on c.client_id = o.client_id
    where o.origin = $1 and (c.expires_at is null or c.expires_at > $2) limit 1`,
  )
  return {
    find: async clientId => codec.decode((await find(clientId)) ?? []),
    hasOrigin: async (origin, at) => (await withOrigin(origin, at)) !== undefined,
  }
}

function readsOf(replica: Replica, schema: string, onPrimary: RegisteredClientReads): RegisteredClientReads {
  const onStandby = createReads(replica.runOf(schema))
  return {
    find: clientId => replica.query(onStandby, onPrimary, reads => reads.find(clientId)),
    hasOrigin: (origin, at) => replica.query(onStandby, onPrimary, reads => reads.hasOrigin(origin, at)),
  }
}

export function createRegisteredClients(
  database: Database,
  changes: Changes,
  replica?: Replica,
): RegisteredClients {
  const { run, locked, schema } = database
  const replace = one(run, replaceClient)
  const allowance = createAllowance()
  const search = createSurplusSearch()
  const prolong = change(
    run,
    `update registered_clients set used_at = coalesce($2::bigint, used_at), used_by = coalesce($3::text, used_by),
      expires_at = coalesce($4::bigint, expires_at)
    where client_id = $1`,
  )
  const list = all(
    run,
    `select ${names} from registered_clients where client_id > $1 order by client_id limit $2::bigint`,
  )
  const remove = one(run, `with ${removal('client_id = $1')}`)
  const row = (client: RegisteredClient, last: Value) => [
    ...codec.encode(client),
    originsIn(client.metadata),
    last,
  ]
  if (replica) changes.watch(schema, replica.outdated)
  /**
   * Makes every node stop using older rows of its replica. A node that misses the notification stops when the replica
   * is too old.
   */
  const announceChange = async (changed: boolean): Promise<boolean> => {
    if (!changed || !replica) return changed
    replica.outdated()
    await run(announce, []).catch(() => {})
    return true
  }
  const reads = createReads(run)
  return {
    ...reads,
    list: ({ after = '', limit }) =>
      fullPage(
        limit,
        ([clientId] = [after]) => list(String(clientId), limit),
        rows => codec.decodeAll(run, rows),
      ),
    replica: replica && readsOf(replica, schema, reads),
    // Clients are counted before one is added, one at a time, if there is little room.
    add: async (client, most, unused) => {
      const limits = { most, mostUnused: unused?.most }
      const key = JSON.stringify(limits)
      const values = [...codec.encode(client), originsIn(client.metadata)]
      const insert = async (write: Run) => (await write(addClient, values)).rows[0]?.[0] === true
      const subject = subjectLock(client.client_id)
      if (allowance.use(key)) return locked([subject], insert)
      return locked(['registered clients', subject], async write => {
        const [inAll, neverUsed] = (await write(countClients, [])).rows[0] ?? []
        const counts = { inAll: Number(inAll), unused: Number(neverUsed) }
        if (unused) {
          const surplus = surplusOf(roomFor(counts, limits), limits)
          const gone =
            surplus > 0 ? Number((await write(evictUnused, [unused.since, surplus])).rows[0]?.[0]) : 0
          counts.inAll -= gone
          counts.unused -= gone
          const used = usedSurplus(counts, limits)
          if (used > 0 && search.isDue(unused.since)) {
            const evicted = Number((await write(evictUsed, [keptPerUser(most), used])).rows[0]?.[0])
            search.found(evicted, unused.since)
            counts.inAll -= evicted
          }
        }
        const room = roomFor(counts, limits)
        allowance.grant(key, room - 1)
        return room >= 1 && insert(write)
      })
    },
    replace: async client =>
      announceChange((await replace(...row(client, client.version - 1)))?.[0] === true),
    extend: async (clientId, { used_at, used_by, expires_at }) =>
      void (await prolong(clientId, used_at ?? null, used_by ?? null, expires_at ?? null)),
    remove: async clientId => announceChange(Number((await remove(clientId))?.[0]) === 1),
  }
}
