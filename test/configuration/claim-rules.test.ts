/** Claim rules, groups and roles in a configuration: what is refused, and how it is read. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimRuleSchema } from '../../packages/server/src/configuration/schema/claim-rule.ts'
import { readText } from '../support/repository.ts'
import { assertErrors, errorsOf, parsed, spa, withClient } from './errors.ts'

const scopeWith = (...claims: readonly unknown[]) => ({ identity_resources: [{ name: 'x', claims }] })
const at = 'identity_resources[0].claims[0]'

const refused: readonly (readonly [
  title: string,
  entry: unknown,
  path: string,
  problem: RegExp,
  fix?: RegExp,
  nearest?: string,
])[] = [
  ['a number instead of an entry', 7, at, /it is a number/, /a string or an object/],
  ['an empty name', '', at, /it is empty/],
  ['a rule without a claim', { from: 'a' }, `${at}.claim`, /it is missing/],
  ['a claim that is a number', { claim: 7, value: 1 }, `${at}.claim`, /it is a number/, /a string or a list/],
  ['an empty path', { claim: [], value: 1 }, `${at}.claim`, /it is empty/],
  ['a path of six names', { claim: [...'abcdef'], value: 1 }, `${at}.claim`, /too long/],
  ['a misspelt key', { claim: 'a', form: 'b' }, `${at}.form`, /not a known key/, /"from"/, 'from'],
  [
    'another misspelt key',
    { claim: 'a', value: 1, if_groups: 'b' },
    `${at}.if_groups`,
    /known/,
    /_group"/,
    'if_group',
  ],
  ['neither from nor value', { claim: 'a' }, at, /gives no value/, /add "from"/],
  ['from and value', { claim: 'a', from: 'b', value: 1 }, at, /"from" and "value"/, /remove one/],
  [
    'a registered claim',
    { claim: 'aud', value: 'x' },
    `${at}.claim`,
    /only this server may set "aud"/,
    /another/,
  ],
  ['a member of a registered claim', { claim: ['cnf', 'x'], value: 1 }, `${at}.claim`, /may set "cnf"/],
  ['a tenant', { claim: 'tenant', value: 'x' }, `${at}.claim`, /may set "tenant"/],
  ['the sub as source', { claim: 'uid', from: 'sub' }, `${at}.from`, /not a claim of the user/],
  ['the sign-in as source', { claim: 'x', from: ['amr'] }, `${at}.from`, /not a claim of the user/],
  ['a name that no object has', { claim: '__proto__', value: 1 }, `${at}.claim`, /no claim can have/],
  ['null as value', { claim: 'a', value: null }, `${at}.value`, /it is null/, /remove the rule/],
  ['a large value', { claim: 'a', value: 'x'.repeat(5000) }, `${at}.value`, /too large/],
  ['a large map', { claim: 'a', from: 'b', map: { c: 'x'.repeat(5000) } }, `${at}.map`, /too large/],
  ['a map beside a value', { claim: 'a', value: 1, map: {} }, `${at}.map`, /fixed value/, /remove "map"/],
  ['a list that is a text', { claim: 'a', from: 'b', list: 'yes' }, `${at}.list`, /it is a string/],
  ['no group', { claim: 'a', from: 'b', if_group: [] }, `${at}.if_group`, /it is empty/],
]

for (const [title, entry, path, problem, fix, nearest] of refused)
  test(`configuration: a claim rule with ${title} is refused`, () => {
    const [list, key] = [/\[0\]\.claims\[0\]/, '[0].claims[0]']
    assert.match(path, list)
    assert.ok(path.includes(key))
    assertErrors(scopeWith(entry), [{ path, problem, ...(fix && { fix }), ...(nearest && { nearest }) }])
  })

test('configuration: a rule after one that gives the same claim to every user is refused', () => {
  const viewer = { claim: 'role', value: 'Viewer' }
  const admin = { claim: 'role', value: 'Admin', if_role: 'admin' }
  assert.deepEqual(errorsOf(scopeWith(admin, viewer)), [])
  assertErrors(scopeWith(viewer, admin), [
    { path: 'identity_resources[0].claims[1]', problem: /no effect/, fix: /move it before/ },
  ])
  assertErrors(scopeWith(viewer, { claim: ['role', 'name'], value: 1 }), [
    { path: 'identity_resources[0].claims[1]', problem: /no effect/ },
  ])
  const all = { claim: 'groups', value: ['all'] }
  assert.deepEqual(errorsOf(scopeWith(all, { claim: 'groups', from: 'groups' })), [])
})

test('configuration: scopes, APIs and clients have claim rules, and a client only rules', () => {
  const rule = { claim: 'r', from: 'roles' }
  const { configuration } = parsed({
    identity_resources: [{ name: 'i', claims: ['a', rule] }],
    api_scopes: [{ name: 's', claims: [rule] }],
    api_resources: [{ name: 'urn:a', scopes: ['s'], claims: [rule] }],
    clients: [{ ...spa, user_claims: [{ ...rule, if_group: 'g' }] }],
  })
  const read = { claim: ['r'], from: ['roles'], list: false }
  assert.deepEqual(configuration.resources.identity.get('i')?.claims, ['a', read])
  assert.deepEqual(configuration.resources.apiScopes.get('s')?.claims, [read])
  assert.deepEqual(configuration.resources.apis.get('urn:a')?.claims, [read])
  assert.deepEqual([...configuration.clients.all()][0]?.user_claims, [{ ...read, if_group: ['g'] }])
  assertErrors(withClient({ ...spa, user_claims: ['role'] }), [
    { path: 'clients[0].user_claims[0]', problem: /it is a string/ },
  ])
})

test('configuration: groups and roles of a user become claims, each name once', () => {
  const user = { sub: 'u', username: 'u' }
  const { configuration } = parsed({
    users: [
      { ...user, groups: ['a', 'b', 'a'], roles: ['r'], claims: { x: 1 } },
      { ...user, sub: 'v', username: 'v' },
    ],
  })
  assert.deepEqual(configuration.users[0]?.claims, { x: 1, groups: ['a', 'b'], roles: ['r'] })
  assert.deepEqual(configuration.users[1]?.claims, {})
})

test('configuration: groups and roles that are no names, too many, or claims too are refused', () => {
  const withUser = (more: object) => ({ users: [{ sub: 'u', username: 'u', ...more }] })
  for (const name of ['', ' a', 'a\nb', 'x'.repeat(201)])
    assertErrors(withUser({ groups: [name] }), [{ path: 'users[0].groups[0]', problem: /not the name/ }])
  assert.deepEqual(errorsOf(withUser({ groups: ['x'.repeat(200)] })), [])
  assertErrors(withUser({ roles: 'admin' }), [
    { path: 'users[0].roles', problem: /a string/, fix: /brackets/ },
  ])
  assertErrors(withUser({ roles: Array.from({ length: 201 }, (_, index) => `r${index}`) }), [
    { path: 'users[0].roles', problem: /too long/ },
  ])
  assertErrors(withUser({ groups: ['a'], claims: { groups: ['b'] } }), [
    {
      path: 'users[0].groups',
      problem: /claims contain "groups" too/,
      fix: /remove "groups" from the claims/,
    },
  ])
})

test('configuration: each rule in the guide is valid', () => {
  const guide = readText('docs/guides/claims.md')
  const rules = [...guide.matchAll(/\{ "claim": (?:[^{}]|\{[^{}]*\})*\}/g)].map(([text]) => text)
  assert.ok(rules.length >= 12, `${rules.length} rules were found`)
  for (const text of rules) assert.ok(claimRuleSchema.safeParse(JSON.parse(text)).success, text)
})
