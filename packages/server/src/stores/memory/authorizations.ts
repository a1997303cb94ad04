/** Authorizations in memory. */

import type { Authorizations } from '../../core/stores.ts'
import type { Tables } from './tables.ts'

export const createAuthorizations = ({ authorizations }: Tables): Authorizations => ({
  find: id => authorizations.get(id),
  async revoke(id, at) {
    const found = authorizations.get(id)
    if (!found || found.revoked_at !== undefined) return
    authorizations.set(id, { ...found, revoked_at: at })
  },
})
