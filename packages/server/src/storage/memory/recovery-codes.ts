/** Recovery codes in memory. */

import type { RecoveryCodes } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createRecoveryCodes = ({ recoveryCodes }: Tables): RecoveryCodes => ({
  count: sub => recoveryCodes.get(sub)?.size ?? 0,
  async replace(sub, hashes) {
    recoveryCodes.set(sub, new Set(hashes))
  },
  async use(sub, hash) {
    return recoveryCodes.get(sub)?.delete(hash) ?? false
  },
})
