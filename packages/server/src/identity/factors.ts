/** A user's second factors, and the limit on guessing their codes. */

import { hash } from 'node:crypto'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Passkey, TotpSecret } from '../model/factor.ts'
import type { FactorMethod } from '../model/mfa.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { CountAttempt, Forgive } from './attempts.ts'
import { countedKeys } from './counted-keys.ts'

export type Factors = {
  readonly totp: readonly TotpSecret[]
  readonly passkey: readonly Passkey[]
  /** The number of unused recovery codes. */
  readonly recoveryCodes: number
}

export type FindFactors = (sub: string) => Promise<Factors>

export const createFactorFinder =
  ({ stores }: { stores: Pick<Stores, 'totpSecrets' | 'passkeys' | 'recoveryCodes'> }): FindFactors =>
  async sub => {
    const [totp, passkey, recoveryCodes] = await Promise.all([
      stores.totpSecrets.find(sub),
      stores.passkeys.of(sub),
      stores.recoveryCodes.count(sub),
    ])
    return { totp: totp ? [totp] : [], passkey, recoveryCodes }
  }

export const hasFactor = (factors: Factors, methods: readonly FactorMethod[]): boolean =>
  methods.some(method => factors[method].length > 0)

/** Returns a hash that changes when a factor is added or removed. */
export const fingerprintOf = ({ totp, passkey }: Factors): string =>
  hash(
    'sha256',
    JSON.stringify([totp.map(({ created_at }) => created_at), passkey.map(({ id }) => id).toSorted()]),
    'base64url',
  )

const minutes = 60
const day = 86_400

/** Counts a guess before the code is checked. The returned function undoes the count if the code was right. */
export type CountFactorGuess = (sub: string) => Promise<Result<Forgive>>

/**
 * Allows ten wrong codes in ten minutes and fifty in a day for each user (RFC 4226 §7.3). Refuses `access_denied` with the
 * time to wait.
 */
export const createFactorGuessCounter =
  ({ countAttempt }: { countAttempt: CountAttempt }): CountFactorGuess =>
  async sub => {
    const counted = await countAttempt([
      { key: countedKeys.secondFactorInMinutes(sub), most: 10, span: 10 * minutes },
      { key: countedKeys.secondFactorInADay(sub), most: 50, span: day },
    ])
    if (counted.ok) return ok(counted.forgive)
    const retry_after = counted.wait
    return refuse('access_denied', 'second_factor_guessed_too_often', { retry_after, log: { sub } })
  }
