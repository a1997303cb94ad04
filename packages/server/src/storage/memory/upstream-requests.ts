/** Browsers that were sent to an identity provider, in memory. */

import type { UpstreamRequests } from '../../model/ports/stores.ts'
import { requireNew, type Tables } from './tables.ts'

export const createUpstreamRequests = ({ upstreamRequests }: Tables): UpstreamRequests => ({
  async create(request) {
    requireNew(upstreamRequests, request.hash)
    upstreamRequests.set(request.hash, request)
  },
  async take(hash, browser) {
    const found = upstreamRequests.get(hash)
    if (found?.browser !== browser) return undefined
    upstreamRequests.delete(hash)
    return found
  },
})
