/** Reference tokens in memory; a revoked one is deleted. */

import type { ReferenceTokens } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createReferenceTokens = ({ referenceTokens }: Tables): ReferenceTokens => ({
  find: hash => referenceTokens.get(hash),
  async revoke(hash) {
    referenceTokens.delete(hash)
  },
})
