/** The ports of keys, settings, registered clients and principals, for the main thread. */

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type {
  InstallationStores,
  Keys,
  Principal,
  Principals,
  RegisteredClients,
  Settings,
} from '../../../model/ports/stores.ts'
import { fullPage } from '../../tables/full-page.ts'
import { latestTime } from '../../tables/installation.ts'
import { inactiveOf } from '../../tables/user-status.ts'
import { codecs } from '../codecs.ts'
import { all, one, reading } from '../statements.ts'
import type { ConfiguredKind, installationWrites } from '../writes/installation.ts'
import type { Calls } from '../writes/operation.ts'
import { messageRows } from './webhooks.ts'

type Write = Calls<typeof installationWrites>

export const createInstallationStores = (database: DatabaseSync, write: Write): InstallationStores => ({
  keys: createKeys(database, write),
  settings: createSettings(database, write),
  registeredClients: createRegisteredClients(database, write),
  principals: createPrincipals(database, write),
})

function createKeys(database: DatabaseSync, write: Write): Keys {
  // Times within bounds: a key that can't be read at all would be missing in the order in which keys are added.
  const times = `min(max(created_at, 0), ${latestTime}), min(max(active_from, 0), ${latestTime})`
  const rows = all(database, `select kid, alg, sealed, ${times} from keys order by created_at, rowid`)
  return {
    all: reading(database, () => codecs.keys.decodeAll(database, rows())),
    add: (key, newestSeen) => write.addKey(codecs.keys.encode(key), key.alg, newestSeen),
    remove: kid => write.removeKey(kid),
    reseal: (kid, before, after) => write.resealKey(kid, before, after),
  }
}

function createSettings(database: DatabaseSync, write: Write): Settings {
  const find = one(database, 'select value from settings where name = ?')
  const get = reading(database, (name: string) => find(name)?.[0] as string | undefined)
  return {
    get,
    // Reads first, because every start except the first finds the value and need not write.
    initialise: async (name, value) => (await get(name)) ?? write.initialiseSetting(name, value),
    put: write.putSetting,
    replace: write.replaceSetting,
  }
}

function createRegisteredClients(database: DatabaseSync, write: Write): RegisteredClients {
  const find = one(
    database,
    `select ${codecs.registeredClients.names} from registered_clients where client_id = ?`,
  )
  const list = all(
    database,
    `select ${codecs.registeredClients.names} from registered_clients where client_id > ?
    order by client_id limit ?`,
  )
  const withOrigin = one(
    database,
    `select 1 from registered_origins o join registered_clients c on c.client_id = o.client_id
    where o.origin = ? and (c.expires_at is null or c.expires_at > ?) limit 1`,
  )
  return {
    find: reading(database, clientId => codecs.registeredClients.decode(find(clientId) ?? [])),
    list: ({ after = '', limit }) =>
      fullPage(
        limit,
        reading(database, ([clientId] = [after]) => list(String(clientId), limit)),
        rows => codecs.registeredClients.decodeAll(database, rows),
      ),
    hasOrigin: reading(database, (origin, at) => withOrigin(origin, at) !== undefined),
    add: (client, most, unused) =>
      write.addRegisteredClient(
        codecs.registeredClients.encode(client),
        client.client_id,
        most,
        unused ?? null,
      ),
    replace: client =>
      write.replaceRegisteredClient(
        codecs.registeredClients.encode(client),
        client.client_id,
        client.version - 1,
      ),
    extend: (clientId, { used_at, used_by, expires_at }) =>
      write.prolongRegisteredClient(clientId, used_at ?? null, used_by ?? null, expires_at ?? null),
    remove: write.removeRegisteredClient,
  }
}

function createPrincipals(database: DatabaseSync, write: Write): Principals {
  const stored = all(database, 'select id, stands from standing where kind = ?')
  /** Reads first, so that a start with an unchanged configuration writes nothing. */
  const differs = reading(
    database,
    (kind: ConfiguredKind, configured: ReadonlyMap<string, 0 | 1>): boolean => {
      const known = new Map(stored(kind) as unknown as readonly (readonly [string, 0 | 1])[])
      for (const [id, stands] of configured) if (known.get(id) !== stands) return true
      for (const [id, stands] of known) if (stands === 1 && !configured.has(id)) return true
      return false
    },
  )
  const sync = async (kind: ConfiguredKind, rows: readonly Principal[]): Promise<boolean> => {
    const configured = new Map(rows.map(({ id, enabled }) => [id, enabled ? 1 : 0] as const))
    if (!(await differs(kind, configured))) return false
    await write.syncPrincipals(kind, JSON.stringify(Object.fromEntries(configured)))
    return true
  }
  const listDisabled = all(database, 'select id from standing where kind = ? and stands = 0')
  const listRemovedWithoutRow = all(
    database,
    `select id from standing as stored where kind = 'stored_client' and stands = 0 and substr(id, 1, 8) in ('https://', 'sealed1.')
      and not exists (select 1 from standing where kind = 'client' and id = stored.id)`,
  )
  const listRevoked = all(
    database,
    `select id, revoked_at from standing where kind in ('client', 'stored_client', 'published_client') and revoked_at is not null`,
  )
  const listTenants = all(database, `select id, revoked_at from standing where kind = 'tenant'`)
  const idsOf = (rows: readonly (readonly SQLOutputValue[])[]) => rows.map(([id]) => String(id))
  const timesOf = (rows: readonly (readonly SQLOutputValue[])[]) =>
    new Map(rows.map(([id, at]) => [String(id), Number(at)]))
  return {
    async sync({ clients, users }) {
      const inactive = await sync('inactive_user', inactiveOf(users))
      const changed = [inactive, ...(await Promise.all([sync('client', clients), sync('user', users)]))]
      return changed.includes(true)
    },
    disabled: reading(database, () => {
      const blockedClients = new Set(idsOf(listRemovedWithoutRow()))
      return {
        clients: new Set([...idsOf(listDisabled('client')), ...blockedClients]),
        blockedClients,
        users: new Set(idsOf(listDisabled('user'))),
        revokedClients: timesOf(listRevoked()),
        revokedTenants: timesOf(listTenants()),
        blockedRedirects: idsOf(listDisabled('redirect_host')),
        sealedBlocked: listDisabled('sealed_clients').length > 0,
      }
    }),
    revokeClient: write.revokeClient,
    revokeTenant: (tenant = '', at) => write.revokeTenant(tenant, at),
    block: ({ kind, id }, isBlocked, messages) => write.block(kind, id, isBlocked, messageRows(messages)),
  }
}
