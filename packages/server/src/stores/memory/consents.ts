/** Consents in memory. */

import type { Consents } from '../../core/stores.ts'
import type { Tables } from './tables.ts'

const keyOf = (sub: string, clientId: string): string => JSON.stringify([sub, clientId])

export const createConsents = ({ consents }: Tables): Consents => ({
  find: (sub, clientId) => consents.get(keyOf(sub, clientId)),
  async save(consent) {
    consents.set(keyOf(consent.sub, consent.client_id), consent)
  },
})
