/**
 * Describes secret values of a request for the log, so that an operator can tell which value was sent without learning
 * it. A random handle may be identified by its hash; anything a person may have chosen may not, because its hash could be
 * guessed.
 */

import { handleShape, hashHandle } from './handle.ts'

const ours = handleShape('t[a-z]{1,2}')
const hashLength = 8

/**
 * Describes a code, token or other random handle: its prefix, its length, and the first 8 characters of its stored hash.
 * Any other text is described by {@link maskedSecret}.
 */
export function maskedHandle(value: string): string {
  const [prefix = ''] = /^t[a-z]{1,2}_/.exec(value) ?? []
  const made = ours.exec(value)?.[1]
  const hash =
    made === undefined ? '' : `, hash ${hashHandle(value).slice(made.length, made.length + hashLength)}…`
  return prefix === '' ? maskedSecret(value) : `${prefix}… (${lengthOf(value)}${hash})`
}

/** Describes a secret by its length, and by mistakes of copying it that are hard to see. */
export function maskedSecret(value: string): string {
  const oddities = [
    ...(/^\s/.test(value) ? ['begins with a space or line break'] : []),
    ...(/\s$/.test(value) ? ['ends with a space or line break'] : []),
    ...(/^(["']).*\1$/s.test(value) ? ['is in quotes'] : []),
    ...(/^\$\{?\w+\}?$/.test(value) ? ['looks like a variable that was not replaced'] : []),
  ]
  return [lengthOf(value), ...oddities].join(', ')
}

const lengthOf = ({ length }: string): string => (length === 1 ? '1 character' : `${length} characters`)

/** The maximum length of a received value in the log: strangers choose it. */
const mostShown = 200

/** Shortens a value that is not secret, for the log. */
export const shownValue = (value: string): string =>
  value.length > mostShown ? `${value.slice(0, mostShown)}…` : value

const mostListed = 10

/** Shortens a list of registered values. */
export const shownList = (values: Iterable<string>): readonly string[] => {
  const all = [...values]
  return all.length > mostListed ? [...all.slice(0, mostListed), `and ${all.length - mostListed} more`] : all
}
