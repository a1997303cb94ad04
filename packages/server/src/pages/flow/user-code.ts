/** The code that a user types to connect a device (RFC 8628 §6.1): eight consonants, 34.6 bits, shown as `XXXX-XXXX`. */

import { createHmac } from 'node:crypto'
import type { DeviceAuthorization } from '../../model/authorization.ts'
import type { DerivedKeys } from '../../model/keys.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Random, TokenHash } from '../../runtime/ports.ts'

/** Without vowels, so that codes don't form words, and without letters that look like digits. */
const alphabet = 'BCDFGHJKLMNPQRSTVWXZ'
const length = 8
/** The largest multiple of the alphabet's size in a byte. Larger values would favor some letters. */
const fair = 256 - (256 % alphabet.length)

export type UserCodes = {
  readonly make: () => string
  /** Returns the code as it is shown; undefined for text that can't be a code. Ignores case and separators. */
  readonly normalise: (typed: string) => string | undefined
  /** Returns the stored form. The hash is keyed, because 34 bits could be found by brute force. */
  readonly hash: (code: string) => TokenHash
  /** Returns the stored forms that the code may have, while the master key is rotated. */
  readonly hashes: (code: string) => readonly TokenHash[]
}

export function createUserCodes({ derived, random }: { derived: DerivedKeys; random: Random }): UserCodes {
  const hashWith = (key: Uint8Array, code: string): TokenHash =>
    createHmac('sha256', key).update(code).digest('base64url') as TokenHash
  const show = (letters: string): string => `${letters.slice(0, 4)}-${letters.slice(4)}`

  return {
    make() {
      let letters = ''
      while (letters.length < length) {
        for (const byte of random.bytes(length * 2)) {
          if (byte < fair && letters.length < length) letters += alphabet[byte % alphabet.length]
        }
      }
      return show(letters)
    },
    normalise(typed) {
      const letters = typed.replaceAll(/[\s\p{P}]/gu, '').toUpperCase()
      const known = letters.length === length && [...letters].every(letter => alphabet.includes(letter))
      return known ? show(letters) : undefined
    },
    hash: code => hashWith(derived.derive('user-code'), code),
    hashes: code => derived.accepted('user-code').map(key => hashWith(key, code)),
  }
}

/** Returns the device authorization that waits under this user code, whatever its state. */
export async function findByUserCode(
  devices: Pick<Stores['devices'], 'findByUserCode'>,
  userCodes: Pick<UserCodes, 'hashes'>,
  code: string,
): Promise<DeviceAuthorization | undefined> {
  for (const hash of userCodes.hashes(code)) {
    const device = await devices.findByUserCode(hash)
    if (device) return device
  }
  return undefined
}
