/** Refresh families in memory. */

import type { RefreshFamilies } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createFamilies = ({ authorizations, families }: Tables): RefreshFamilies => ({
  find(id) {
    const family = families.get(id)
    const authorization = family && authorizations.get(family.authorization_id)
    return authorization && { family, authorization }
  },
})
