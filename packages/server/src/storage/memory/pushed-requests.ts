/** Pushed authorization requests in memory (RFC 9126). */

import type { PushedRequests } from '../../model/ports/stores.ts'
import { requireNew, type Tables } from './tables.ts'

export const createPushedRequests = ({ pushedRequests, usedAssertions }: Tables): PushedRequests => ({
  async add(request) {
    requireNew(pushedRequests, request.hash)
    pushedRequests.set(request.hash, request)
  },
  find(hash, clientId, at) {
    const request = pushedRequests.get(hash)
    if (request?.client_id !== clientId || request.expires_at <= at) return undefined
    return { parameters: request.parameters, used: usedAssertions.has(hash) }
  },
})
