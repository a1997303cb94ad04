/** Any value at any key of a configuration is read or reported: `config check` never crashes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDiagnostic } from '../../packages/server/src/configuration/diagnostic.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { anyVariant, hostileValues, replacedAt, variants } from '../support/hostile.ts'
import { readText } from '../support/repository.ts'
import { tenantsWorld } from '../support/tenants.ts'
import { everythingOn } from './coverage.ts'

/** As `config check` does, including its output. */
function check(value: unknown, isModule: boolean, what: string): void {
  assert.doesNotThrow(() => {
    const outcome = parseConfiguration(value, { isModule, directory: '/nowhere', now: 1_790_000_000 })
    for (const one of outcome.ok ? outcome.warnings : outcome.errors) formatDiagnostic(one)
  }, what)
}

type Schema = {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

/** Every key of the schema, in the first entry of each list. */
function pathsOf({ properties = {}, items, anyOf = [] }: Schema): readonly (readonly (string | number)[])[] {
  const below = [
    ...Object.entries(properties).map(([key, schema]) => [key, schema] as const),
    ...(items ? [[0, items] as const] : []),
  ]
  return [
    ...below.flatMap(([key, schema]) => [[key], ...pathsOf(schema).map(path => [key, ...path])]),
    ...anyOf.flatMap(pathsOf),
  ]
}

const schema = JSON.parse(readText('docs/configuration.schema.json')) as Schema
/** With every feature and few entries, because each value is tried in a configuration of its own. */
const world = JSON.parse(
  JSON.stringify({
    ...everythingOn,
    clients: everythingOn.clients.slice(0, 2),
    tenants: tenantsWorld.tenants.slice(0, 1),
  }),
)

/** The value at this position, with the surrounding keys that it needs. */
function placedAt(document: any, [key, ...rest]: readonly (string | number)[], value: unknown): unknown {
  if (key === undefined) return value
  const around =
    typeof document === 'object' && document !== null ? document : typeof key === 'number' ? [] : {}
  return replacedAt(around, [key], placedAt(around[key], rest, value))
}

test('configuration: the one whose values are replaced is valid', () => {
  const outcome = parseConfiguration(world, { directory: '/nowhere', now: 1_790_000_000 })
  assert.ok(outcome.ok, JSON.stringify(outcome))
})

test('configuration: any JSON value at any key of the schema yields a configuration or errors', () => {
  const paths = [...new Map(pathsOf(schema).map(path => [path.join('.'), path])).values()]
  assert.ok(paths.length > 300, `only ${paths.length} keys were found`)
  const values = hostileValues()
  // Each key has every eleventh of the values, so that neighbouring keys cover all of them.
  for (const [index, path] of paths.entries())
    for (const [at, value] of values.entries())
      if ((at + index) % 11 === 0)
        check(placedAt(world, path, value), false, `${path.join('.')}: ${JSON.stringify(value).slice(0, 60)}`)
})

test('configuration: any JSON value at any place of a complete one, of data or of a module, yields a configuration or errors', () => {
  for (const [index, { what, value }] of [...variants(world, 13)].entries())
    check(value, index % 2 === 0, what)
  fc.assert(
    fc.property(anyVariant(world), fc.boolean(), (value, isModule) => check(value, isModule, 'a variant')),
    { numRuns: 100 },
  )
})

test('configuration: values that only a module can contain also yield errors', () => {
  const cycle: Record<string, unknown> = {}
  Object.assign(cycle, { one: cycle, others: [cycle, cycle] })
  // A few objects that unfold into 2^50 values.
  const graph = Array.from({ length: 50 }).reduce<unknown>(inner => ({ one: inner, other: inner }), 'x')
  const strange: readonly unknown[] = [
    Symbol('x'),
    10n,
    () => {},
    new Date(0),
    new Map(),
    Number.NaN,
    Object.create(null),
    Object.create({ issuer: 'https://id.example' }),
    new Array(2),
    new Proxy({}, {}),
    cycle,
    graph,
  ]
  // Claims of a user may be any JSON value.
  const [first, ...users] = world.users
  for (const value of strange)
    check({ ...world, users: [{ ...first, claims: { c: value } }, ...users] }, true, 'a claim')
  for (const key of [
    ...Object.keys(schema.properties ?? {}),
    'grants',
    'validators',
    'profile',
    'federation',
    'mfaPolicy',
    'consentPolicy',
    'previousRefreshToken',
    'storagePassword',
    'masterKey',
    'masterKeyPrevious',
  ])
    for (const value of strange)
      for (const whole of [value, [value], { [key]: value }]) check({ ...world, [key]: whole }, true, key)
})
