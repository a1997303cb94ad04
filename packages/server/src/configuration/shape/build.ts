/** How a shape of any kind is made from what is its own: reading and JSON Schema. */

import type { Json, JsonObject } from '@tessera/protocol/result'
import { type AnyShape, type Check, isHindered, type Reading, type Shape } from './shape.ts'

/** What is a kind's own. */
export type Kind = {
  readonly kind: string
  /** Undefined with an issue added: then no check runs. */
  readonly read: (value: unknown, reading: Reading) => unknown
  readonly jsonSchema: () => JsonObject
  /** What this kind has besides what all have; `withCheck` answers the shape with one check more. */
  readonly methods?: (withCheck: (check: Check<never>, schema?: JsonObject) => Made) => object
}

type Made = Shape<unknown>

type Added = {
  readonly description?: string
  readonly checks: readonly Check<never>[]
  /** JSON Schema of the checks that have one. */
  readonly schema: JsonObject
}

export function build<Result extends AnyShape>(kind: Kind): Result {
  return shapeOf(kind, { checks: [], schema: {} }) as unknown as Result
}

function shapeOf(kind: Kind, added: Added): Made {
  const { checks, description } = added
  const read = (value: unknown, reading: Reading): unknown => {
    const before = reading.issues.length
    const result = kind.read(value, reading)
    for (const check of checks) {
      if (isHindered(reading, before)) break
      check(result as never, reading)
    }
    return result
  }
  const withCheck = (check: Check<never>, schema: JsonObject = {}): Made =>
    shapeOf(kind, {
      ...added,
      checks: [...checks, check],
      schema: { ...added.schema, ...schema },
    })
  const shape: Made = {
    kind: kind.kind,
    description,
    read,
    jsonSchema: () => ({
      ...kind.jsonSchema(),
      ...added.schema,
      ...(description !== undefined && { description }),
    }),
    describe: text => shapeOf(kind, { ...added, description: text }) as never,
    check: check => withCheck(check as Check<never>) as never,
    optional: () => optional(shape) as never,
    default: value => withDefault(shape, value, () => copyOf(value)) as never,
    prefault: value => withDefault(shape, value, reading => shape.read(value, reading)) as never,
    safeParse(value) {
      const reading: Reading = { issues: [], path: [] }
      const data = read(value, reading)
      return reading.issues.length === 0
        ? { success: true, data }
        : { success: false, issues: reading.issues }
    },
    parse(value) {
      const outcome = shape.safeParse(value)
      if (outcome.success) return outcome.data
      throw new Error(`a value of our own does not fit: ${JSON.stringify(outcome.issues)}`)
    },
  }
  return kind.methods ? Object.assign(shape, kind.methods(withCheck)) : shape
}

const optional = (inner: AnyShape): AnyShape =>
  build({
    kind: 'optional',
    read: (value, reading) => (value === undefined ? undefined : inner.read(value, reading)),
    jsonSchema: inner.jsonSchema,
    methods: () => ({ unwrap: () => inner }),
  })

const withDefault = (inner: AnyShape, value: unknown, omitted: (reading: Reading) => unknown): AnyShape =>
  build({
    kind: 'default',
    read: (given, reading) => (given === undefined ? omitted(reading) : inner.read(given, reading)),
    jsonSchema: () => ({ ...inner.jsonSchema(), default: value as Json }),
    methods: () => ({ unwrap: () => inner }),
  })

/** So that no two configurations share a list. */
const copyOf = (value: unknown): unknown =>
  Array.isArray(value) ? [...value] : typeof value === 'object' && value !== null ? { ...value } : value
