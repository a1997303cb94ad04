/** Reads a password hash in any format that this server accepts. */

import { argon2 } from './argon2.ts'
import { bcrypt } from './bcrypt.ts'
import { type HashError, type HashFormat, isHash, type PasswordHash } from './format.ts'
import { ldap } from './ldap.ts'
import { aspNet, pbkdf2 } from './pbkdf2.ts'
import { firebaseScrypt, scrypt } from './scrypt.ts'

const formats: readonly HashFormat[] = [argon2, bcrypt, pbkdf2, aspNet, scrypt, firebaseScrypt, ldap]

/** Characters. The longest hash of any format is shorter. */
const longest = 1024

/** Returns the hash, or what is wrong with the text. The error contains no part of the text. */
export function readPasswordHash(text: string): PasswordHash | HashError {
  const format = text.length <= longest ? formats.find(({ prefix }) => prefix.test(text)) : undefined
  return (
    format?.read(text) ?? {
      problem: 'it is not a password hash in a known format',
      expected:
        '$argon2id$…, $2b$…, $pbkdf2-sha256$…, $aspnet-identity$…, $scrypt$…, $firebase-scrypt$… or {SSHA}…',
    }
  )
}

/** Returns the hash; undefined for any other text. */
export function findPasswordHash(text: string): PasswordHash | undefined {
  const read = readPasswordHash(text)
  return isHash(read) ? read : undefined
}

/** Returns what is wrong with the text; undefined if it is a hash. */
export function passwordHashError(text: string): HashError | undefined {
  const read = readPasswordHash(text)
  return isHash(read) ? undefined : read
}
