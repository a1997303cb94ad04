/** What is written of a user's second factors together, in PostgreSQL. */

import type { SecondFactors } from '../../model/ports/stores.ts'
import type { Database } from './database.ts'

/** The lock of all that is counted or replaced among a user's factors. */
export const factorsOf = (sub: string): string => `factors ${sub}`

const count = `select (select count(*) from totp_secrets where sub = $1),
  (select count(*) from passkeys where sub = $1),
  (select count(*) from passkeys where sub = $1 and id = $2)`

const removeAll = `with apps as (delete from totp_secrets where sub = $1 returning 1),
  keys as (delete from passkeys where sub = $1 returning 1),
  codes as (delete from recovery_codes where sub = $1),
  waiting as (delete from pending_sign_ins where sub = $1)
  select (select count(*) from apps) + (select count(*) from keys)`

export const createSecondFactors = ({ locked }: Database): SecondFactors => ({
  remove: (sub, factor, required) =>
    locked([factorsOf(sub)], async write => {
      const id = factor.method === 'totp' ? null : factor.id
      const [totp = 0, passkey = 0, named = 0] = ((await write(count, [sub, id])).rows[0] ?? []).map(Number)
      if ((id === null ? totp : named) === 0) return 'unknown'
      const had = { totp, passkey }
      const left = id === null ? { totp: 0, passkey } : { totp, passkey: passkey - 1 }
      if (required.some(method => had[method] > 0) && required.every(method => left[method] === 0))
        return 'last'
      if (id === null) await write('delete from totp_secrets where sub = $1', [sub])
      else await write('delete from passkeys where sub = $1 and id = $2', [sub, id])
      if (left.totp + left.passkey === 0) await write('delete from recovery_codes where sub = $1', [sub])
      return 'removed'
    }),
  reset: sub => locked([factorsOf(sub)], async write => Number((await write(removeAll, [sub])).rows[0]?.[0])),
})
