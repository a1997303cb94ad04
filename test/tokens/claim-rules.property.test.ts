/** Properties of all claim rules that a configuration accepts. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json, JsonObject } from '@tessera/protocol/result'
import fc from 'fast-check'
import { claimRuleSchema, ruleOf } from '../../packages/server/src/configuration/schema/claim-rule.ts'
import { applyEntries, claimNames, sourceNames } from '../../packages/server/src/model/claim-rule.ts'
import { reservedClaims } from '../../packages/server/src/model/user.ts'

const names = ['groups', 'roles', 'name', 'a', 'b', '__proto__', 'constructor', 'toString']
const someName = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...names) },
  { weight: 1, arbitrary: fc.constantFrom(...reservedClaims) },
)
const path = fc.oneof(someName, fc.array(someName, { minLength: 1, maxLength: 3 }))
const text = fc.constantFrom('a', 'ab', 'b', 'app-', 'app-a', '__proto__')
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined })
const json = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>

const conditions = {
  if_group: maybe(text),
  if_role: maybe(fc.array(text, { minLength: 1, maxLength: 2 })),
  list: maybe(fc.boolean()),
}
const draft = fc.oneof(
  fc.record({ claim: path, value: json, ...conditions }),
  fc.record({
    claim: path,
    from: path,
    starts_with: maybe(text),
    remove_prefix: maybe(text),
    add_prefix: maybe(text),
    map: maybe(fc.dictionary(text, json)),
    ...conditions,
  }),
)
const rules = fc.array(draft, { maxLength: 5 }).map(drafts =>
  drafts.flatMap(one => {
    const read = claimRuleSchema.safeParse(one)
    return read.success ? [ruleOf(read.value)] : []
  }),
)
const claims = fc.dictionary(someName, fc.oneof(json, fc.array(text)), {
  noNullPrototype: true,
}) as fc.Arbitrary<JsonObject>
const entries = fc.tuple(
  rules,
  fc.array(fc.constantFrom('groups', 'roles', 'name', 'a', '__proto__'), { maxLength: 2 }),
)

test('claim rules: whatever the rules and the user, no rule gives a claim that only this server may set', () => {
  let given = 0
  fc.assert(
    fc.property(rules, claims, (rules, known) => {
      const sources = sourceNames(rules)
      const read = Object.fromEntries(Object.entries(known).filter(([name]) => sources.includes(name)))
      const result = applyEntries(rules, read)
      const names = rules.length === 0 ? [] : Object.keys(result)
      given += names.length
      for (const name of names) assert.ok(!reservedClaims.has(name), name)
      assert.ok(
        names.every(name => claimNames(rules).includes(name)),
        JSON.stringify(result),
      )
    }),
    { numRuns: 2000 },
  )
  // About 120, by chance.
  assert.ok(given > 0)
})

test('claim rules: the result is JSON, changes nothing of the user, and pollutes no prototype', () => {
  fc.assert(
    fc.property(entries, claims, ([rules, names], known) => {
      const before = JSON.stringify(known)
      const result = applyEntries([...names, ...rules], known)
      assert.equal(JSON.stringify(JSON.parse(JSON.stringify(result))), JSON.stringify(result))
      assert.equal(JSON.stringify(known), before)
      assert.equal(Object.getPrototypeOf(result), Object.prototype)
      assert.equal(Object.keys(Object.prototype).length, 0)
      for (const rule of rules) {
        const value = rule.claim.reduce<any>(
          (at, name) => (Object.hasOwn(Object(at), name) ? at[name] : undefined),
          result,
        )
        if (rule.list && value !== undefined && rules.length === 1 && names.length === 0)
          assert.ok(Array.isArray(value), JSON.stringify([rule, result]))
      }
    }),
    { numRuns: 2000 },
  )
})
