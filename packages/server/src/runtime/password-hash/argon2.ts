/** argon2id, argon2i and argon2d in PHC form (RFC 9106). */

import { decodeBase64, type HashError, type HashFormat, type PasswordHash } from './format.ts'

/** The cost of new hashes: the minimum that OWASP recommends, 19 MiB and two passes. */
export const defaultCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** Verified for unknown users. It matches no password, because its hash is not derived from a text. */
export const decoyHash = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`

const encoded =
  /^\$argon2(id|i|d)\$v=(16|19)\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,172})$/

export const argon2: HashFormat = {
  prefix: /^\$argon2/,
  read(text): PasswordHash | HashError {
    const [, type, version, m, t, p, salt = '', key = ''] = encoded.exec(text) ?? []
    if (type === undefined || !decodeBase64(salt) || !decodeBase64(key))
      return {
        problem: 'it is not an encoded argon2 hash',
        expected: '$argon2id$v=19$m=…,t=…,p=…$salt$hash',
      }
    const [memory = 0, passes = 0, lanes = 0] = [m, t, p].map(Number)
    // Anyone can make the server compute this hash, so its cost is bounded: one request must not take seconds.
    const within = (count: number) => count >= 1 && count <= 16
    if (!within(passes) || !within(lanes) || memory < 8 * lanes || memory > 262_144)
      return {
        problem: 'its cost is out of bounds',
        expected: 'm from 8·p to 262144 (KiB), t and p from 1 to 16',
      }
    const isCostly = memory * passes >= defaultCost.memoryCost * defaultCost.timeCost
    return {
      cost: `argon2${type} v=${version},m=${memory},t=${passes},p=${lanes}`,
      // The least work that OWASP recommends: 7 MiB and five passes.
      weakness: memory * passes < 7168 * 5 ? `argon2 with m=${memory}, t=${passes}` : undefined,
      isCurrent: type === 'id' && version === '19' && isCostly,
      matches: async password => (await import('@node-rs/argon2')).verify(text, password),
    }
  },
}
