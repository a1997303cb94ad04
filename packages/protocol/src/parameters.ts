/** Request parameters: `application/x-www-form-urlencoded` bodies and query strings (RFC 6749 §3.1, §3.2, appendix B). */

import { ok, type Refusal, type Result, refuse } from './result.ts'

/** Read-only parameters. Empty values count as omitted (RFC 6749 §3.1). */
export type Parameters = {
  get(name: string): string | undefined
  /** Returns all values of a repeatable parameter (`resource`, `audience`); empty if it was omitted. */
  all(name: string): readonly string[]
  /** Returns the names in the order sent. */
  names(): Iterable<string>
  /** Names of parameters that were ignored because they were too long. */
  readonly ignored: readonly string[]
}

/**
 * The maximum length of a decoded value in characters, and the error for a longer one. Without an error, a longer value
 * is ignored. Values are never truncated, because a truncated hint could name another user.
 */
export type Limit = readonly [max: number, error?: string]

/** The parameters that an endpoint reads. Other parameters are ignored if they are too long (RFC 6749 §3.1, §3.2). */
export type Limits = Readonly<Record<string, Limit>>

/** Part of a request that has no effect, as a specification requires or permits. It is logged with its reason. */
export type Ignored = { readonly parameter: string; readonly reason: string; readonly scope?: string }

/** These parameters may be repeated (RFC 8707 §2, RFC 8693 §2.1). */
const repeatableInRequests: ReadonlySet<string> = new Set(['resource', 'audience'])

/**
 * The maximum length of any token that clients send back: the maximum size of a request body. The ID token of a user in
 * 1,000 groups has 50,000 characters.
 */
export const maxTokenLength = 65_536

const maxParameters = 64
const maxNameLength = 64
const unknown: Limit = [4096]

/**
 * Parses the parameters of a form body or a query string.
 * Refuses `invalid_request` for malformed percent-encoding, invalid UTF-8, NUL, repeated parameters (RFC 6749 §3.1) and
 * too many parameters. A value over its limit is refused with the limit's error, or ignored if the limit has none.
 * @param repeatable names that may be repeated.
 */
export function parseParameters(
  text: string,
  limits: Limits = {},
  repeatable: ReadonlySet<string> = repeatableInRequests,
): Result<Parameters> {
  const values: Values = new Map()
  const ignored: string[] = []
  let count = 0
  let start = 0
  while (start < text.length) {
    let end = text.indexOf('&', start)
    if (end < 0) end = text.length
    if (end > start) {
      if (++count > maxParameters) return tooManyParameters
      const refusal = readPair(text, start, end, { values, ignored, limits, repeatable })
      if (refusal) return refusal
    }
    start = end + 1
  }
  return ok(asParameters(values, ignored))
}

const tooManyParameters = refuse('invalid_request', 'too_many_parameters', {
  description: `The request has more than ${maxParameters} parameters`,
})
const malformedEncoding = refuse('invalid_request', 'malformed_encoding', {
  description: 'The parameters are not form-encoded UTF-8 text',
})

type Values = Map<string, string | readonly string[]>

type Reading = {
  readonly values: Values
  readonly ignored: string[]
  readonly limits: Limits
  readonly repeatable: ReadonlySet<string>
}

function readPair(
  text: string,
  start: number,
  end: number,
  { values, ignored, limits, repeatable }: Reading,
): Refusal | undefined {
  const equals = text.indexOf('=', start)
  const separator = equals < 0 || equals > end ? end : equals
  const name = decode(text.slice(start, separator))
  let value = separator === end ? '' : decode(text.slice(separator + 1, end))
  if (name === undefined || value === undefined) return malformedEncoding
  // Ignore unknown parameters (RFC 6749 §3.1, §3.2); known parameters have shorter names.
  if (name.length > maxNameLength) return undefined
  const [max, error] = Object.hasOwn(limits, name) ? (limits[name] ?? unknown) : unknown
  if (value.length > max) {
    if (error !== undefined)
      return refuse(error, 'parameter_too_long', {
        description: `${name} is too long`,
        log: { parameter: name },
      })
    ignored.push(name)
    // Treat it as omitted.
    value = ''
  }
  const before = values.get(name)
  if (before === undefined) values.set(name, repeatable.has(name) ? (value === '' ? [] : [value]) : value)
  else if (typeof before === 'string')
    return refuse('invalid_request', 'repeated_parameter', {
      // Don't echo unknown names: strangers choose them.
      description: `${Object.hasOwn(limits, name) ? name : 'A parameter'} was sent more than once`,
      log: { parameter: name },
    })
  else if (value !== '') values.set(name, [...before, value])
  return undefined
}

const asParameters = (values: Values, ignored: readonly string[]): Parameters => ({
  ignored,
  get(name) {
    const value = values.get(name)
    return (typeof value === 'string' ? value : value?.[0]) || undefined
  },
  all(name) {
    const value = values.get(name)
    return typeof value === 'string' ? (value === '' ? [] : [value]) : (value ?? [])
  },
  names: () => values.keys(),
})

/**
 * Returns a copy of the parameters with changes.
 * @param changes the new value of each parameter; undefined removes it.
 */
export function withParameters(
  parameters: Parameters,
  changes: Readonly<Record<string, string | undefined>>,
): Parameters {
  const values: Values = new Map()
  for (const name of parameters.names())
    if (!Object.hasOwn(changes, name)) values.set(name, parameters.all(name))
  for (const [name, value] of Object.entries(changes)) if (value !== undefined) values.set(name, value)
  return asParameters(values, parameters.ignored)
}

const plain = /^[\w.~*!'()/:@,;$?-]*$/

/** Decodes a form-encoded name or value. Returns undefined for invalid UTF-8 and for NUL. */
export function decode(text: string): string | undefined {
  if (plain.test(text)) return text
  let decoded: string
  try {
    decoded = decodeURIComponent(text.includes('+') ? text.replaceAll('+', ' ') : text)
  } catch {
    return undefined
  }
  return decoded.includes('\0') || text.includes('\uFFFD') ? undefined : decoded
}
