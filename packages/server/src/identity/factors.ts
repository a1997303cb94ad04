/** What second factors a user has. */

import { hash } from 'node:crypto'
import type { Passkey, TotpSecret } from '../model/factor.ts'
import type { FactorMethod } from '../model/mfa.ts'
import type { Stores } from '../model/ports/stores.ts'

export type Factors = {
  readonly totp: readonly TotpSecret[]
  readonly passkey: readonly Passkey[]
  /** How many recovery codes are left. */
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

/** Changes when a factor is added or removed. */
export const fingerprintOf = ({ totp, passkey }: Factors): string =>
  hash(
    'sha256',
    JSON.stringify([totp.map(({ created_at }) => created_at), passkey.map(({ id }) => id).toSorted()]),
    'base64url',
  )
