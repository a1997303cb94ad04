/** What is written of a user's second factors together, in memory. */

import type { SecondFactors } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export function createSecondFactors({
  totpSecrets,
  passkeys,
  recoveryCodes,
  pendingSignIns,
}: Tables): SecondFactors {
  const passkeysOf = (sub: string) => [...passkeys.values()].filter(passkey => passkey.sub === sub)
  const countOf = (sub: string) => ({ totp: totpSecrets.has(sub) ? 1 : 0, passkey: passkeysOf(sub).length })

  return {
    async remove(sub, factor, required) {
      const had = countOf(sub)
      const known = factor.method === 'totp' ? had.totp > 0 : passkeys.get(factor.id)?.sub === sub
      if (!known) return 'unknown'
      const left = { ...had, [factor.method]: had[factor.method] - 1 }
      if (required.some(method => had[method] > 0) && required.every(method => left[method] === 0))
        return 'last'
      if (factor.method === 'totp') totpSecrets.delete(sub)
      else passkeys.delete(factor.id)
      if (left.totp + left.passkey === 0) recoveryCodes.delete(sub)
      return 'removed'
    },
    async reset(sub) {
      const { totp, passkey } = countOf(sub)
      totpSecrets.delete(sub)
      for (const { id } of passkeysOf(sub)) passkeys.delete(id)
      recoveryCodes.delete(sub)
      for (const pending of pendingSignIns.values())
        if (pending.sub === sub) pendingSignIns.delete(pending.hash)
      return totp + passkey
    },
  }
}
