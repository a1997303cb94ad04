/** Secrets of authenticator apps in memory (RFC 6238). */

import type { TotpSecrets } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createTotpSecrets = ({ totpSecrets }: Tables): TotpSecrets => ({
  find: sub => totpSecrets.get(sub),
  async add(secret) {
    if (totpSecrets.has(secret.sub)) return false
    totpSecrets.set(secret.sub, secret)
    return true
  },
  async use(sub, step) {
    const secret = totpSecrets.get(sub)
    if (!secret || secret.last_step >= step) return false
    totpSecrets.set(sub, { ...secret, last_step: step })
    return true
  },
})
