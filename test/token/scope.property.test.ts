import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatScope, isScopeToken, isWithin, parseScope } from '@tessera/protocol/scope'
import fc from 'fast-check'
import {
  validateScope,
  validateScopes,
} from '../../packages/server/src/authorization-request/requested-scope.ts'
import type { Client } from '../../packages/server/src/model/client.ts'
import type { ScopeKind } from '../../packages/server/src/model/resource.ts'

const scopeName = fc
  .string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map(code => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 12,
  })
  .filter(isScopeToken)

test('scope: parsing sorts and removes duplicates, and formatting is its inverse', () => {
  for (const text of ['a a b', 'a b b', ' a  b a '] as const) assert.deepEqual(parseScope(text), ['a', 'b'])
  fc.assert(
    fc.property(fc.array(scopeName, { minLength: 1, maxLength: 20 }), names => {
      const parsed = parseScope(names.join(' '))
      assert.deepEqual(parsed, [...new Set(names)].sort())
      assert.deepEqual(parseScope(formatScope(parsed ?? [])), parsed)
    }),
  )
})

test('scope: any number of spaces separates names, and the order of names does not matter', () => {
  const gap = fc.string({ unit: fc.constant(' '), minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(
      fc.array(scopeName, { minLength: 1, maxLength: 5 }),
      gap,
      fc.boolean(),
      (names, space, sorted) => {
        const listed = sorted ? [...new Set(names)].sort() : names
        assert.deepEqual(parseScope(space + listed.join(space) + space), [...new Set(names)].sort())
        assert.equal(parseScope(space), undefined)
      },
    ),
  )
  assert.equal(parseScope(''), undefined)
})

test('scope: text with any character outside RFC 6749 §3.3 is malformed', () => {
  fc.assert(
    fc.property(scopeName, fc.constantFrom('"', '\\', '\t', '\n', 'é', '\u0000', '\u007F'), (name, bad) => {
      assert.equal(parseScope(`ok ${name}${bad}`), undefined)
    }),
  )
})

const names = ['api1', 'api2', 'openid', 'profile', 'offline_access', 'nobody']
const some = fc.subarray(names)
const resources = {
  identity: new Map(['openid', 'profile'].map(name => [name, { name, claims: [] }])),
  apiScopes: new Map(['api1', 'api2'].map(name => [name, { name, claims: [] }])),
  apis: new Map(),
}

test('scope: every granted scope was requested, is allowed and registered, and has a kind that the grant accepts', () => {
  fc.assert(
    fc.property(
      fc.option(
        some.filter(list => list.length > 0),
        { nil: undefined },
      ),
      some,
      fc.subarray<ScopeKind>(['api', 'identity', 'offline_access']),
      fc.boolean(),
      (requested, allowed, kinds, refreshes) => {
        const client = {
          scope: new Set(allowed),
          grant_types: new Set(refreshes ? ['refresh_token'] : []),
        } as unknown as Client
        const rules = { client, resources, kinds: new Set(kinds) }
        const granted = requested
          ? validateScopes([...requested].sort(), rules)
          : validateScope(undefined, rules)
        if (!granted.ok) return assert.equal(granted.error, 'invalid_scope')
        const { scope } = granted.value
        assert.ok(scope.length > 0)
        assert.ok(isWithin(scope, allowed))
        if (requested) assert.deepEqual(new Set(scope), new Set(requested))
        assert.ok(!scope.includes('nobody'))
        if (scope.includes('offline_access')) assert.ok(refreshes && kinds.includes('offline_access'))
        if (scope.some(name => name.startsWith('api'))) assert.ok(kinds.includes('api'))
      },
    ),
  )
})
