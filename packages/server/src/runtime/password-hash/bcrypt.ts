/**
 * bcrypt in modular crypt form. Every origin of these prefixes uses the first 72 bytes of the password in UTF-8 and
 * ignores the rest; so does this check, or users with a longer password could not sign in any more.
 */

import type { HashError, HashFormat, PasswordHash } from './format.ts'

/** The last characters of the salt and of the hash have unused bits, which are zero. Otherwise, nothing would match. */
const encoded = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/

export const bcrypt: HashFormat = {
  prefix: /^\$2/,
  read(text): PasswordHash | HashError {
    const [, digits] = encoded.exec(text) ?? []
    if (digits === undefined)
      return {
        problem: 'it is not an encoded bcrypt hash',
        expected: '$2a$, $2b$ or $2y$, two digits, $ and 53 characters',
      }
    const cost = Number(digits)
    if (cost < 4 || cost > 14)
      return { problem: 'its cost is out of bounds', expected: 'a bcrypt cost from 04 to 14' }
    return {
      cost: `bcrypt ${cost}`,
      weakness: cost < 10 ? `bcrypt with cost ${cost}` : undefined,
      isCurrent: false,
      matches: async password => (await import('@node-rs/bcrypt')).verify(password, text),
    }
  },
}
