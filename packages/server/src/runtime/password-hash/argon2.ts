/** argon2id, argon2i and argon2d in PHC form (RFC 9106). */

import { decodeBase64, type HashError, type HashFormat, type PasswordHash } from './format.ts'

/** The cost of new hashes: memory in KiB, passes and lanes. */
export type Argon2Cost = {
  readonly memoryCost: number
  readonly timeCost: number
  readonly parallelism: number
}

/** The minimum that OWASP recommends: 19 MiB and two passes. */
export const defaultCost: Argon2Cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Returns the hash that is verified for unknown users. It matches no password, because it is not derived from a text. */
export const decoyHash = ({ memoryCost, timeCost, parallelism }: Argon2Cost = defaultCost): string =>
  `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`

/** Returns whether a hash is argon2id, and costs at least as much as new ones. Other hashes are replaced at a sign-in. */
export function isCurrentHash(text: string, { memoryCost, timeCost }: Argon2Cost = defaultCost): boolean {
  const [, type, version, m, t] = encoded.exec(text) ?? []
  return type === 'id' && version === '19' && Number(m) * Number(t) >= memoryCost * timeCost
}

/** Without a version, it is 16 (1.0): texts from before the PHC format had one. */
const encoded =
  /^\$argon2(id|i|d)(?:\$v=(16|19))?\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,172})$/

/** KiB in all passes: about a second. */
const most = 2 ** 21

export const argon2: HashFormat = {
  prefix: /^\$argon2/,
  read(text): PasswordHash | HashError {
    const [, type, version = '16', m, t, p, salt = '', key = ''] = encoded.exec(text) ?? []
    if (type === undefined || !decodeBase64(salt) || !decodeBase64(key))
      return {
        problem: 'it is not an encoded argon2 hash',
        expected: '$argon2id$v=19$m=…,t=…,p=…$salt$hash',
      }
    const [memory = 0, passes = 0, lanes = 0] = [m, t, p].map(Number)
    // Anyone can make the server compute this hash, so its cost is bounded: one request must not take seconds.
    const within = (count: number) => count >= 1 && count <= 16
    const isAffordable = memory >= 8 * lanes && memory <= 262_144 && memory * passes <= most
    if (!within(passes) || !within(lanes) || !isAffordable)
      return {
        problem: 'its cost is out of bounds',
        expected: 'm from 8·p to 262144 (KiB), t and p from 1 to 16, m·t up to 2097152',
      }
    return {
      cost: `argon2${type} v=${version},m=${memory},t=${passes},p=${lanes}`,
      // The least work that OWASP recommends: 7 MiB and five passes.
      weakness: memory * passes < 7168 * 5 ? `argon2 with m=${memory}, t=${passes}` : undefined,
      isCurrent: isCurrentHash(text),
      matches: async password => (await import('@node-rs/argon2')).verify(text, password),
    }
  },
}
