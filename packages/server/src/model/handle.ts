/** Bearer handles: random, prefixed by kind so that secret scanners find a leaked one, stored as their SHA-256 only. */

import { hash } from 'node:crypto'
import type { Random, TokenHash } from '../runtime/ports.ts'

/** `tcp` pushed request, `tc` authorization code, `ta` reference access token, `td` device code, `tf` state at a provider, `tp` pending sign-in, `ts` session, `tr` refresh token (see `tokens/refresh-token.ts`). */
export type HandlePrefix = 'tcp' | 'tc' | 'ta' | 'td' | 'tf' | 'tp' | 'ts'

const randomText = (random: Random): string => Buffer.from(random.bytes(32)).toString('base64url')

/** A new secret of a client, which no row is found by: client secret (`tcs`), registration access token (`tcr`). */
export const newClientCredential = (random: Random, prefix: 'tcs' | 'tcr'): string =>
  `${prefix}_${randomText(random)}`

/**
 * A new handle: the prefix, an underscore, the milliseconds since 1970 in nine digits of base 36, and 256 random bits in
 * base64url (43 characters). The time is no claim: it lets rows that were made together lie together (see `hashHandle`).
 */
export const newHandle = (random: Random, prefix: HandlePrefix): string =>
  `${prefix}_${madeAt()}${randomText(random)}`

// No clock of the server's: nothing depends on it but where a row lies.
const madeAt = (): string => Date.now().toString(36).padStart(9, '0')

const anyKind = 't[a-z]{1,2}'

/** What a handle of this kind looks like; it captures the time. */
export const handleShape = (kind: HandlePrefix | typeof anyKind): RegExp =>
  new RegExp(`^${kind}_([0-9a-z]{9})[\\w-]{43}$`)

const anyShape = handleShape(anyKind)

/**
 * What is stored of a handle: its SHA-256, after the time when it was made, so that new rows come at the end of an index:
 * at random places each would touch a page of its own. Of any other text (a secret, the id of a replay marker) the SHA-256 alone.
 */
export function hashHandle(handle: string): TokenHash {
  const [, time = ''] = anyShape.exec(handle) ?? []
  return (time + hash('sha256', handle, 'base64url')) as TokenHash
}

/** A new id that tells nothing, 128 random bits in base64url (22 characters): of what is public, or named where its row is not found by it. */
export const newId = <Id extends string>(random: Random): Id =>
  Buffer.from(random.bytes(16)).toString('base64url') as Id

/**
 * A new id of a row that comes with the requests: the milliseconds since 1970 in eight letters, and 80 random bits in
 * base64url (14 characters), as a UUID of version 7 has them (RFC 9562 §5.7). So new rows come at the end of an index. It
 * is no secret, and what carries one (a token, a session's `sid`) tells its time anyway (`iat`, `auth_time`).
 *
 * It reads as 16 bytes in base64url, which is how a refresh token carries it.
 */
export const newTimedId = <Id extends string>(random: Random): Id =>
  (inLetters(Date.now()) + Buffer.from(random.bytes(10)).toString('base64url')) as Id

/** Those of base64url in the order of their codes, so that texts sort as the numbers do. */
const letters = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'

/** Added, so that no id begins with a hyphen, which a command line would take for an option's. */
const first = 2 ** 42

function inLetters(milliseconds: number): string {
  let text = ''
  for (let rest = milliseconds + first; text.length < 8; rest = Math.floor(rest / 64))
    text = letters.charAt(rest % 64) + text
  return text
}
