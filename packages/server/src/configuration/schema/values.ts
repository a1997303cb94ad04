/** Values that many keys have in common: names, texts, durations, addresses. */

import { isWebHost, redirectUriProblem } from '@tessera/protocol/redirect-uri'
import { isMembershipName, longestMembership, mostMemberships } from '../../model/membership.ts'
import * as s from '../validation/kinds.ts'

/** A whole number within bounds, usually of seconds. */
export const seconds = (min: number, max: number) => s.int().min(min).max(max)

export const minute = 60
export const hour = 60 * minute
export const day = 24 * hour
export const year = 365 * day

/** A name that is sent in a space-separated list: printable ASCII without space, `"` and `\` (RFC 6749 §3.3). */
export const name = () =>
  s
    .string()
    .min(1)
    .max(200)
    .regex(/^[\x21\x23-\x5B\x5D-\x7E]*$/, 'printable ASCII without spaces, " and \\')

/** Treatment of unknown scopes. */
export const unknownScopes = () => s.enum(['refuse', 'ignore'])

/**
 * A secret or password that requests contain. A value that is longer than endpoints accept, or that a form can't
 * contain, could never match.
 */
export const sendable = (max: number) =>
  s
    .string()
    .min(1)
    .max(max)
    .check(value =>
      value.includes('\0') || !value.isWellFormed()
        ? {
            problem: "it contains a character that can't be sent in a request",
            expected: 'text in Unicode without U+0000',
            fix: 'choose another value, or write its hash',
          }
        : undefined,
    )

/** Groups or roles of a user. */
export const membershipNames = () =>
  s
    .array(
      s.string().refine(isMembershipName, {
        problem: 'it is not the name of a group or role',
        expected: `one line of at most ${longestMembership} characters, without spaces at either end`,
        fix: 'write the name as applications compare it',
      }),
    )
    .max(mostMemberships)

/** Text for people. */
export const text = () => s.string().min(1).max(500)

/** A URL of a page or an image for users. With credentials it could look like a URL of another host. */
export const webUrl = () =>
  s.string().max(2000).refine(isWebUrl, {
    problem: 'it is not a web URL',
    expected: 'an absolute https URL without credentials',
    fix: 'write the full URL, starting with https://',
  })

function isWebUrl(value: string): boolean {
  const url = URL.parse(value)
  // Pages contain the text unchanged, so browsers must parse it in the same way as this server.
  const isWeb = /^https?:\/\/[^\\\s\p{C}]+$/iu.test(value)
  return url !== null && isWeb && isWebHost(url.hostname) && url.username === '' && url.password === ''
}

/**
 * A URL that a browser or this server visits: https, or http on a loopback host, without fragment.
 * @param fix how to fix an invalid one.
 */
export const exactWebUri = (fix: string) =>
  s
    .string()
    .max(2000)
    .check(uri => {
      const problem = redirectUriProblem(uri) ?? (/^https?:/i.test(uri) ? undefined : 'it is not a web URL')
      const expected = 'an https URI, or http on a loopback host, without fragment'
      return problem === undefined ? undefined : { problem, expected, fix }
    })

/** Returns an object without the keys whose value is undefined. */
export const defined = <Of extends object>(value: Of): Of =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Of
