/** Shapes of texts, numbers, choices and lists. */

import type { Json, JsonObject } from '@tessera/protocol/result'
import { build } from './build.ts'
import type { AnyShape, Issue, input, output, Reading, RuleFault, Shape } from './shape.ts'

export interface Text extends Shape<string> {
  /** Characters (UTF-16 code units). */
  min(least: number): this
  max(most: number): this
  /** @param allowed what the pattern allows, in words. */
  regex(pattern: RegExp, allowed: string): this
}

export interface Whole extends Shape<number> {
  min(least: number): this
  max(most: number): this
}

export interface List<Element extends AnyShape> extends Shape<output<Element>[], input<Element>[]> {
  readonly element: Element
  /** Entries. */
  min(least: number): this
  max(most: number): this
}

export const string = (): Text =>
  build({
    kind: 'string',
    read: (value, reading) => (typeof value === 'string' ? value : wrongType('string', reading)),
    jsonSchema: () => ({ type: 'string' }),
    methods: withCheck => ({
      min: (least: number) => withCheck(atLeast('string', least, lengthOf), { minLength: least }),
      max: (most: number) => withCheck(atMost('string', most, lengthOf), { maxLength: most }),
      regex: (pattern: RegExp, allowed: string) =>
        withCheck(
          (value: string, reading) => {
            if (!pattern.test(value)) add(reading, { code: 'wrong_characters', allowed, soft: true })
          },
          { pattern: pattern.source },
        ),
    }),
  })

/** A whole number that a double holds exactly. */
export const int = (): Whole =>
  build({
    kind: 'int',
    read: (value, reading) => (Number.isSafeInteger(value) ? value : wrongType('int', reading)),
    jsonSchema: () => ({
      type: 'integer',
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
    }),
    methods: withCheck => ({
      min: (least: number) => withCheck(atLeast('number', least, asItIs), { minimum: least }),
      max: (most: number) => withCheck(atMost('number', most, asItIs), { maximum: most }),
    }),
  })

export const boolean = (): Shape<boolean> =>
  build({
    kind: 'boolean',
    read: (value, reading) => (typeof value === 'boolean' ? value : wrongType('boolean', reading)),
    jsonSchema: () => ({ type: 'boolean' }),
  })

/** One of these texts. */
const oneOf = <const Values extends readonly string[]>(values: Values): Shape<Values[number]> =>
  build({
    kind: 'enum',
    read: (value, reading) =>
      values.includes(value as string) ? value : add(reading, { code: 'not_in_list', values }),
    jsonSchema: () => ({ type: 'string', enum: [...values] }),
  })

export { oneOf as enum }

export const array = <Element extends AnyShape>(element: Element): List<Element> =>
  build({
    kind: 'array',
    read(value, reading) {
      if (!Array.isArray(value)) return wrongType('array', reading)
      // A hole in the list of a module is an entry that is missing; `map` would leave it out.
      return Array.from(value, (entry, index) => readAt(index, element, entry, reading))
    },
    jsonSchema: () => ({ type: 'array', items: element.jsonSchema() }),
    methods: withCheck => ({
      element,
      min: (least: number) => withCheck(atLeast('array', least, lengthOf), { minItems: least }),
      max: (most: number) => withCheck(atMost('array', most, lengthOf), { maxItems: most }),
    }),
  })

/** The first of these that the value fits. */
export const union = <const Shapes extends readonly AnyShape[]>(
  shapes: Shapes,
): Shape<output<Shapes[number]>, input<Shapes[number]>> =>
  build({
    kind: 'union',
    read(value, reading) {
      const misfits: Issue[][] = []
      for (const shape of shapes) {
        const own: Reading = { issues: [], path: [...reading.path] }
        const result = shape.read(value, own)
        if (own.issues.length === 0) return result
        // Of the right type: what is wrong with it is what there is to say.
        if (own.issues.every(({ soft }) => soft)) {
          reading.issues.push(...own.issues)
          return result
        }
        misfits.push(own.issues)
      }
      const closest = closestOf(misfits, reading.path.length)
      if (!closest) return add(reading, { code: 'none_fits' })
      reading.issues.push(...closest)
      return undefined
    },
    jsonSchema: () => ({ anyOf: shapes.map(shape => shape.jsonSchema()) }),
  })

/** Returns the only issues that lie below the value, or else the only ones that are not about its type. */
function closestOf(misfits: readonly Issue[][], depth: number): Issue[] | undefined {
  const below = misfits.filter(issues => issues.every(({ path }) => path.length > depth))
  if (below.length === 1) return below[0]
  const typed = misfits.filter(issues => !issues.some(({ code }) => code === 'wrong_type'))
  return typed.length === 1 ? typed[0] : undefined
}

export const unknown = (): Shape<unknown> =>
  build({ kind: 'unknown', read: value => value, jsonSchema: () => ({}) })

/** Any JSON value. */
export const json = (): Shape<Json> =>
  build({
    kind: 'json',
    read: (value, reading) => (isJson(value) ? value : add(reading, { code: 'none_fits' })),
    jsonSchema: () => ({}),
  })

/** Whether a value could stand in JSON as it is. */
export function isJson(value: unknown): value is Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (Array.isArray(value)) return value.every(isJson)
  return (
    typeof value === 'object' &&
    [Object.prototype, null].includes(Object.getPrototypeOf(value)) &&
    Object.values(value).every(isJson)
  )
}

/** What only code can hold: whatever passes the test. */
export const custom = <Value>(
  fits: (value: unknown) => boolean,
  { expected, fix }: Omit<RuleFault, 'problem'>,
): Shape<Value> =>
  build({
    kind: 'custom',
    read: (value, reading) =>
      fits(value) ? value : add(reading, { code: 'rule', problem: 'it is of another kind', expected, fix }),
    jsonSchema: (): JsonObject => {
      throw new Error('code has no JSON Schema')
    },
  })

/** Reads what lies at this key of the value. */
export function readAt(key: PropertyKey, shape: AnyShape, value: unknown, reading: Reading): unknown {
  reading.path.push(key)
  const result = shape.read(value, reading)
  reading.path.pop()
  return result
}

type Without<Of, Key extends PropertyKey> = Of extends unknown ? Omit<Of, Key> : never

/** Adds an issue at the place that is being read. */
export function add(
  { issues, path }: Reading,
  issue: Without<Issue, 'path'>,
  below: Issue['path'] = [],
): undefined {
  issues.push({ ...issue, path: [...path, ...below] } as Issue)
}

export const wrongType = (expected: string, reading: Reading): undefined =>
  add(reading, { code: 'wrong_type', expected })

type Counted = 'string' | 'array' | 'number'

const atLeast =
  (of: Counted, bound: number, sizeOf: (value: never) => number) =>
  (value: never, reading: Reading): void => {
    if (sizeOf(value) < bound) add(reading, { code: 'out_of_bounds', side: 'least', bound, of, soft: true })
  }
const atMost =
  (of: Counted, bound: number, sizeOf: (value: never) => number) =>
  (value: never, reading: Reading): void => {
    if (sizeOf(value) > bound) add(reading, { code: 'out_of_bounds', side: 'most', bound, of, soft: true })
  }
const lengthOf = ({ length }: { readonly length: number }): number => length
const asItIs = (value: number): number => value
