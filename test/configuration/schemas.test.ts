/** The schemas that read a configuration: what they accept, what they return and what they report. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as s from '../../packages/server/src/configuration/validation/kinds.ts'

const issuesOf = (schema: s.Schema<never, never>, value: unknown) => {
  const outcome = schema.safeParse(value)
  return outcome.success ? [] : outcome.issues
}
const codesOf = (schema: unknown, value: unknown) =>
  issuesOf(schema as s.Schema<never, never>, value).map(({ code, path }) => [code, path.join('.')])

test('schemas: "json" accepts any JSON unchanged, and nothing else', () => {
  fc.assert(fc.property(fc.jsonValue(), value => assert.deepEqual(s.json().parse(value), value)))
  for (const value of [undefined, Number.NaN, new Map(), { inner: [() => 1] }, Symbol('no'), 1n])
    assert.deepEqual(codesOf(s.json(), value), [['none_fits', '']])
})

test('schemas: a value is read as a kind that it matches, whatever it is', () => {
  const kinds: Readonly<
    Record<string, s.AnySchema & { safeParse: (value: unknown) => { success: boolean } }>
  > = {
    string: s.string(),
    number: s.int(),
    boolean: s.boolean(),
    array: s.array(s.unknown()),
    object: s.record(s.string(), s.unknown()),
  }
  const kindOf = (value: unknown) =>
    Array.isArray(value)
      ? 'array'
      : value === null
        ? 'null'
        : Number.isSafeInteger(value) || typeof value !== 'number'
          ? typeof value
          : 'fraction'
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      for (const [kind, schema] of Object.entries(kinds))
        assert.equal(schema.safeParse(value).success, kind === kindOf(value), kind)
    }),
  )
})

test('schemas: every error in a value is found in one pass, each with its path, unknown keys last', () => {
  const schema = s.strictObject({
    name: s.string().min(2).max(3).regex(/^a/, 'a word with a'),
    list: s.array(s.strictObject({ size: s.int().min(1) })).max(1),
    mode: s.enum(['on', 'off']),
  })
  assert.deepEqual(
    codesOf(schema, { name: 'bbbb', list: [{ size: 0 }, { size: 1.5 }], mode: 'of', more: 1 }),
    [
      ['out_of_bounds', 'name'],
      ['wrong_characters', 'name'],
      ['out_of_bounds', 'list.0.size'],
      ['wrong_type', 'list.1.size'],
      ['not_in_list', 'mode'],
      ['unknown_keys', ''],
    ],
  )
  assert.deepEqual(codesOf(schema, {}), [
    ['wrong_type', 'name'],
    ['wrong_type', 'list'],
    ['not_in_list', 'mode'],
  ])
})

test('schemas: the valid parts of an invalid value are kept in place', () => {
  const schema = s.strictObject({
    name: s.string(),
    list: s.array(s.strictObject({ size: s.int(), on: s.boolean().default(true) })),
    mode: s.enum(['on', 'off']).optional(),
    words: s.record(s.string(), s.string()).default({ a: 'b' }),
  })
  const outcome = schema.safeParse({ name: 'ok', list: [{ size: 1 }, { size: 'x' }, 3], mode: 'of', more: 1 })
  assert.ok(!outcome.success)
  assert.deepEqual(outcome.partial, {
    name: 'ok',
    list: [{ size: 1, on: true }, { size: undefined, on: true }, undefined],
    mode: undefined,
    words: { a: 'b' },
  })
})

test('schemas: a rule on the whole runs if a value is out of range, and not if one has the wrong type', () => {
  const schema = s
    .strictObject({ small: s.int().max(9), large: s.int() })
    .check(({ small, large }) =>
      small > large ? { path: ['small'], problem: 'p', expected: 'e', fix: 'f' } : undefined,
    )
  assert.deepEqual(codesOf(schema, { small: 10, large: 1 }), [
    ['out_of_bounds', 'small'],
    ['check', 'small'],
  ])
  assert.deepEqual(codesOf(schema, { small: '10', large: 1 }), [['wrong_type', 'small']])
  assert.deepEqual(codesOf(schema, { small: 2, large: 1, other: 1 }), [['unknown_keys', '']])
})

test('schemas: inherited properties are not settings, and __proto__ is not a key of a record', () => {
  const schema = s.strictObject({ toString: s.string().optional() })
  assert.deepEqual({ ...(schema.parse({}) as object) }, {})
  assert.deepEqual(codesOf(s.strictObject({}), JSON.parse('{ "constructor": 1, "__proto__": 1 }')), [
    ['unknown_keys', ''],
  ])
  const read = s
    .record(s.string(), s.unknown())
    .parse(JSON.parse('{ "__proto__": { "admin": true }, "a": 1 }'))
  assert.deepEqual(read, { a: 1 })
  assert.equal((read as { admin?: boolean }).admin, undefined)
})

test('schemas: an omitted value is its default, and no two configurations share one', () => {
  const schema = s.strictObject({
    list: s.array(s.string()).default([]),
    inner: s.strictObject({ on: s.boolean().default(true) }).default({}),
    maybe: s.string().optional(),
  })
  const [one, two] = [schema.parse({}), schema.parse({ inner: undefined })]
  const { list } = one
  assert.deepEqual(one, { list: [], inner: { on: true } })
  assert.deepEqual(two, one)
  list.push('mine')
  assert.deepEqual(two.list, [])
  assert.deepEqual(codesOf(schema, { list: null, inner: null, maybe: null }), [
    ['wrong_type', 'list'],
    ['wrong_type', 'inner'],
    ['wrong_type', 'maybe'],
  ])
})

test('schemas: in a union, the type decides which errors are reported', () => {
  const schema = s.strictObject({
    text: s.union([s.string().max(2), s.record(s.string().max(2), s.string())]),
  })
  assert.deepEqual(codesOf(schema, { text: 'abc' }), [['out_of_bounds', 'text']])
  assert.deepEqual(codesOf(schema, { text: { en: 'fine' } }), [])
  assert.deepEqual(codesOf(schema, { text: { long: 'fine' } }), [['out_of_bounds', 'text.long']])
  assert.deepEqual(codesOf(schema, { text: 7 }), [['wrong_type', 'text']])
  const names = s.union([s.array(s.string()), s.enum(['any'])])
  assert.deepEqual(codesOf(names, ['a', 7]), [['wrong_type', '1']])
  assert.deepEqual(codesOf(names, 'all'), [['not_in_list', '']])
})

test('schemas: limits belong to what they limit: strings, lists and numbers', () => {
  const between = (least: number, most: number) => ({
    text: (size: number) => codesOf(s.string().min(least).max(most), 'x'.repeat(size)).length === 0,
    list: (size: number) =>
      codesOf(s.array(s.unknown()).min(least).max(most), Array(size).fill(1)).length === 0,
    number: (size: number) => codesOf(s.int().min(least).max(most), size).length === 0,
  })
  const small = fc.nat({ max: 20 })
  fc.assert(
    fc.property(small, small, small, (least, most, size) => {
      const fits = least <= size && size <= most
      for (const [kind, takes] of Object.entries(between(least, most))) assert.equal(takes(size), fits, kind)
    }),
  )
})

test('schemas: a number is an integer that a double can represent exactly', () => {
  for (const value of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0, -1, 1e3])
    assert.deepEqual(codesOf(s.int(), value), [], String(value))
  for (const value of [
    Number.MAX_SAFE_INTEGER + 1,
    Infinity,
    -Infinity,
    Number.NaN,
    0.5,
    '1',
    1n,
    true,
    null,
  ])
    assert.deepEqual(codesOf(s.int(), value), [['wrong_type', '']], String(value))
})

test('schemas: a pattern must match the whole string, from the start each time', () => {
  const schema = s.string().regex(/^[a-c]+$/, 'letters from a to c')
  for (const value of ['abc', 'abc', 'a', 'abc']) assert.deepEqual(codesOf(schema, value), [])
  for (const value of ['abcd', '', 'a b', 'abc\nd']) {
    assert.deepEqual(codesOf(schema, value), [['wrong_characters', '']], value)
  }
})

test('schemas: code is checked only by its test, and has no JSON Schema', () => {
  const schema = s.custom<() => void>(value => typeof value === 'function', { expected: 'e', fix: 'f' })
  const act = () => undefined
  assert.equal(schema.parse(act), act)
  assert.deepEqual(codesOf(schema, 'act'), [['check', '']])
  assert.throws(() => schema.jsonSchema(), /no JSON Schema/)
})

test('schemas: an object omits, refuses or reads unknown keys', () => {
  const given = { a: 'x', 'a#fr': 'y', b: 1 }
  assert.deepEqual(s.object({ a: s.string() }).parse(given), { a: 'x' })
  assert.deepEqual(codesOf(s.strictObject({ a: s.string() }), given), [['unknown_keys', '']])
  const named = s.strictObject({ a: s.string() }).withOthers({
    schemaOf: key => (key.startsWith('a#') ? s.string() : undefined),
    patterns: { '^a#': { type: 'string' } },
  })
  assert.deepEqual(issuesOf(named as never, given), [{ code: 'unknown_keys', keys: ['b'], path: [] }])
  assert.deepEqual(named.parse({ a: 'x', 'a#fr': 'y' }), { a: 'x', 'a#fr': 'y' })
  assert.deepEqual(codesOf(named, { a: 'x', 'a#fr': 1 }), [['wrong_type', 'a#fr']])
  assert.deepEqual(named.jsonSchema().patternProperties, { '^a#': { type: 'string' } })
})

test('schemas: an invalid value of our own is a bug', () => {
  assert.throws(() => s.strictObject({ a: s.int() }).parse({ a: 'x' }), /does not fit.*wrong_type/)
})

test('schemas: fields can be used again, and describe leaves the schema that it starts from as it was', () => {
  const schema = s.strictObject({ a: s.string(), b: s.int().default(1) }).describe('first')
  const other = s.strictObject({ b: schema.fields.b, c: s.boolean() }).describe('second')
  assert.deepEqual(other.parse({ c: true }), { b: 1, c: true })
  assert.deepEqual(codesOf(other, { a: 'x', c: true }), [['unknown_keys', '']])
  assert.deepEqual(schema.parse({ a: 'x' }), { a: 'x', b: 1 })
  const renamed = schema.describe('third')
  assert.deepEqual([schema.description, other.description, renamed.description], ['first', 'second', 'third'])
})

test('schemas: the JSON Schema has limits, patterns, defaults, required keys and additionalProperties', () => {
  const schema = s.strictObject({
    id: s.string().min(1).max(9).regex(/^\d+$/, 'digits').describe('Its id.'),
    ports: s.array(s.int().min(1).max(65_535)).min(1).default([80]),
    words: s.record(s.string(), s.string()).optional(),
  })
  assert.deepEqual(schema.jsonSchema(), {
    type: 'object',
    properties: {
      id: { type: 'string', minLength: 1, maxLength: 9, pattern: '^\\d+$', description: 'Its id.' },
      ports: {
        type: 'array',
        items: { type: 'integer', minimum: 1, maximum: 65_535 },
        minItems: 1,
        default: [80],
      },
      words: { type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'string' } },
    },
    required: ['id'],
    additionalProperties: false,
  })
})
