/** Recovery codes: each of ten replaces an unavailable second factor once (look-up secrets, NIST SP 800-63B §5.1.2). */

import { createHmac } from 'node:crypto'
import type { DerivedKeys } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { Random, TokenHash } from '../runtime/ports.ts'

export type RecoveryCodeBook = {
  /** Replaces the user's codes. Only their hashes are stored, so the new ones can be shown only now. */
  readonly create: (sub: string) => Promise<readonly string[]>
  /** Redeems the code, and returns false if it is wrong or was redeemed before. Ignores case and separators. */
  readonly redeem: (sub: string, typed: string) => Promise<boolean>
}

type RecoveryCodePorts = {
  readonly stores: Pick<Stores, 'recoveryCodes'>
  readonly derived: DerivedKeys
  readonly random: Random
}

const purpose = 'recovery-code'
const count = 10
/** 32 letters and digits (5 bits each), without those that look alike. */
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'
const length = 10

export function createRecoveryCodeBook({
  stores: { recoveryCodes },
  derived,
  random,
}: RecoveryCodePorts): RecoveryCodeBook {
  // Keyed, because 50 bits alone can be found by brute force.
  const hashWith = (key: Uint8Array, sub: string, letters: string): TokenHash =>
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
        codes.map(code => hashWith(derived.derive(purpose), sub, code)),
      )
      return codes.map(code => `${code.slice(0, length / 2)}-${code.slice(length / 2)}`)
    },
    async redeem(sub, typed) {
      const letters = typed.replaceAll(/[\s\p{P}]/gu, '').toUpperCase()
      if (letters.length !== length) return false
      // Codes that are older than a rotation of the master key can't be hashed again.
      for (const key of derived.ever(purpose))
        if (await recoveryCodes.use(sub, hashWith(key, sub, letters))) return true
      return false
    },
  }
}
