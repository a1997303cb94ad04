/** Recovery codes: ten, each of which stands once for a second factor that is not at hand (NIST SP 800-63B §5.1.2, look-up secrets). */

import { createHmac } from 'node:crypto'
import type { DerivedKeys } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { Random, TokenHash } from '../runtime/ports.ts'

export type RecoveryCodeBook = {
  /** New codes in the place of the old ones; they are shown once. */
  readonly create: (sub: string) => Promise<readonly string[]>
  /** Whether this call used the code; case and separators don't matter. */
  readonly redeem: (sub: string, typed: string) => Promise<boolean>
}

export type RecoveryCodePorts = {
  readonly stores: Pick<Stores, 'recoveryCodes'>
  readonly derived: DerivedKeys
  readonly random: Random
}

const count = 10
/** No letters or digits that look like others: 32 of them, 5 bits each. */
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'
const length = 10

export function createRecoveryCodeBook({
  stores: { recoveryCodes },
  derived,
  random,
}: RecoveryCodePorts): RecoveryCodeBook {
  const key = derived.derive('recovery-code')
  // Keyed, since 50 bits alone could be found by trying.
  const hashOf = (sub: string, letters: string): TokenHash =>
    createHmac('sha256', key)
      .update(JSON.stringify([sub, letters]))
      .digest('base64url') as TokenHash

  return {
    async create(sub) {
      const codes = Array.from({ length: count }, () =>
        [...random.bytes(length)].map(byte => alphabet[byte % alphabet.length]).join(''),
      )
      await recoveryCodes.replace(
        sub,
        codes.map(code => hashOf(sub, code)),
      )
      return codes.map(code => `${code.slice(0, length / 2)}-${code.slice(length / 2)}`)
    },
    async redeem(sub, typed) {
      const letters = typed.replaceAll(/[\s\p{P}]/gu, '').toUpperCase()
      return letters.length === length && recoveryCodes.use(sub, hashOf(sub, letters))
    },
  }
}
