/** JWTs, public keys and certificates of other parties (RFC 7515, RFC 7517, RFC 7519). */

import { hash } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import { isWeakRsaKey } from '@tessera/protocol/rsa-key'
import type { Confirmation } from './authorization.ts'

/**
 * Returns the `typ` of a JWT (RFC 7515 §4.1.9) in lower case and without `application/`: `jwt` if it is omitted, undefined
 * if it is not a string.
 */
export const jwtType = (typ: unknown): string | undefined => {
  if (typ === undefined) return 'jwt'
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined
}

/** Lengths of 8192 and of 32 bits in base64url. Usual exponents have 17 bits; one of 64 costs 4 ms for each check. */
const [longestModulus, longestExponent] = [1366, 6]

/**
 * Returns whether an RSA key is cheap enough to use (a huge modulus or exponent makes each verification slow) and not
 * known to be weak. Returns true for other keys.
 */
export const isAffordable = ({ kty, n, e }: Readonly<Record<string, unknown>>): boolean =>
  kty !== 'RSA' ||
  (isAtMost(n, longestModulus) && isAtMost(e, longestExponent) && !isWeakRsaKey(`${n}`, `${e}`))

const isAtMost = (value: unknown, longest: number): boolean =>
  typeof value === 'string' && value.length <= longest

/**
 * Returns the SHA-256 thumbprint of a certificate in base64url (RFC 8705 §3.1).
 * @param certificate DER in base64, as in {@link Peer}.
 */
export const thumbprintOf = (certificate: string): string =>
  hash('sha256', Buffer.from(certificate, 'base64'), 'base64url')

/** Returns the confirmation claim of a token that is bound to the certificate (RFC 8705 §3.1). */
export const certificateConfirmation = (certificate: string): Confirmation => ({
  'x5t#S256': thumbprintOf(certificate),
})

/** If the clock is set back, a deleted id must not be accepted again. */
const margin: Seconds = 300

/**
 * Returns until when a one-time id, such as a `jti` (RFC 7523 §3), is remembered: longer than the token that contains
 * it is accepted.
 * @param end its expiry; may have a fraction.
 * @param tolerance how long it is accepted after that.
 */
export const rememberUntil = (end: Seconds, tolerance: Seconds = 0): Seconds =>
  Math.ceil(end) + tolerance + margin
