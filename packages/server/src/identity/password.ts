/** Rules for new passwords, and how passwords are prepared for hashing (NIST SP 800-63B-4 §3.1.1.2, RFC 9106). */

import type { PasswordPolicy, PasswordProblem } from '../model/account.ts'
import { identityKey } from '../model/stored-user.ts'
import { commonPasswords } from './common-passwords.ts'

/** The limit of every place that accepts a password, including the password grant. */
const mostCharacters = 512

/** Normalizes to NFKC, because keyboards compose the same letters in different ways (§3.1.1.2). */
export const preparePassword = (password: string): string => password.normalize('NFKC')

/**
 * Returns the forms of a password that an imported hash may be based on, NFKC first. For most passwords they are the
 * same.
 */
export const formsOf = (password: string): ReadonlySet<string> =>
  new Set([preparePassword(password), password.normalize('NFC'), password])

/**
 * Returns why the password may not be chosen; undefined if it may.
 * @param names the names of the user: a password must not be one of them, or one with only a few additional characters.
 */
export function passwordProblem(
  password: string,
  { min_length }: PasswordPolicy,
  names: readonly (string | undefined)[],
): PasswordProblem | undefined {
  const prepared = preparePassword(password)
  const length = [...prepared].length
  if (length < min_length) return 'too_short'
  if (prepared.length > mostCharacters || password.length > mostCharacters) return 'too_long'
  const plain = identityKey(prepared)
  if (isLikeName(plain, names)) return 'like_name'
  return isCommon(plain) ? 'too_common' : undefined
}

function isLikeName(password: string, names: readonly (string | undefined)[]): boolean {
  const words = names
    .flatMap(name => (name === undefined ? [] : [identityKey(name), identityKey(name).split('@')[0] ?? '']))
    .filter(word => word.length >= 3)
  // The remainder without the name must be strong enough by itself.
  return words.some(word => {
    const rest = password.replaceAll(word, '').replaceAll(/[^\p{L}\p{N}]/gu, '')
    return password.includes(word) && (rest.length < 8 || isCommon(rest))
  })
}

/**
 * Returns whether a password is common (also if it is surrounded by digits and symbols), a short repetition, or a row
 * of keys.
 */
function isCommon(password: string): boolean {
  const bare = password.replaceAll(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
  const letters = undisguise(bare).replaceAll(/[^\p{L}]/gu, '')
  return (
    [password, bare, letters].some(text => commonPasswords.has(text)) ||
    new Set(password).size < 5 ||
    /^(.{1,6}?)\1+.?.?$/su.test(password) ||
    rows.some(row => row.includes(password) || [...row].reverse().join('').includes(password))
  )
}

const undisguise = (text: string): string =>
  text.replaceAll(/[01345$@7!]/g, sign => disguises[sign as keyof typeof disguises])

const disguises = { 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', $: 's', '@': 'a', 7: 't', '!': 'i' } as const

const rows = [
  '0123456789012345678901234567890123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
  'azertyuiopqsdfghjklmwxcvbn',
  '1q2w3e4r5t6y7u8i9o0p',
  '1qaz2wsx3edc4rfv5tgb6yhn',
  'qazwsxedcrfvtgbyhnujmikolp',
]
