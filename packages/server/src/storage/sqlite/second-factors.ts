/** What is written of a user's second factors together, in SQLite. */

import type { FactorMethod } from '../../model/mfa.ts'
import type { SecondFactors } from '../../model/ports/stores.ts'
import { change, one } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

export const secondFactorWrites = {
  removeSecondFactor(database) {
    const count = one(
      database,
      `select (select count(*) from totp_secrets where sub = ?1), (select count(*) from passkeys where sub = ?1),
        (select count(*) from passkeys where sub = ?1 and id = ?2)`,
    )
    const removeTotp = change(database, 'delete from totp_secrets where sub = ?')
    const removePasskey = change(database, 'delete from passkeys where sub = ? and id = ?')
    const removeCodes = change(database, 'delete from recovery_codes where sub = ?')
    return (
      sub: string,
      id: string | null,
      required: readonly FactorMethod[],
    ): 'removed' | 'last' | 'unknown' => {
      const [totp = 0, passkey = 0, named = 0] = (count(sub, id) ?? []).map(Number)
      if ((id === null ? totp : named) === 0) return 'unknown'
      const left = id === null ? { totp: 0, passkey } : { totp, passkey: passkey - 1 }
      const had = { totp, passkey }
      if (required.some(method => had[method] > 0) && required.every(method => left[method] === 0))
        return 'last'
      if (id === null) removeTotp(sub)
      else removePasskey(sub, id)
      if (left.totp + left.passkey === 0) removeCodes(sub)
      return 'removed'
    }
  },
  resetSecondFactors(database) {
    const [removeTotp, removePasskeys, ...rest] = [
      'totp_secrets',
      'passkeys',
      'recovery_codes',
      'pending_sign_ins',
    ].map(table => change(database, `delete from ${table} where sub = ?`))
    return (sub: string): number => {
      for (const remove of rest) remove(sub)
      return (removeTotp?.(sub) ?? 0) + (removePasskeys?.(sub) ?? 0)
    }
  },
} as const satisfies Writes

export const createSecondFactors = (write: Calls<typeof secondFactorWrites>): SecondFactors => ({
  remove: (sub, factor, required) =>
    write.removeSecondFactor(sub, factor.method === 'totp' ? null : factor.id, required),
  reset: sub => write.resetSecondFactors(sub),
})
