/** Consents in memory. */

import type { Consents } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

const keyOf = (sub: string, clientId: string): string => JSON.stringify([sub, clientId])

export const createConsents = ({ consents, authorizations }: Tables): Consents => ({
  find: (sub, clientId) => consents.get(keyOf(sub, clientId)),
  stands: (sub, clientId) => consents.has(keyOf(sub, clientId)),
  async save(consent) {
    consents.set(keyOf(consent.sub, consent.client_id), consent)
  },
  ofUser: sub =>
    [...consents.values()]
      .filter(consent => consent.sub === sub)
      .sort((one, other) => (one.client_id < other.client_id ? -1 : 1)),
  async revoke(sub, clientId, at) {
    const found = consents.delete(keyOf(sub, clientId))
    if (!found) return false
    for (const [id, authorization] of authorizations) {
      const { sub: of, client_id, revoked_at } = authorization
      if (of === sub && client_id === clientId && revoked_at === undefined)
        authorizations.set(id, { ...authorization, revoked_at: at })
    }
    return true
  },
})
