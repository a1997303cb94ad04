/** Public keys of others, as far as it is known before they are used (RFC 7517 §4, RFC 7518 §6). */

/** Of 8192 bits, and of 64, in base64url. */
const [longestModulus, longestExponent] = [1366, 11]

/**
 * Whether using an RSA key costs no more than it should: a huge modulus or exponent makes whoever verifies a signature
 * work for it.
 */
export const isAffordable = ({ kty, n, e }: Readonly<Record<string, unknown>>): boolean =>
  kty !== 'RSA' || (isAtMost(n, longestModulus) && isAtMost(e, longestExponent))

const isAtMost = (value: unknown, longest: number): boolean =>
  typeof value === 'string' && value.length <= longest
