/** Shapes of objects: those with known keys, and those that map any key. */

import type { JsonObject } from '@tessera/protocol/result'
import { build } from './build.ts'
import { add, readAt, wrongType } from './kinds.ts'
import type { AnyShape, Default, input, Optional, output, Shape } from './shape.ts'

export type Fields = Readonly<Record<string, AnyShape>>

type OutputOf<Of extends Fields> = {
  -readonly [Key in keyof Of as Of[Key] extends Optional<AnyShape> ? never : Key]: output<Of[Key]>
} & { -readonly [Key in keyof Of as Of[Key] extends Optional<AnyShape> ? Key : never]?: output<Of[Key]> }

type Omissible = Optional<AnyShape> | Default<AnyShape>

type InputOf<Of extends Fields> = {
  -readonly [Key in keyof Of as Of[Key] extends Omissible ? never : Key]: input<Of[Key]>
} & { -readonly [Key in keyof Of as Of[Key] extends Omissible ? Key : never]?: input<Of[Key]> }

type Flat<Of> = { [Key in keyof Of]: Of[Key] }

/** Keys that can't be listed. */
export type Others = {
  /** What such a key's value must be; undefined for a key that is none of them. */
  readonly shapeOf: (key: string) => AnyShape | undefined
  /** JSON Schema by patterns of keys. */
  readonly patterns: Readonly<Record<string, JsonObject>>
}

export interface ObjectShape<Of extends Fields> extends Shape<Flat<OutputOf<Of>>, Flat<InputOf<Of>>> {
  readonly shape: Of
  /** An object that takes more keys than it can name, without the checks. */
  withOthers(others: Others): ObjectShape<Of>
  /** An object with these keys besides, without the checks. */
  extend<More extends Fields>(more: More): ObjectShape<Omit<Of, keyof More> & More>
  /** An object with just these keys, without the checks. */
  pick<Key extends keyof Of & string>(keys: Readonly<Record<Key, true>>): ObjectShape<Pick<Of, Key>>
}

/** An object with these keys and no other. */
export const strictObject = <Of extends Fields>(fields: Of): ObjectShape<Of> => objectOf(fields, 'refused')

/** An object with these keys; of others nothing is known, and they are left out. */
export const object = <Of extends Fields>(fields: Of): ObjectShape<Of> => objectOf(fields, 'left_out')

function objectOf<Of extends Fields>(fields: Of, others: Others | 'refused' | 'left_out'): ObjectShape<Of> {
  const known = Object.entries(fields)
  const isKnown = new Set(Object.keys(fields))
  return build({
    kind: 'object',
    read(value, reading) {
      if (!isObject(value)) return wrongType('object', reading)
      const result: Record<string, unknown> = {}
      for (const [key, field] of known) {
        // Of its own: what every object inherits is nobody's setting.
        const given = Object.hasOwn(value, key) ? value[key] : undefined
        const found = readAt(key, field, given, reading)
        if (found !== undefined || given !== undefined) result[key] = found
      }
      if (others === 'left_out') return result
      const unknown: string[] = []
      for (const key of Object.keys(value)) {
        if (isKnown.has(key)) continue
        const shape = others === 'refused' ? undefined : others.shapeOf(key)
        if (shape) result[key] = readAt(key, shape, value[key], reading)
        else unknown.push(key)
      }
      if (unknown.length > 0) add(reading, { code: 'unknown_keys', keys: unknown })
      return result
    },
    jsonSchema() {
      const required = known.filter(([, { kind }]) => kind !== 'optional' && kind !== 'default')
      return {
        type: 'object',
        properties: Object.fromEntries(known.map(([key, field]) => [key, field.jsonSchema()])),
        ...(required.length > 0 && { required: required.map(([key]) => key) }),
        ...(others !== 'left_out' && { additionalProperties: false }),
        ...(typeof others === 'object' && { patternProperties: others.patterns }),
      }
    },
    methods: () => ({
      shape: fields,
      withOthers: (more: Others) => objectOf(fields, more),
      extend: (more: Fields) => objectOf({ ...fields, ...more }, others),
      pick: (keys: Readonly<Record<string, true>>) =>
        objectOf(Object.fromEntries(known.filter(([key]) => key in keys)), others),
    }),
  })
}

/** Any keys that this shape takes, each with a value of that shape. */
export const record = <Value extends AnyShape>(
  key: Shape<string>,
  value: Value,
): Shape<Record<string, output<Value>>, Record<string, input<Value>>> =>
  build({
    kind: 'record',
    read(given, reading) {
      if (!isObject(given)) return wrongType('record', reading)
      const result: Record<string, unknown> = {}
      for (const name of Object.keys(given)) {
        // Not a key that a plain object can have (it would be its prototype).
        if (name === '__proto__') continue
        const { length } = reading.issues
        readAt(name, key, name, reading)
        if (reading.issues.length === length) result[name] = readAt(name, value, given[name], reading)
      }
      return result
    },
    jsonSchema: (): JsonObject => ({
      type: 'object',
      propertyNames: key.jsonSchema(),
      additionalProperties: value.jsonSchema(),
    }),
  })

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
