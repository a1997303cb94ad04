/** Schemas of text, numbers, choices and lists. This file is imported under one name: `s.string().min(1)`. */

import type { Json, JsonObject } from '@tessera/protocol/result'
import { deepest, isPlain, mostValues } from '../../model/hook-result.ts'
import {
  type AnySchema,
  addIssue,
  build,
  type CheckError,
  type Issue,
  type input,
  type Kind,
  type output,
  type Reading,
  readAt,
  type Schema,
  wrongType,
} from './schema.ts'

export { type Fields, type ObjectSchema, object, record, strictObject } from './objects.ts'
export type { AnySchema, CheckError, Default, input, Optional, output, Schema } from './schema.ts'
export { secret, secretJson } from './secret.ts'

/** Bounds of the value itself, or of its characters (UTF-16 code units) or entries. */
export interface Bounded {
  min(least: number): this
  max(most: number): this
}

export interface Text extends Schema<string>, Bounded {
  /** @param allowed what the pattern allows, in words. */
  regex(pattern: RegExp, allowed: string): this
}

export interface List<Element extends AnySchema>
  extends Schema<output<Element>[], input<Element>[]>,
    Bounded {
  readonly element: Element
}

export const string = (): Text =>
  build({
    kind: 'string',
    read: (value, reading) => (typeof value === 'string' ? value : wrongType('string', reading)),
    jsonSchema: () => ({ type: 'string' }),
    methods: withTest => ({
      ...bounds('string', ['minLength', 'maxLength'], withTest),
      regex: (pattern: RegExp, allowed: string) =>
        withTest(
          (value: string, reading) => {
            if (!pattern.test(value))
              addIssue(reading, { code: 'wrong_characters', allowed, recoverable: true })
          },
          { pattern: pattern.source },
        ),
    }),
  })

/** A whole number that a double represents exactly. */
export const int = (): Schema<number> & Bounded =>
  build({
    kind: 'int',
    read: (value, reading) => (Number.isSafeInteger(value) ? value : wrongType('int', reading)),
    jsonSchema: () => ({
      type: 'integer',
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
    }),
    methods: withTest => bounds('number', ['minimum', 'maximum'], withTest),
  })

export const boolean = (): Schema<boolean> =>
  build({
    kind: 'boolean',
    read: (value, reading) => (typeof value === 'boolean' ? value : wrongType('boolean', reading)),
    jsonSchema: () => ({ type: 'boolean' }),
  })

/** One of these texts. */
const oneOf = <const Values extends readonly string[]>(values: Values): Schema<Values[number]> =>
  build({
    kind: 'enum',
    read: (value, reading) =>
      values.includes(value as string) ? value : addIssue(reading, { code: 'not_in_list', values }),
    jsonSchema: () => ({ type: 'string', enum: [...values] }),
  })

export { oneOf as enum }

export const array = <Element extends AnySchema>(element: Element): List<Element> =>
  build({
    kind: 'array',
    read(value, reading) {
      if (!Array.isArray(value)) return wrongType('array', reading)
      const result: unknown[] = []
      // A hole in a module's list is a missing entry. `map` would skip it.
      for (let index = 0; index < value.length; index++)
        result.push(readAt(index, element, value[index], reading))
      return result
    },
    jsonSchema: () => ({ type: 'array', items: element.jsonSchema() }),
    methods: withTest => ({ element, ...bounds('array', ['minItems', 'maxItems'], withTest) }),
  })

/** Reads a value with the first of these schemas that accepts it. */
export const union = <const Schemas extends readonly AnySchema[]>(
  schemas: Schemas,
): Schema<output<Schemas[number]>, input<Schemas[number]>> =>
  build({
    kind: 'union',
    read(value, reading) {
      const misfits: Issue[][] = []
      for (const schema of schemas) {
        const own: Reading = { ...reading, issues: [], path: [...reading.path] }
        const result = schema.read(value, own)
        // If the value has the right type, its issues are the ones worth reporting.
        if (own.issues.every(({ recoverable }) => recoverable)) {
          reading.issues.push(...own.issues)
          return result
        }
        misfits.push(own.issues)
      }
      const closest = closestOf(misfits, reading.path.length)
      if (!closest) {
        const types = misfits.flatMap(([issue]) => (issue?.code === 'wrong_type' ? issue.expected : []))
        return types.length === misfits.length
          ? wrongType(types.join('|'), reading)
          : addIssue(reading, { code: 'none_fits' })
      }
      reading.issues.push(...closest)
      return undefined
    },
    jsonSchema: () => ({ anyOf: schemas.map(schema => schema.jsonSchema()) }),
    methods: () => ({ options: schemas }),
  })

/** Returns the only issues that are below the value, or else the only ones that are not about its type. */
function closestOf(misfits: readonly Issue[][], depth: number): Issue[] | undefined {
  const below = misfits.filter(issues => issues.every(({ path }) => path.length > depth))
  if (below.length === 1) return below[0]
  const typed = misfits.filter(issues => !issues.some(({ code }) => code === 'wrong_type'))
  return typed.length === 1 ? typed[0] : undefined
}

export const unknown = (): Schema<unknown> =>
  build({ kind: 'unknown', read: value => value, jsonSchema: () => ({}) })

/** Any JSON value. */
export const json = (): Schema<Json> =>
  build({
    kind: 'json',
    read: (value, reading) => (isJson(value) ? value : addIssue(reading, { code: 'none_fits' })),
    jsonSchema: () => ({}),
  })

/**
 * Returns whether JSON can represent a value as it is. In a module, objects may contain themselves or each other, which
 * has no end in JSON.
 */
export const isJson = (value: unknown): value is Json => isJsonAt(value, 0, { left: mostValues })

function isJsonAt(value: unknown, depth: number, budget: { left: number }): boolean {
  budget.left -= 1
  if (budget.left < 0) return false
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (depth > deepest || !(Array.isArray(value) || isPlain(value))) return false
  return Object.values(value).every(one => isJsonAt(one, depth + 1, budget))
}

/** A value that exists only in code, such as a function. `test` decides whether it is valid. */
export const custom = <Value>(
  fits: (value: unknown) => boolean,
  { expected, fix }: Omit<CheckError, 'problem'>,
): Schema<Value> =>
  build({
    kind: 'custom',
    read: (value, reading) =>
      fits(value)
        ? value
        : addIssue(reading, { code: 'check', problem: 'it has the wrong type', expected, fix }),
    jsonSchema: (): JsonObject => {
      throw new Error('code has no JSON Schema')
    },
  })

/** Returns the methods of `Bounded`. The keywords are those of JSON Schema. */
const bounds = (
  of: 'string' | 'array' | 'number',
  [least, most]: readonly [string, string],
  withTest: Parameters<NonNullable<Kind['methods']>>[0],
) => {
  const bound =
    (side: 'least' | 'most', limit: number) =>
    (value: number | { readonly length: number }, reading: Reading): void => {
      const size = typeof value === 'number' ? value : value.length
      if (side === 'least' ? size < limit : size > limit)
        addIssue(reading, { code: 'out_of_bounds', side, bound: limit, of, recoverable: true })
    }
  return {
    min: (limit: number) => withTest(bound('least', limit), { [least]: limit }),
    max: (limit: number) => withTest(bound('most', limit), { [most]: limit }),
  }
}
