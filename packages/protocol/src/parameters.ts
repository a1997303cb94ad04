/** Request parameters: `application/x-www-form-urlencoded` bodies and query strings (RFC 6749 §3.1, §3.2, appendix B). */

import { ok, type Refusal, type Result, refuse } from './result.ts'

/** Read-only parameters. Empty ones count as omitted (RFC 6749 §3.1). */
export type Parameters = {
  get(name: string): string | undefined
  /** All values of a parameter that may be repeated (`resource`, `audience`); empty when there is none. */
  all(name: string): readonly string[]
  /** Names in the order sent. */
  names(): Iterable<string>
  /** Names of parameters that were too long and are left out for it. */
  readonly ignored: readonly string[]
}

/**
 * How long a parameter's value may be (characters of its decoded value) and the error for a longer one. Without an
 * error a longer value is ignored. It is never truncated: a truncated hint names another user.
 */
export type Limit = readonly [max: number, error?: string]

/** The parameters that a reader knows. Any other is unknown to it, and ignored when it is long (RFC 6749 §3.1, §3.2). */
export type Limits = Readonly<Record<string, Limit>>

/** What the specifications say to ignore, or let a server ignore: it is logged with its reason and refuses nothing. */
export type Ignored = { readonly parameter: string; readonly reason: string; readonly scope?: string }

/** RFC 8707 §2 and RFC 8693 §2.1 let these two be sent several times. */
const repeatableInRequests: ReadonlySet<string> = new Set(['resource', 'audience'])

/**
 * The most characters of a token of ours that is read again: as many as a request's body holds (bytes). A user with a
 * thousand groups has an ID token of 50,000.
 */
export const maxTokenLength = 65_536

const maxParameters = 64
const maxNameLength = 64
const unknown: Limit = [4096]

/**
 * Reads parameters from a form body or a query string.
 * Refuses `invalid_request` for broken percent-encoding, text that is not UTF-8, NUL, a repeated parameter
 * (RFC 6749 §3.1: none may be sent more than once), too many parameters; and with the limit's own error for a value
 * that is too long. Ignores a value that is longer than a limit without an error, and a name that nobody can know.
 * @param repeatable names that may be sent several times.
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
  // RFC 6749 §3.1, §3.2: unrecognized parameters are ignored, and no parameter has so long a name.
  if (name.length > maxNameLength) return undefined
  const [max, error] = Object.hasOwn(limits, name) ? (limits[name] ?? unknown) : unknown
  if (value.length > max) {
    if (error !== undefined)
      return refuse(error, 'parameter_too_long', {
        description: `${name} is too long`,
        log: { parameter: name },
      })
    ignored.push(name)
    // As if it had been sent without a value, which counts as omitted.
    value = ''
  }
  const before = values.get(name)
  if (before === undefined) values.set(name, repeatable.has(name) ? (value === '' ? [] : [value]) : value)
  else if (typeof before === 'string')
    return refuse('invalid_request', 'repeated_parameter', {
      // Names that nobody knows are not repeated to whoever reads a page.
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

/** Decodes one form-encoded name or value; undefined when it is not well-formed UTF-8 text without NUL. */
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
