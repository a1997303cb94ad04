/** Passwords that users choose: which ones may be chosen, and how they are kept (NIST SP 800-63B-4 §3.1.1.2, RFC 9106). */

import type { PasswordPolicy, PasswordProblem } from '../model/account.ts'
import { identityKey } from '../model/stored-user.ts'
import { commonPasswords } from './common-passwords.ts'

/** What fits everywhere a password is typed, the password grant included. */
const mostCharacters = 512

/** Costs as much to check as a user's, and fits nothing that anyone knows: its hash is not of any text. */
export const decoyPassword = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`

/** One for all the ways in which keyboards compose the same letters (§3.1.1.2: NFKC). */
export const preparePassword = (password: string): string => password.normalize('NFKC')

/** What a hash may have been made of: in nearly every case one form, else NFKC first. */
export const formsOf = (password: string): ReadonlySet<string> =>
  new Set([preparePassword(password), password.normalize('NFC'), password])

/** @param names what the user is called: a password must not be one of them, nor little more. */
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
  // What is left beside the name must be worth something by itself.
  return words.some(word => {
    const rest = password.replaceAll(word, '').replaceAll(/[^\p{L}\p{N}]/gu, '')
    return password.includes(word) && (rest.length < 8 || isCommon(rest))
  })
}

/** Common itself, or common with digits and signs around it, or little more than one thing again and again, or a row of keys. */
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
