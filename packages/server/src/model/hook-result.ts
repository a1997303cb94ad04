/**
 * Reads the return values of an operator's hooks member by member. No compiler checks a JavaScript module, and a `sub` that
 * is a number must not reach a token.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Json, JsonObject } from '@tessera/protocol/result'

/** Thrown for a return value of the wrong type. The message names the hook and the member, never the value. */
export class InvalidHookResult extends Error {
  override readonly name = 'InvalidHookResult'
}

/**
 * Returns the known parts of the value. Throws {@link InvalidHookResult}, which names `place`, if one has the wrong
 * type.
 */
export type Read<Value> = (value: unknown, place: string) => Value

const invalid = (place: string, value: unknown, expected: string): InvalidHookResult =>
  new InvalidHookResult(`${place} is ${kindOf(value)}, not ${expected}`)

const kindOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (value === undefined) return 'undefined'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

export const boolean: Read<boolean> = (value, place) => {
  if (typeof value === 'boolean') return value
  throw invalid(place, value, 'true or false')
}

export const text: Read<string> = (value, place) => {
  if (typeof value === 'string' && value.isWellFormed()) return value
  throw invalid(place, value, 'a string')
}

export const number: Read<number> = (value, place) => {
  if (typeof value === 'number') return value
  throw invalid(place, value, 'a number')
}

export const wholeNumber =
  (least: number, most: number): Read<number> =>
  (value, place) => {
    const found = Number.isSafeInteger(value) ? Number(value) : Number.NaN
    if (found >= least && found <= most) return found
    throw invalid(place, value, `a whole number from ${least} to ${most}`)
  }

/** The year 9999. A time in milliseconds is later. */
const latestTime: Seconds = 253_402_300_799

/** Seconds since 1970. */
export const time = wholeNumber(0, latestTime)

/** OpenID Connect Core 1.0 §2: at most 255 ASCII characters. */
export const subject: Read<string> = (value, place) => {
  if (typeof value === 'string' && /^[\x20-\x7E]{1,255}$/.test(value)) return value
  throw invalid(place, value, 'a string of 1 to 255 printable ASCII characters')
}

export const oneOf =
  <const Value extends string>(values: readonly Value[]): Read<Value> =>
  (value, place) => {
    const found = values.find(one => one === value)
    if (found !== undefined) return found
    throw invalid(place, value, `one of ${values.join(', ')}`)
  }

/** Returns a copy. @param least and `most` bytes. */
export const bytes =
  (least: number, most: number): Read<Uint8Array> =>
  (value, place) => {
    if (!(value instanceof Uint8Array)) throw invalid(place, value, 'a Uint8Array')
    if (value.length >= least && value.length <= most) return new Uint8Array(value)
    const expected = least === most ? `${least}` : `${least} to ${most}`
    throw new InvalidHookResult(`${place} has ${value.length} bytes, not ${expected}`)
  }

export const optional =
  <Value>(read: Read<Value>): Read<Value | undefined> =>
  (value, place) =>
    value === undefined ? undefined : read(value, place)

export const listOf =
  <Value>(read: Read<Value>): Read<readonly Value[]> =>
  (value, place) => {
    if (!Array.isArray(value)) throw invalid(place, value, 'a list')
    if (value.length > mostValues) throw tooLarge(place)
    return Array.from(value, (entry, index) => read(entry, `${place}[${index}]`))
  }

/** Maximum nesting depth of a JSON value that code returns, such as a claim or a response member. */
export const deepest = 100

/**
 * Maximum number of values in a list or a JSON value that code returns. A graph of a few objects that refer to each other,
 * as mappers of databases return, can unfold into any number.
 */
export const mostValues = 100_000

const tooLarge = (place: string): InvalidHookResult =>
  new InvalidHookResult(`${place} has more than ${mostValues} values`)

type Budget = { left: number; readonly place: string }

/** A JSON value. Undefined members are omitted, as by `JSON.stringify`. */
const jsonAt = (value: unknown, place: string, depth: number, budget: Budget): Json => {
  budget.left -= 1
  if (budget.left < 0) throw tooLarge(budget.place)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (depth > deepest) throw invalid(place, value, `JSON of at most ${deepest} levels`)
  if (Array.isArray(value)) {
    if (value.length > budget.left) throw tooLarge(budget.place)
    return Array.from(value, (entry, index) => jsonAt(entry, `${place}[${index}]`, depth + 1, budget))
  }
  if (isPlain(value)) return membersOf(value, place, depth, budget)
  throw invalid(place, value, 'a JSON value')
}

const membersOf = (value: object, place: string, depth: number, budget: Budget): JsonObject =>
  Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) =>
      member === undefined ? [] : [[name, jsonAt(member, `${place}.${name}`, depth + 1, budget)] as const],
    ),
  )

/** Returns whether a value is an object as JSON has it, and not a list. */
export const isPlain = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value))

export const json: Read<Json> = (value, place) => jsonAt(value, place, 0, { left: mostValues, place })

export const jsonObject: Read<JsonObject> = (value, place) => {
  if (isPlain(value) && !Array.isArray(value)) return membersOf(value, place, 0, { left: mostValues, place })
  throw invalid(place, value, 'an object')
}

type Fields = Readonly<Record<string, Read<unknown>>>
type Required<Of extends Fields> = {
  [Key in keyof Of]: undefined extends ReturnType<Of[Key]> ? never : Key
}[keyof Of]
type Optional<Of extends Fields> = Exclude<keyof Of, Required<Of>>
type Known<Of extends Fields> = { readonly [Key in Required<Of>]: ReturnType<Of[Key]> } & {
  readonly [Key in Optional<Of>]?: Exclude<ReturnType<Of[Key]>, undefined>
}

/** An object with these members. Other members, and those that are undefined, are omitted. */
export const object =
  <const Of extends Fields>(fields: Of): Read<Known<Of>> =>
  (value, place) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw invalid(place, value, 'an object')
    const known = Object.entries(fields).flatMap(([name, read]) => {
      const member = read((value as Readonly<Record<string, unknown>>)[name], `${place}.${name}`)
      return member === undefined ? [] : [[name, member]]
    })
    return Object.fromEntries(known) as Known<Of>
  }

/** `{ ok: true, … }` or `{ ok: false, … }`. */
export const outcome =
  <Yes, No>(
    yes: Read<Yes>,
    no: Read<No>,
  ): Read<(Yes & { readonly ok: true }) | (No & { readonly ok: false })> =>
  (value, place) => {
    const { ok } = object({ ok: boolean })(value, place)
    return ok ? { ...yes(value, place), ok: true as const } : { ...no(value, place), ok: false as const }
  }
