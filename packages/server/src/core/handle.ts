/** Bearer handles: random, prefixed by kind so that secret scanners find a leaked one, stored as their SHA-256 only. */

import { hash } from 'node:crypto'
import type { Random, TokenHash } from './runtime.ts'

/** `tcs` client secret, `tcr` registration access token, `tcp` pushed request, `tc` authorization code, `ta` reference access token, `td` device code, `tf` state at a provider, `tp` pending sign-in, `ts` session, `tr` refresh token (see `tokens/refresh-token.ts`). */
export type HandlePrefix = 'tcs' | 'tcr' | 'tcp' | 'tc' | 'ta' | 'td' | 'tf' | 'tp' | 'ts'

const handleBytes = 32

/** A new handle: the prefix, an underscore and 256 random bits in base64url (46 characters). */
export const newHandle = (random: Random, prefix: HandlePrefix): string =>
  `${prefix}_${Buffer.from(random.bytes(handleBytes)).toString('base64url')}`

/** A new public id of 128 random bits in base64url (22 characters). */
export const newId = <Id extends string>(random: Random): Id =>
  Buffer.from(random.bytes(16)).toString('base64url') as Id

/** What is stored of a handle. */
export const hashHandle = (handle: string): TokenHash => hash('sha256', handle, 'base64url') as TokenHash
