/** Keys, settings, registered clients and principals, in PostgreSQL. */

import type { Block } from '../../model/client-blocks.ts'
import type { InstallationStores, Keys, Principal, Principals, Settings } from '../../model/ports/stores.ts'
import { hasNoRow } from '../../model/sealed-client.ts'
import { singleFlight } from '../../runtime/async/promises.ts'
import { latestTime } from '../tables/installation.ts'
import { inactiveOf } from '../tables/user-status.ts'
import { announce, type Changes } from './changes.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { releasing } from './entries.ts'
import { createRegisteredClients } from './registered-clients.ts'
import type { Replica } from './replica.ts'
import { all, change, one } from './statements.ts'
import { storeMessages } from './webhooks.ts'

export const createInstallationStores = (
  database: Database,
  { changes, replica }: { readonly changes: Changes; readonly replica?: Replica | undefined },
): InstallationStores => ({
  keys: createKeys(database, changes),
  settings: createSettings(database),
  registeredClients: createRegisteredClients(database, changes, replica),
  principals: createPrincipals(database, changes),
})

const addKey = `insert into keys (${codecs.keys.names}) select ${codecs.keys.placeholders()}
  where (select kid from keys where alg = $2 order by created_at desc, place desc limit 1)
    is not distinct from $${codecs.keys.count + 1}::text
  on conflict do nothing`

function createKeys({ run, locked, schema }: Database, changes: Changes): Keys {
  // Times within bounds: a key that can't be read at all would be missing in the order in which keys are added.
  const within = (column: string): string => `least(greatest(${column}, 0), ${latestTime})`
  const rows = all(
    run,
    `select kid, alg, sealed, ${within('created_at')}, ${within('active_from')} from keys order by created_at, place`,
  )
  const remove = change(
    run,
    `with gone as (delete from keys where kid = $1 returning 1) ${announce} from gone`,
  )
  const reseal = change(
    run,
    `with changed as (update keys set sealed = $3 where kid = $1 and sealed = $2 returning 1)
      ${announce} from changed`,
  )
  return {
    reseal: async (kid, before, after) => (await reseal(kid, before, after)) === 1,
    all: async () => codecs.keys.decodeAll(run, await rows()),
    // Because of this lock, one node adds its key, and the others find that theirs is not needed.
    add: (key, newestSeen) =>
      locked(['keys'], async write => {
        const { count } = await write(addKey, [...codecs.keys.encode(key), newestSeen ?? null])
        if (count === 1) await write(announce, [])
        return count === 1
      }),
    remove: async kid => void (await remove(kid)),
    watch: changed => changes.watch(schema, changed),
  }
}

function createSettings({ run }: Database): Settings {
  const find = one(run, 'select value from settings where name = $1')
  const insert = change(run, 'insert into settings (name, value) values ($1, $2) on conflict do nothing')
  const put = change(
    run,
    'insert into settings (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value',
  )
  const replace = change(run, 'update settings set value = $3 where name = $1 and value = $2')
  const get = async (name: string): Promise<string | undefined> =>
    (await find(name))?.[0] as string | undefined
  return {
    get,
    async initialise(name, value) {
      // Reads first, because every start except the first finds the value and need not write.
      const before = await get(name)
      if (before !== undefined) return before
      await insert(name, value)
      return String(await get(name))
    },
    async put(name, value) {
      await put(name, value)
    },
    replace: async (name, before, value) => (await replace(name, before, value)) === 1,
  }
}

/** Writes a row, to check whether writes succeed. */
export function createProbe({ run }: Database): () => Promise<boolean> {
  const touch = change(
    run,
    `insert into settings (name, value) values ('probe', '') on conflict (name) do update set value = ''`,
  )
  // One at a time, however many callers there are.
  return singleFlight(() =>
    touch().then(
      () => true,
      () => false,
    ),
  )
}

type Kind = 'client' | 'user' | 'inactive_user'

const configured = 'select unnest($2::text[]) as id, unnest($3::bigint[]) as stands'

const upsert = `insert into standing (kind, id, stands) select $1::text, id, stands from (${configured}) given
  on conflict (kind, id) do update set stands = excluded.stands where standing.stands <> excluded.stands`

const drop = `update standing set stands = 0
  where kind = $1 and stands = 1 and not (id = any ($2::text[]))`

/** A stored client of the same id takes effect when the file no longer contains it. */
const release = releasing('id <> all ($1::text[])')

const revoke = `update standing set revoked_at = greatest($2::bigint, revoked_at)
  where kind in ('client', 'stored_client', 'published_client') and id = $1`

const revokePublished = `insert into standing (kind, id, stands, revoked_at) values ('published_client', $1, 1, $2::bigint)
  on conflict (kind, id) do update set revoked_at = greatest(excluded.revoked_at, standing.revoked_at)`

const addBlock = `insert into standing (kind, id, stands) values ($1, $2, 0)
  on conflict (kind, id) do update set stands = 0 where standing.stands <> 0`

const endBlock = 'update standing set stands = 1 where kind = $1 and id = $2 and stands = 0'

const revokeTenant = `insert into standing (kind, id, stands, revoked_at) values ('tenant', $1, 1, $2)
  on conflict (kind, id) do update set revoked_at = greatest(excluded.revoked_at, standing.revoked_at)`

function createPrincipals({ run, locked, schema }: Database, changes: Changes): Principals {
  const stored = all(run, 'select id, stands from standing where kind = $1')
  /** Reads first, so that a start with an unchanged configuration writes nothing. */
  const differs = async (kind: Kind, rows: ReadonlyMap<string, 0 | 1>): Promise<boolean> => {
    const known = new Map((await stored(kind)) as readonly (readonly [string, 0 | 1])[])
    for (const [id, stands] of rows) if (known.get(id) !== stands) return true
    for (const [id, stands] of known) if (stands === 1 && !rows.has(id)) return true
    return false
  }
  const sync = async (kind: Kind, given: readonly Principal[]): Promise<boolean> => {
    const rows = new Map(given.map(({ id, enabled }) => [id, enabled ? 1 : 0] as const))
    if (!(await differs(kind, rows))) return false
    const [ids, stands] = [[...rows.keys()], [...rows.values()]]
    await locked(['standing'], async write => {
      await write(upsert, [kind, ids, stands])
      if (kind === 'client') for (const statement of release) await write(statement, [ids])
      await write(drop, [kind, ids])
      await write(announce, [])
    })
    return true
  }
  const listDisabled = all(run, 'select id from standing where kind = $1 and stands = 0')
  const disabledOf = async (kind: Kind | Block['kind']) =>
    new Set((await listDisabled(kind)).map(([id]) => String(id)))
  const listRemovedWithoutRow = all(
    run,
    `select id from standing as stored where kind = 'stored_client' and stands = 0 and left(id, 8) in ('https://', 'sealed1.')
      and not exists (select 1 from standing where kind = 'client' and id = stored.id)`,
  )
  const listRevoked = all(
    run,
    `select id, revoked_at from standing where kind in ('client', 'stored_client', 'published_client') and revoked_at is not null`,
  )
  const listTenants = all(run, `select id, revoked_at from standing where kind = 'tenant'`)
  return {
    async sync({ clients, users }) {
      const changed = [
        await sync('client', clients),
        await sync('inactive_user', inactiveOf(users)),
        await sync('user', users),
      ]
      return changed.includes(true)
    },
    async disabled() {
      const blockedClients = new Set((await listRemovedWithoutRow()).map(([id]) => String(id)))
      return {
        clients: new Set([...(await disabledOf('client')), ...blockedClients]),
        blockedClients,
        users: await disabledOf('user'),
        revokedClients: new Map((await listRevoked()).map(([id, at]) => [String(id), Number(at)])),
        revokedTenants: new Map((await listTenants()).map(([id, at]) => [String(id), Number(at)])),
        blockedRedirects: [...(await disabledOf('redirect_host'))],
        sealedBlocked: (await disabledOf('sealed_clients')).size > 0,
      }
    },
    revokeClient: (clientId, at) =>
      locked([], async write => {
        const before = (await write(revoke, [clientId, at])).count
        const isNew = before === 0 && hasNoRow(clientId)
        const count = isNew ? (await write(revokePublished, [clientId, at])).count : before
        if (count > 0) await write(announce, [])
        return count > 0
      }),
    revokeTenant: (tenant = '', at) =>
      locked([], async write => {
        await write(revokeTenant, [tenant, at])
        await write(announce, [])
      }),
    block: ({ kind, id }, isBlocked, messages) =>
      locked([], async write => {
        const { count } = await write(isBlocked ? addBlock : endBlock, [kind, id])
        if (count === 0) return false
        await storeMessages(write, messages)
        await write(announce, [])
        return true
      }),
    watch: changed => changes.watch(schema, changed),
  }
}
