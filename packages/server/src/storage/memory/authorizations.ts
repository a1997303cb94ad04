/** Authorizations in memory. */

import type { AuthorizationId } from '../../model/authorization.ts'
import type { Authorizations } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createAuthorizations = ({ authorizations, codes, families }: Tables): Authorizations => ({
  find: id => authorizations.get(id),
  async revoke(id, at) {
    const found = authorizations.get(id)
    if (!found || found.revoked_at !== undefined) return
    authorizations.set(id, { ...found, revoked_at: at })
  },
  async trim(sub, keep, most) {
    const waiting = new Set(
      [...codes.values()].filter(code => code.used_at === undefined).map(code => code.authorization_id),
    )
    const surplus = [...authorizations.values()]
      .filter(authorization => authorization.sub === sub)
      .toSorted((one, other) => other.expires_at - one.expires_at || (one.id < other.id ? 1 : -1))
      .slice(keep, keep + most)
      .filter(({ id }) => !waiting.has(id))
    const ids = new Set<AuthorizationId>(surplus.map(({ id }) => id))
    for (const table of [codes, families] as const)
      for (const [key, { authorization_id }] of table)
        if (ids.has(authorization_id)) table.delete(key as never)
    for (const id of ids) authorizations.delete(id)
    return ids.size
  },
})
