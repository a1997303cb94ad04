/** Schemas of objects: those with known keys, and those that map any key to a value. */

import { isJsonObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'
import {
  type AnySchema,
  addIssue,
  build,
  type Default,
  type input,
  type Optional,
  type output,
  readAt,
  type Schema,
  wrongType,
} from './schema.ts'

export type Fields = Readonly<Record<string, AnySchema>>

type OutputOf<Of extends Fields> = {
  -readonly [Key in keyof Of as Of[Key] extends Optional<AnySchema> ? never : Key]: output<Of[Key]>
} & { -readonly [Key in keyof Of as Of[Key] extends Optional<AnySchema> ? Key : never]?: output<Of[Key]> }

type Omissible = Optional<AnySchema> | Default<AnySchema>

type InputOf<Of extends Fields> = {
  -readonly [Key in keyof Of as Of[Key] extends Omissible ? never : Key]: input<Of[Key]>
} & { -readonly [Key in keyof Of as Of[Key] extends Omissible ? Key : never]?: input<Of[Key]> }

type Flat<Of> = { [Key in keyof Of]: Of[Key] }

/** Keys that can't be listed, such as `client_name#fr`. */
type OtherKeys = {
  /** Returns the schema of this key's value; undefined for a key that is not one of them. */
  readonly schemaOf: (key: string) => AnySchema | undefined
  /** JSON Schema by patterns of keys. */
  readonly patterns: Readonly<Record<string, JsonObject>>
}

export interface ObjectSchema<Of extends Fields> extends Schema<Flat<OutputOf<Of>>, Flat<InputOf<Of>>> {
  readonly fields: Of
  /** Returns a schema that accepts these keys too, without the checks. */
  withOthers(others: OtherKeys): ObjectSchema<Of>
}

/** An object with these keys and no others. */
export const strictObject = <Of extends Fields>(fields: Of): ObjectSchema<Of> => objectOf(fields, 'rejected')

/** An object with these keys. Others are ignored and left out. */
export const object = <Of extends Fields>(fields: Of): ObjectSchema<Of> => objectOf(fields, 'ignored')

function objectOf<Of extends Fields>(
  fields: Of,
  others: OtherKeys | 'rejected' | 'ignored',
): ObjectSchema<Of> {
  const known = Object.entries(fields)
  let withOmitted: readonly Field[] | undefined
  return build({
    kind: 'object',
    read(value, reading) {
      if (!isJsonObject(value)) return wrongType('object', reading)
      const result: Record<string, unknown> = {}
      // Not earlier: a check may use a constant that is defined after the schema.
      withOmitted ??= known.map(([key, schema]) => ({ key, schema, omitted: readOmitted(schema) }))
      for (const { key, schema, omitted } of withOmitted) {
        // Only own properties: inherited ones such as `constructor` were not configured.
        const given = Object.hasOwn(value, key) ? value[key] : undefined
        const found = given === undefined && omitted ? omitted.value : readAt(key, schema, given, reading)
        if (found !== undefined || given !== undefined) result[key] = found
      }
      if (others === 'ignored') return result
      const unknown: string[] = []
      for (const key of Object.keys(value)) {
        if (Object.hasOwn(fields, key)) continue
        const schema = others === 'rejected' ? undefined : others.schemaOf(key)
        if (schema) result[key] = readAt(key, schema, value[key], reading)
        else unknown.push(key)
      }
      if (unknown.length > 0) addIssue(reading, { code: 'unknown_keys', keys: unknown })
      return result
    },
    jsonSchema() {
      const required = known.filter(([, { kind }]) => kind !== 'optional' && kind !== 'default')
      return {
        type: 'object',
        properties: Object.fromEntries(known.map(([key, field]) => [key, field.jsonSchema()])),
        ...(required.length > 0 && { required: required.map(([key]) => key) }),
        ...(others !== 'ignored' && { additionalProperties: false }),
        ...(typeof others === 'object' && { patternProperties: others.patterns }),
      }
    },
    methods: () => ({ fields, withOthers: (more: OtherKeys) => objectOf(fields, more) }),
  })
}

/** A known key. Most objects omit most keys, so the value of an omitted one is read only once, where possible. */
type Field = {
  readonly key: string
  readonly schema: AnySchema
  /** Undefined if the key is required, or if its default is an object: no two configurations share one. */
  readonly omitted: { readonly value: unknown } | undefined
}

function readOmitted(schema: AnySchema): Field['omitted'] {
  const outcome = schema.safeParse(undefined)
  return outcome.success && typeof outcome.value !== 'object' ? { value: outcome.value } : undefined
}

/** An object with any keys that fit the one schema, each with a value that fits the other. */
export const record = <Value extends AnySchema>(
  key: Schema<string>,
  value: Value,
): Schema<Record<string, output<Value>>, Record<string, input<Value>>> =>
  build({
    kind: 'record',
    read(given, reading) {
      if (!isJsonObject(given)) return wrongType('record', reading)
      const result: Record<string, unknown> = {}
      for (const name of Object.keys(given)) {
        // Assigning this key would set the prototype of the result.
        if (name === '__proto__') continue
        const { length } = reading.issues
        readAt(name, key, name, reading)
        if (reading.issues.length === length) result[name] = readAt(name, value, given[name], reading)
      }
      return result
    },
    jsonSchema: () => ({
      type: 'object',
      propertyNames: key.jsonSchema(),
      additionalProperties: value.jsonSchema(),
    }),
  })
