/** Schemas of secrets: a value, or where it is: `{ "env": NAME }` or `{ "file": PATH }`. */

import { isJsonObject, parseJsonObject } from '@tessera/protocol/json'
import {
  type AnySchema,
  addIssue,
  build,
  type input,
  type output,
  type Reading,
  type Schema,
  type SecretSource,
  type StoredSecret,
  wrongType,
} from './schema.ts'

/** A secret that is a text. `inner` reads the text, wherever it is. */
export const secret = (inner: Schema<string>): Schema<string, string | SecretSource> =>
  build({
    kind: 'secret',
    read(value, reading) {
      if (typeof value !== 'string' && !isJsonObject(value)) return wrongType('secret', reading)
      const text = textOf(value, reading)
      if (text === undefined) return undefined
      reading.note?.([...reading.path], text)
      return inner.read(text, reading)
    },
    jsonSchema: () => ({ anyOf: [inner.jsonSchema(), ...sources] }),
  })

/** A secret that is an object. A variable or a file contains it as JSON. */
export const secretJson = <Inner extends AnySchema>(
  inner: Inner,
): Schema<output<Inner>, input<Inner> | SecretSource> =>
  build({
    kind: 'secret',
    read(value, reading) {
      if (!isJsonObject(value) || !hasSource(value)) {
        reading.note?.([...reading.path], JSON.stringify(value))
        return inner.read(value, reading)
      }
      const text = textOf(value, reading)
      if (text === undefined) return undefined
      reading.note?.([...reading.path], text)
      const parsed = parseJsonObject(text)
      return parsed ? inner.read(parsed, reading) : addIssue(reading, { code: 'check', ...notAnObject })
    },
    jsonSchema: () => ({ anyOf: [inner.jsonSchema(), ...sources] }),
  })

const notAnObject = {
  problem: 'its value is not a JSON object',
  expected: 'one JSON object',
  fix: 'correct it',
}

const expected = '{ "env": "NAME" } or { "file": "PATH" }, without other keys'

function textOf(
  value: string | Readonly<Record<string, unknown>>,
  { secrets, ...reading }: Reading,
): string | undefined {
  const written = typeof value === 'string' ? value : sourceOf(value)
  if (written === undefined) {
    const error = { problem: 'it does not say where the secret is', expected, fix: 'write one of these' }
    return addIssue(reading, { code: 'check', ...error })
  }
  if (!secrets) {
    if (typeof written === 'string') return written
    const problem = 'only a configuration file can refer to variables and files'
    return addIssue(reading, { code: 'check', problem, expected: 'a string', fix: 'write the value' })
  }
  const outcome = secrets(written, reading.path)
  return outcome.ok ? outcome.text : addIssue(reading, { code: 'check', ...outcome.error })
}

const sourceKeys = ['env', 'file', 'sealed', 'hidden'] as const

const hasSource = (value: Readonly<Record<string, unknown>>): boolean =>
  sourceKeys.some(key => Object.hasOwn(value, key))

function sourceOf(value: Readonly<Record<string, unknown>>): SecretSource | StoredSecret | undefined {
  const [given, ...others] = Object.keys(value)
  const key = sourceKeys.find(one => one === given)
  const place = key && value[key]
  if (others.length > 0 || typeof place !== 'string' || place === '') return undefined
  return { [key as string]: place } as SecretSource | StoredSecret
}

const source = (key: 'env' | 'file', description: string) => ({
  type: 'object',
  properties: { [key]: { type: 'string', minLength: 1, description } },
  required: [key],
  additionalProperties: false,
})

const sources = [
  source('env', 'The environment variable that contains the value.'),
  source('file', 'The file that contains the value (relative to this file).'),
] as const
