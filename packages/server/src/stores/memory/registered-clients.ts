/** Clients that registered themselves, in memory (RFC 7591). */

import type { RegisteredClients } from '../../core/stores.ts'
import { requireNew, type Tables } from './tables.ts'

export const createRegisteredClients = ({ registeredClients, storedClients }: Tables): RegisteredClients => ({
  find: clientId => registeredClients.get(clientId),
  hasOrigin: (origin, at) =>
    [...registeredClients.values()].some(({ metadata: { allowed_cors_origins: origins }, expires_at }) => {
      const lives = expires_at === undefined || expires_at > at
      return lives && Array.isArray(origins) && origins.includes(origin)
    }),
  async add(client, most, unusedSince = Number.NEGATIVE_INFINITY) {
    // In the order in which they registered.
    for (const { client_id, used_at, created_at } of registeredClients.values()) {
      if (registeredClients.size < most) break
      if (used_at !== undefined || created_at > unusedSince) continue
      registeredClients.delete(client_id)
      storedClients.delete(client_id)
    }
    if (registeredClients.size >= most) return false
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
