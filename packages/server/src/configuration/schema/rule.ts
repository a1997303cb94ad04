/** Rules about a single value, as checks of the schema: each names what is wrong, what is expected and the fix. */

import { isWebHost, redirectUriFault } from '@tessera/protocol/redirect-uri'
import * as z from '../shape/shapes.ts'

export type ValueFault = {
  readonly problem: string
  readonly expected: string
  readonly fix: string
  /** Where below the value: `['keys', 0]`. */
  readonly path?: readonly PropertyKey[]
}

/** A check that adds the fault that `faultOf` finds. */
export const rule =
  <Value>(faultOf: (value: Value) => ValueFault | undefined): z.Check<Value> =>
  (value, reading) => {
    const fault = faultOf(value)
    if (fault) z.add(reading, { code: 'rule', ...fault }, fault.path)
  }

/** A whole number of seconds, or of something else, within bounds. */
export const seconds = (min: number, max: number) => z.int().min(min).max(max)

export const minute = 60
export const hour = 60 * minute
export const day = 24 * hour
export const year = 365 * day

/** A name that stands between spaces on the wire: printable ASCII without space (and without `"` and `\` as RFC 6749 §3.3 has it). */
export const name = () =>
  z
    .string()
    .min(1)
    .max(200)
    .regex(/^[\x21\x23-\x5B\x5D-\x7E]*$/, 'printable ASCII without spaces, " and \\')

/** What happens to scopes that nobody registered. */
export const unknownScopes = () => z.enum(['refuse', 'ignore'])

/**
 * A secret or password that requests bring. One that is longer than endpoints read, or that no form can hold, could never
 * be right.
 */
export const sendable = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .check(
      rule(value =>
        value.includes('\0') || !value.isWellFormed()
          ? {
              problem: 'it holds a character that no request can send',
              expected: 'text in Unicode without U+0000',
              fix: 'choose another, or write its hash',
            }
          : undefined,
      ),
    )

/** Text for people. */
export const text = () => z.string().min(1).max(500)

/** A web address for people: a page or an image. One with credentials looks like a page of another host. */
export const webUrl = () =>
  z
    .string()
    .max(2000)
    .check(
      rule(value => {
        const url = URL.canParse(value) ? new URL(value) : undefined
        // As it stands it goes into pages: nothing in it may mean something else to a browser there than it does here.
        const isWeb = /^https?:\/\/[^\\\s\p{C}]+$/iu.test(value)
        return url && isWeb && isWebHost(url.hostname) && url.username === '' && url.password === ''
          ? undefined
          : {
              problem: 'it is not a web address',
              expected: 'an absolute https URL without credentials',
              fix: 'write the whole address, beginning with https://',
            }
      }),
    )

/**
 * An address that a browser or this server is sent to: https, or http on a loopback host, without fragment.
 * @param fix what to do about a faulty one.
 */
export const exactWebUri = (fix: string) =>
  z
    .string()
    .max(2000)
    .check(
      rule(uri => {
        const problem =
          redirectUriFault(uri) ?? (/^https?:/i.test(uri) ? undefined : 'it is not a web address')
        return problem === undefined
          ? undefined
          : {
              problem,
              expected: 'an https URI, or http on a loopback host, without fragment',
              fix,
            }
      }),
    )
