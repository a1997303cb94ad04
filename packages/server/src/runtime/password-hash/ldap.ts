/** Passwords of LDAP directories: `{SSHA}` and others, the base64 of a digest and its salt (RFC 2307 §5.3). */

import {
  areEqual,
  decodeBase64,
  digestOf,
  type HashError,
  type HashFormat,
  isSalt,
  type PasswordHash,
} from './format.ts'

const schemes = {
  SHA: { digest: 'sha1', size: 20, salted: false },
  SHA256: { digest: 'sha256', size: 32, salted: false },
  SHA512: { digest: 'sha512', size: 64, salted: false },
  SSHA: { digest: 'sha1', size: 20, salted: true },
  SSHA256: { digest: 'sha256', size: 32, salted: true },
  SSHA512: { digest: 'sha512', size: 64, salted: true },
} as const

export const ldap: HashFormat = {
  // Not JSON, which starts with `{"`.
  prefix: /^\{[A-Za-z]/,
  read(text): PasswordHash | HashError {
    const [, name = '', encoded = ''] = /^\{([A-Za-z0-9]{1,10})\}(.*)$/.exec(text) ?? []
    // RFC 2307 §5.3: schemes are case-insensitive.
    const upper = name.toUpperCase()
    const scheme = Object.hasOwn(schemes, upper) ? schemes[upper as keyof typeof schemes] : undefined
    const bytes = decodeBase64(encoded)
    const salt = scheme && bytes?.subarray(scheme.size)
    if (!scheme || !bytes || bytes.length < scheme.size || isSalt(salt) !== scheme.salted)
      return {
        problem: 'it is not a password of an LDAP directory',
        expected: '{SSHA}, {SSHA256}, {SSHA512}, {SHA}, {SHA256} or {SHA512}, and base64',
      }
    const key = bytes.subarray(0, scheme.size)
    return {
      cost: `ldap ${upper}`,
      weakness: `{${upper}} (${scheme.salted ? 'one fast digest' : 'one fast digest, without a salt'})`,
      isCurrent: false,
      matches: async password => areEqual(digestOf(scheme.digest, password, salt ?? ''), key),
    }
  },
}
