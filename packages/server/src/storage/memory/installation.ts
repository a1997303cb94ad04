/** Settings, keys, registered clients and principals, in memory. */

import type { Seconds } from '@tessera/protocol/brand'
import type {
  InstallationStores,
  Keys,
  Principal,
  Principals,
  RegisteredClients,
} from '../../model/ports/stores.ts'
import {
  keptPerUser,
  originsIn,
  type RegisteredClient,
  roomFor,
  surplusOf,
  usedSurplus,
} from '../../model/registered-client.ts'
import { hasNoRow } from '../../model/sealed-client.ts'
import { inactiveOf } from '../tables/user-status.ts'
import { release } from './entries.ts'
import type { Tables } from './tables.ts'
import { storeMessages } from './webhooks.ts'

export function createInstallationStores(tables: Tables): InstallationStores {
  const { settings } = tables
  return {
    keys: createKeys(tables),
    settings: {
      get: name => settings.get(name)?.value,
      async initialise(name, value) {
        if (!settings.has(name)) settings.put({ name, value })
        return settings.get(name)?.value ?? value
      },
      async put(name, value) {
        settings.put({ name, value })
      },
      async replace(name, before, value) {
        if (settings.get(name)?.value !== before) return false
        settings.put({ name, value })
        return true
      },
    },
    registeredClients: createRegisteredClients(tables),
    principals: createPrincipals(tables),
  }
}

/** Returns the oldest keys first, and keys of the same second in the order in which they were added. */
function createKeys({ keys }: Tables): Keys {
  const all = () => [...keys.values()].sort((a, b) => a.created_at - b.created_at)
  return {
    all,
    async add(key, newestSeen) {
      const newest = all().findLast(({ alg }) => alg === key.alg)
      if (newest?.kid !== newestSeen || keys.has(key.kid)) return false
      keys.put(key)
      return true
    },
    async remove(kid) {
      keys.delete(kid)
    },
    async reseal(kid, before, sealed) {
      const key = keys.get(kid)
      if (!key || Buffer.compare(key.sealed, before) !== 0) return false
      keys.put({ ...key, sealed })
      return true
    },
  }
}

// RFC 7591.
function createRegisteredClients({ registeredClients, principals, storedUsers }: Tables): RegisteredClients {
  const remove = (clientId: string): boolean => {
    principals.delete('stored_client', clientId)
    return registeredClients.delete(clientId)
  }
  /** Returns clients beyond the number that each user keeps, starting with the users who have the most. */
  const surplusOfUsers = (most: number): readonly RegisteredClient[] =>
    [...Map.groupBy(registeredClients.values(), ({ used_by }) => used_by)]
      .flatMap(([user, clients]) =>
        user === undefined
          ? []
          : clients
              .toSorted((one, other) => (other.used_at ?? 0) - (one.used_at ?? 0))
              .map((client, place) => ({ client, place })),
      )
      .filter(({ place }) => place >= keptPerUser(most))
      .toSorted((one, other) => other.place - one.place)
      .map(({ client }) => client)
  return {
    find: clientId => registeredClients.get(clientId),
    list: ({ after, limit }) =>
      registeredClients
        .filter(({ client_id }) => after === undefined || client_id > after)
        .toSorted((one, other) => (one.client_id < other.client_id ? -1 : 1))
        .slice(0, limit),
    hasOrigin: (origin, at) =>
      registeredClients.filter(({ metadata, expires_at }) => {
        const lives = expires_at === undefined || expires_at > at
        return lives && originsIn(metadata).includes(origin)
      }).length > 0,
    async add(client, most, unused) {
      if (storedUsers.has(client.client_id)) return false
      // In the order in which they registered.
      const neverUsed = registeredClients.filter(({ used_at }) => used_at === undefined)
      const limits = { most, mostUnused: unused?.most }
      const counts = { inAll: registeredClients.size, unused: neverUsed.length }
      const evicted = neverUsed
        .filter(({ created_at }) => unused && created_at <= unused.since)
        .slice(0, surplusOf(roomFor(counts, limits), limits))
      for (const { client_id } of evicted) remove(client_id)
      const left = { inAll: registeredClients.size, unused: counts.unused - evicted.length }
      if (unused)
        for (const { client_id } of surplusOfUsers(most).slice(0, usedSurplus(left, limits)))
          remove(client_id)
      if (roomFor({ ...left, inAll: registeredClients.size }, limits) < 1) return false
      registeredClients.insert(client)
      principals.put({ kind: 'stored_client', id: client.client_id, stands: 1 })
      return true
    },
    async replace(client) {
      if (registeredClients.get(client.client_id)?.version !== client.version - 1) return false
      registeredClients.put(client)
      return true
    },
    async extend(clientId, use) {
      const client = registeredClients.get(clientId)
      const changes = Object.entries(use).filter(([, value]) => value !== undefined)
      if (client) registeredClients.put({ ...client, ...Object.fromEntries(changes) })
    },
    remove: async clientId => remove(clientId),
  }
}

const clientKinds: ReadonlySet<string> = new Set(['client', 'stored_client', 'published_client'])
const tenantKind: ReadonlySet<string> = new Set(['tenant'])

function createPrincipals(tables: Tables): Principals {
  const { principals } = tables
  const disabledOf = (kind: 'client' | 'user' | 'redirect_host'): ReadonlySet<string> =>
    new Set(principals.filter(row => row.kind === kind && row.stands === 0).map(({ id }) => id))
  /** A client of a file takes effect before a stored one. */
  const removedWithoutRow = (): readonly string[] =>
    principals
      .filter(({ kind, id, stands }) => kind === 'stored_client' && stands === 0 && hasNoRow(id))
      .flatMap(({ id }) => (principals.has('client', id) ? [] : id))
  const text = (): string => JSON.stringify([...principals.values()])
  const revokedOf = (kinds: ReadonlySet<string>): ReadonlyMap<string, Seconds> =>
    new Map(
      principals
        .filter(({ kind }) => kinds.has(kind))
        .flatMap(({ id, revoked_at }) => (revoked_at === undefined ? [] : [[id, revoked_at] as const])),
    )

  // Rows of principals that are no longer configured are kept, so that a user who was once configured is not mistaken
  // for an external user.
  function replace(kind: 'client' | 'user' | 'inactive_user', configured: readonly Principal[]): void {
    for (const row of principals.filter(one => one.kind === kind)) principals.put({ ...row, stands: 0 })
    // A stored client of this id takes effect when the file no longer contains it.
    const named = new Set(configured.map(({ id }) => id))
    for (const { id } of kind === 'client' ? principals.filter(row => row.kind === kind) : [])
      if (!named.has(id) && principals.has('stored_client', id)) release(tables, id)
    for (const { id, enabled } of configured)
      principals.put({ ...principals.get(kind, id), kind, id, stands: enabled ? 1 : 0 })
  }

  return {
    async sync({ clients, users }) {
      const before = text()
      replace('client', clients)
      replace('inactive_user', inactiveOf(users))
      replace('user', users)
      return before !== text()
    },
    disabled() {
      const blockedClients = new Set(removedWithoutRow())
      return {
        clients: new Set([...disabledOf('client'), ...blockedClients]),
        blockedClients,
        users: disabledOf('user'),
        revokedClients: revokedOf(clientKinds),
        revokedTenants: revokedOf(tenantKind),
        blockedRedirects: [...disabledOf('redirect_host')],
        sealedBlocked: principals.get('sealed_clients', '')?.stands === 0,
      }
    },
    async revokeClient(clientId, at) {
      const rows = principals.filter(({ kind, id }) => clientKinds.has(kind) && id === clientId)
      for (const row of rows) principals.put({ ...row, revoked_at: Math.max(at, row.revoked_at ?? 0) })
      if (rows.length > 0 || !hasNoRow(clientId)) return rows.length > 0
      principals.put({ kind: 'published_client', id: clientId, stands: 1, revoked_at: at })
      return true
    },
    async revokeTenant(tenant = '', at) {
      const before = principals.get('tenant', tenant)?.revoked_at ?? 0
      principals.put({ kind: 'tenant', id: tenant, stands: 1, revoked_at: Math.max(at, before) })
    },
    async block({ kind, id }, isBlocked, messages) {
      const before = principals.get(kind, id)
      if ((before?.stands === 0) === isBlocked) return false
      principals.put({ ...before, kind, id, stands: isBlocked ? 0 : 1 })
      storeMessages(tables, messages)
      return true
    },
  }
}
