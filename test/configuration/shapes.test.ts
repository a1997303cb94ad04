/** The shapes that a configuration is read by: what they take, what they answer and what they say is wrong. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as z from '../../packages/server/src/configuration/shape/shapes.ts'

const issuesOf = (shape: z.Shape<never, never>, value: unknown) => {
  const outcome = shape.safeParse(value)
  return outcome.success ? [] : outcome.issues
}
const codesOf = (shape: unknown, value: unknown) =>
  issuesOf(shape as z.Shape<never, never>, value).map(({ code, path }) => [code, path.join('.')])

test('shapes: any JSON fits "json" as it is, and nothing else does', () => {
  fc.assert(fc.property(fc.jsonValue(), value => assert.deepEqual(z.json().parse(value), value)))
  for (const value of [undefined, Number.NaN, new Map(), { inner: [() => 1] }, Symbol('no'), 1n])
    assert.deepEqual(codesOf(z.json(), value), [['none_fits', '']])
})

test('shapes: a value has one of the kinds that it fits, whatever it is', () => {
  const kinds: Readonly<
    Record<string, z.AnyShape & { safeParse: (value: unknown) => { success: boolean } }>
  > = {
    string: z.string(),
    number: z.int(),
    boolean: z.boolean(),
    array: z.array(z.unknown()),
    object: z.record(z.string(), z.unknown()),
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
      for (const [kind, shape] of Object.entries(kinds))
        assert.equal(shape.safeParse(value).success, kind === kindOf(value), kind)
    }),
  )
})

test('shapes: every fault of a value is found at once, each at its place, unknown keys last', () => {
  const shape = z.strictObject({
    name: z.string().min(2).max(3).regex(/^a/, 'a word with a'),
    list: z.array(z.strictObject({ size: z.int().min(1) })).max(1),
    mode: z.enum(['on', 'off']),
  })
  assert.deepEqual(
    codesOf(shape, { name: 'bbbb', list: [{ size: 0 }, { size: 1.5 }], mode: 'of', more: 1 }),
    [
      ['out_of_bounds', 'name'],
      ['wrong_characters', 'name'],
      ['out_of_bounds', 'list.0.size'],
      ['wrong_type', 'list.1.size'],
      ['not_in_list', 'mode'],
      ['unknown_keys', ''],
    ],
  )
  assert.deepEqual(codesOf(shape, {}), [
    ['wrong_type', 'name'],
    ['wrong_type', 'list'],
    ['not_in_list', 'mode'],
  ])
})

test('shapes: a rule of the whole runs beside a value out of bounds, and not beside one of the wrong type', () => {
  const shape = z
    .strictObject({ small: z.int().max(9), large: z.int() })
    .check(({ small, large }, reading) => {
      if (small > large) z.add(reading, { code: 'rule', problem: 'p', expected: 'e', fix: 'f' }, ['small'])
    })
  assert.deepEqual(codesOf(shape, { small: 10, large: 1 }), [
    ['out_of_bounds', 'small'],
    ['rule', 'small'],
  ])
  assert.deepEqual(codesOf(shape, { small: '10', large: 1 }), [['wrong_type', 'small']])
  assert.deepEqual(codesOf(shape, { small: 2, large: 1, other: 1 }), [['unknown_keys', '']])
})

test('shapes: what every object inherits is no setting, and __proto__ is no key of a record', () => {
  const shape = z.strictObject({ toString: z.string().optional() })
  assert.deepEqual({ ...(shape.parse({}) as object) }, {})
  assert.deepEqual(codesOf(z.strictObject({}), JSON.parse('{ "constructor": 1, "__proto__": 1 }')), [
    ['unknown_keys', ''],
  ])
  const read = z
    .record(z.string(), z.unknown())
    .parse(JSON.parse('{ "__proto__": { "admin": true }, "a": 1 }'))
  assert.deepEqual(read, { a: 1 })
  assert.equal((read as { admin?: boolean }).admin, undefined)
})

test('shapes: omitted, a value is its default, and no two configurations share one', () => {
  const shape = z.strictObject({
    list: z.array(z.string()).default([]),
    inner: z.strictObject({ on: z.boolean().default(true) }).prefault({}),
    maybe: z.string().optional(),
  })
  const [one, two] = [shape.parse({}), shape.parse({ inner: undefined })]
  const { list } = one
  assert.deepEqual(one, { list: [], inner: { on: true } })
  assert.deepEqual(two, one)
  list.push('mine')
  assert.deepEqual(two.list, [])
  assert.deepEqual(codesOf(shape, { list: null, inner: null, maybe: null }), [
    ['wrong_type', 'list'],
    ['wrong_type', 'inner'],
    ['wrong_type', 'maybe'],
  ])
})

test('shapes: of a union the type decides which faults are told', () => {
  const shape = z.strictObject({
    text: z.union([z.string().max(2), z.record(z.string().max(2), z.string())]),
  })
  assert.deepEqual(codesOf(shape, { text: 'abc' }), [['out_of_bounds', 'text']])
  assert.deepEqual(codesOf(shape, { text: { en: 'fine' } }), [])
  assert.deepEqual(codesOf(shape, { text: { long: 'fine' } }), [['out_of_bounds', 'text.long']])
  assert.deepEqual(codesOf(shape, { text: 7 }), [['none_fits', 'text']])
  const names = z.union([z.array(z.string()), z.enum(['any'])])
  assert.deepEqual(codesOf(names, ['a', 7]), [['wrong_type', '1']])
  assert.deepEqual(codesOf(names, 'all'), [['not_in_list', '']])
})

test('shapes: bounds are part of what they bound, in texts, lists and numbers', () => {
  const between = (least: number, most: number) => ({
    text: (size: number) => codesOf(z.string().min(least).max(most), 'x'.repeat(size)).length === 0,
    list: (size: number) =>
      codesOf(z.array(z.unknown()).min(least).max(most), Array(size).fill(1)).length === 0,
    number: (size: number) => codesOf(z.int().min(least).max(most), size).length === 0,
  })
  const small = fc.nat({ max: 20 })
  fc.assert(
    fc.property(small, small, small, (least, most, size) => {
      const fits = least <= size && size <= most
      for (const [kind, takes] of Object.entries(between(least, most))) assert.equal(takes(size), fits, kind)
    }),
  )
})

test('shapes: a number is whole and one that a double holds', () => {
  for (const value of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0, -1, 1e3])
    assert.deepEqual(codesOf(z.int(), value), [], String(value))
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
    assert.deepEqual(codesOf(z.int(), value), [['wrong_type', '']], String(value))
})

test('shapes: text is whole text: a pattern is looked for from the start each time', () => {
  const shape = z.string().regex(/^[a-c]+$/, 'letters from a to c')
  for (const value of ['abc', 'abc', 'a', 'abc']) assert.deepEqual(codesOf(shape, value), [])
  for (const value of ['abcd', '', 'a b', 'abc\nd']) {
    assert.deepEqual(codesOf(shape, value), [['wrong_characters', '']], value)
  }
})

test('shapes: code is held to its test alone, and has no JSON Schema', () => {
  const shape = z.custom<() => void>(value => typeof value === 'function', { expected: 'e', fix: 'f' })
  const act = () => undefined
  assert.equal(shape.parse(act), act)
  assert.deepEqual(codesOf(shape, 'act'), [['rule', '']])
  assert.throws(() => shape.jsonSchema(), /no JSON Schema/)
})

test('shapes: of others than its own keys an object leaves out, refuses, or reads those that it can name', () => {
  const given = { a: 'x', 'a#fr': 'y', b: 1 }
  assert.deepEqual(z.object({ a: z.string() }).parse(given), { a: 'x' })
  assert.deepEqual(codesOf(z.strictObject({ a: z.string() }), given), [['unknown_keys', '']])
  const named = z.strictObject({ a: z.string() }).withOthers({
    shapeOf: key => (key.startsWith('a#') ? z.string() : undefined),
    patterns: { '^a#': { type: 'string' } },
  })
  assert.deepEqual(issuesOf(named as never, given), [{ code: 'unknown_keys', keys: ['b'], path: [] }])
  assert.deepEqual(named.parse({ a: 'x', 'a#fr': 'y' }), { a: 'x', 'a#fr': 'y' })
  assert.deepEqual(codesOf(named, { a: 'x', 'a#fr': 1 }), [['wrong_type', 'a#fr']])
  assert.deepEqual(named.jsonSchema().patternProperties, { '^a#': { type: 'string' } })
})

test('shapes: a value of our own that does not fit is a bug', () => {
  assert.throws(() => z.strictObject({ a: z.int() }).parse({ a: 'x' }), /does not fit.*wrong_type/)
})

test('shapes: pick, extend and describe leave the shape that they start from as it was', () => {
  const shape = z.strictObject({ a: z.string(), b: z.int().default(1) }).describe('first')
  const other = shape.pick({ b: true }).extend({ c: z.boolean() }).describe('second')
  assert.deepEqual(other.parse({ c: true }), { b: 1, c: true })
  assert.deepEqual(codesOf(other, { a: 'x', c: true }), [['unknown_keys', '']])
  assert.deepEqual(shape.parse({ a: 'x' }), { a: 'x', b: 1 })
  assert.deepEqual([shape.description, other.description], ['first', 'second'])
})

test('shapes: the JSON Schema says bounds, patterns, defaults, what is required and that no other key may stand', () => {
  const shape = z.strictObject({
    id: z.string().min(1).max(9).regex(/^\d+$/, 'digits').describe('Its id.'),
    ports: z.array(z.int().min(1).max(65_535)).min(1).default([80]),
    words: z.record(z.string(), z.string()).optional(),
  })
  assert.deepEqual(shape.jsonSchema(), {
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
