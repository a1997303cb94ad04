/** Clients that registered themselves, in memory (RFC 7591). */

import type { RegisteredClients } from '../../model/ports/stores.ts'
import { roomFor, surplusOf } from '../../model/registered-client.ts'
import { requireNew, type Tables } from './tables.ts'

export const createRegisteredClients = ({ registeredClients, storedClients }: Tables): RegisteredClients => ({
  find: clientId => registeredClients.get(clientId),
  hasOrigin: (origin, at) =>
    [...registeredClients.values()].some(({ metadata: { allowed_cors_origins: origins }, expires_at }) => {
      const lives = expires_at === undefined || expires_at > at
      return lives && Array.isArray(origins) && origins.includes(origin)
    }),
  async add(client, most, unused) {
    // In the order in which they registered.
    const neverUsed = [...registeredClients.values()].filter(({ used_at }) => used_at === undefined)
    const limits = { most, ...(unused && { mostUnused: unused.most }) }
    const room = roomFor({ inAll: registeredClients.size, unused: neverUsed.length }, limits)
    const evicted = neverUsed
      .filter(({ created_at }) => unused && created_at <= unused.since)
      .slice(0, surplusOf(room, limits))
    for (const { client_id } of evicted) {
      registeredClients.delete(client_id)
      storedClients.delete(client_id)
    }
    if (room + evicted.length < 1) return false
    requireNew(registeredClients, client.client_id)
    registeredClients.set(client.client_id, client)
    storedClients.set(client.client_id, true)
    return true
  },
  async replace(client) {
    if (registeredClients.get(client.client_id)?.version !== client.version - 1) return false
    registeredClients.set(client.client_id, client)
    return true
  },
  async prolong(clientId, used_at, expires_at) {
    const client = registeredClients.get(clientId)
    if (!client) return
    registeredClients.set(clientId, { ...client, used_at, ...(expires_at !== undefined && { expires_at }) })
  },
  async remove(clientId) {
    storedClients.delete(clientId)
    return registeredClients.delete(clientId)
  },
})
