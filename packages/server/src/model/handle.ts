/** Bearer handles: random, with a prefix per kind so that secret scanners find leaked ones, and stored only as SHA-256. */

import { hash } from 'node:crypto'
import type { Random, TokenHash } from '../runtime/ports.ts'

/** `tcp` pushed request, `tc` authorization code, `ta` reference access token, `td` device code, `tf` state at a provider, `tp` pending sign-in, `ts` session, `tr` refresh token (see `tokens/refresh-token.ts`). */
type HandlePrefix = 'tcp' | 'tc' | 'ta' | 'td' | 'tf' | 'tp' | 'ts'

const randomText = (random: Random): string => Buffer.from(random.bytes(32)).toString('base64url')

/** Creates a client secret (`tcs`) or a registration access token (`tcr`). Rows are not looked up by them. */
export const newClientCredential = (random: Random, prefix: 'tcs' | 'tcr'): string =>
  `${prefix}_${randomText(random)}`

/**
 * Creates a handle: the prefix, an underscore, the milliseconds since 1970 in nine digits of base 36, and 256 random bits in
 * base64url (43 characters). The time is never trusted. It only keeps new rows together in an index (see `hashHandle`).
 */
export const newHandle = (random: Random, prefix: HandlePrefix): string =>
  `${prefix}_${madeAt()}${randomText(random)}`

// The machine's clock is accurate enough, because only the position in an index depends on it.
const madeAt = (): string => Date.now().toString(36).padStart(9, '0')

const anyKind = 't[a-z]{1,2}'

/** Returns a pattern that matches handles of this kind and captures the time. */
export const handleShape = (kind: HandlePrefix | typeof anyKind): RegExp =>
  new RegExp(`^${kind}_([0-9a-z]{9})[\\w-]{43}$`)

const anyShape = handleShape(anyKind)

/**
 * Returns the stored form of a handle: its creation time and its SHA-256. The time puts new rows at the end of an index,
 * where random keys would each touch a different page. For any other text (a secret, a `jti`) it is the SHA-256 alone.
 */
export function hashHandle(handle: string): TokenHash {
  const [, time = ''] = anyShape.exec(handle) ?? []
  return (time + hash('sha256', handle, 'base64url')) as TokenHash
}

/**
 * Creates a random id: 127 bits in base64url (22 characters). The first bit is 0, so that no id begins with a hyphen, which
 * a command line would read as an option.
 */
export function newId<Id extends string>(random: Random): Id {
  const bytes = Buffer.from(random.bytes(16))
  bytes[0]! &= 0x7f
  return bytes.toString('base64url') as Id
}

/**
 * Creates an id for rows that requests create: the milliseconds since 1970 in eight characters, and 80 random bits in
 * base64url (14 characters), similar to a UUID of version 7 (RFC 9562 §5.7). New rows are therefore at the end of an index.
 * It is not a secret, and tokens and sessions reveal its time anyway (`iat`, `auth_time`).
 *
 * It is valid base64url of 16 bytes, as which refresh tokens contain it.
 */
export const newTimedId = <Id extends string>(random: Random): Id =>
  (inLetters(Date.now()) + Buffer.from(random.bytes(10)).toString('base64url')) as Id

/** The characters of base64url in code order, so that texts sort like the numbers. */
const letters = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'

/** Added so that no id begins with a hyphen. */
const first = 2 ** 42

function inLetters(milliseconds: number): string {
  let text = ''
  for (let rest = milliseconds + first; text.length < 8; rest = Math.floor(rest / 64))
    text = letters.charAt(rest % 64) + text
  return text
}
