/** The claims that a rule gives, by its keys. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  applyEntries,
  type ClaimEntry,
  entriesFor,
  sourceNames,
} from '../../packages/server/src/model/claim-rule.ts'

const user = {
  name: 'Zoë',
  groups: ['app-dev', 'app-ops', 'staff'],
  roles: ['admin'],
  address: { country: 'FR' },
  level: 3,
  nothing: null,
  empty: [],
}

const cases: readonly (readonly [title: string, entries: readonly ClaimEntry[], claims: object])[] = [
  ['a claim is renamed', [{ claim: ['upn'], from: ['name'] }], { upn: 'Zoë' }],
  ['a member of an object is read', [{ claim: ['c'], from: ['address', 'country'] }], { c: 'FR' }],
  ['a member is written into an object', [{ claim: ['a', 'b'], from: ['roles'] }], { a: { b: ['admin'] } }],
  ['a list with one value stays a list', [{ claim: ['r'], from: ['roles'] }], { r: ['admin'] }],
  ['a single value becomes a list', [{ claim: ['n'], from: ['level'], list: true }], { n: [3] }],
  ['a fixed value becomes a list', [{ claim: ['n'], value: 'x', list: true }], { n: ['x'] }],
  ['a missing claim stays missing', [{ claim: ['n'], from: ['missing'], list: true }], {}],
  ['a member of a text stays missing', [{ claim: ['n'], from: ['name', 'length'] }], {}],
  ['an inherited member stays missing', [{ claim: ['n'], from: ['constructor'] }], {}],
  ['null stays missing', [{ claim: ['n'], from: ['nothing'] }], {}],
  ['an empty list stays missing', [{ claim: ['n'], from: ['empty'], list: true }], {}],
  ['a fixed value can be an empty list', [{ claim: ['n'], value: [] }], { n: [] }],
  ['a fixed value can be false', [{ claim: ['n'], value: false }], { n: false }],
  ['values are filtered', [{ claim: ['g'], from: ['groups'], starts_with: 'st' }], { g: ['staff'] }],
  [
    'a prefix is filtered and removed',
    [{ claim: ['g'], from: ['groups'], starts_with: 'app-', remove_prefix: 'app-' }],
    { g: ['dev', 'ops'] },
  ],
  [
    'a prefix is removed where it is',
    [{ claim: ['g'], from: ['groups'], remove_prefix: 'app-' }],
    { g: ['dev', 'ops', 'staff'] },
  ],
  [
    'a value that is only the prefix is left out',
    [{ claim: ['g'], from: ['roles'], remove_prefix: 'admin' }],
    {},
  ],
  ['a prefix is added', [{ claim: ['g'], from: ['roles'], add_prefix: 'ROLE_' }], { g: ['ROLE_admin'] }],
  [
    'a prefix is added to a single value',
    [{ claim: ['g'], from: ['name'], add_prefix: 'u:' }],
    { g: 'u:Zoë' },
  ],
  ['a number becomes a text', [{ claim: ['g'], from: ['level'], add_prefix: 'l' }], { g: 'l3' }],
  ['an object has no text', [{ claim: ['g'], from: ['address'], add_prefix: 'l' }], {}],
  [
    'values are mapped, each once, and others left out',
    [{ claim: ['p'], from: ['groups'], map: { 'app-dev': ['r'], 'app-ops': ['r', 'w'] } }],
    { p: ['r', 'w'] },
  ],
  ['a single value is mapped', [{ claim: ['p'], from: ['level'], map: { 3: 'high' } }], { p: 'high' }],
  ['a map has no inherited members', [{ claim: ['p'], from: ['name'], map: {}, add_prefix: 'x' }], {}],
  [
    'a prefix is removed before and added after mapping',
    [{ claim: ['p'], from: ['groups'], remove_prefix: 'app-', map: { dev: 'd' }, add_prefix: 'x-' }],
    { p: ['x-d'] },
  ],
  ['a rule applies to a role', [{ claim: ['x'], value: true, if_role: ['other', 'admin'] }], { x: true }],
  ['a rule does not apply without the role', [{ claim: ['x'], value: true, if_role: ['other'] }], {}],
  ['a rule does not apply without the group', [{ claim: ['x'], value: true, if_group: ['admin'] }], {}],
  ['both conditions must hold', [{ claim: ['x'], value: 1, if_role: ['admin'], if_group: ['none'] }], {}],
  [
    'the first rule with a value wins',
    [
      { claim: ['role'], value: 'Owner', if_role: ['owner'] },
      { claim: ['role'], value: 'Admin', if_role: ['admin'] },
      { claim: ['role'], value: 'Viewer' },
    ],
    { role: 'Admin' },
  ],
  [
    'lists are joined, each value once',
    ['roles', { claim: ['roles'], from: ['groups'] }, { claim: ['roles'], value: ['admin', 'all'] }],
    { roles: ['admin', 'app-dev', 'app-ops', 'staff', 'all'] },
  ],
  [
    'members are added to an object of the user',
    ['address', { claim: ['address', 'planet'], value: 'Earth' }],
    { address: { country: 'FR', planet: 'Earth' } },
  ],
  ['no member is added to a text', ['name', { claim: ['name', 'x'], value: 1 }], { name: 'Zoë' }],
  ['a name can contain dots', [{ claim: ['https://a.example/r'], value: 1 }], { 'https://a.example/r': 1 }],
  [
    'a claim that only a rule reads is left out',
    ['name', { claim: ['r'], from: ['roles'] }],
    { name: 'Zoë', r: ['admin'] },
  ],
]

for (const [title, entries, claims] of cases)
  test(`claim rules: ${title}`, () => {
    const names = sourceNames(entries)
    const known = Object.fromEntries(Object.entries(user).filter(([name]) => names.includes(name)))
    const before = JSON.stringify(known)
    assert.deepEqual(applyEntries(entries, known), claims)
    assert.equal(JSON.stringify(known), before, "the user's claims are unchanged")
  })

test('claim rules: what a hook returns besides the claims asked for is kept', () => {
  const entries: readonly ClaimEntry[] = ['name', { claim: ['r'], from: ['roles'] }]
  assert.deepEqual(applyEntries(entries, { name: 'Zoë', roles: ['a'], extra: 1 }), {
    extra: 1,
    name: 'Zoë',
    r: ['a'],
  })
})

test("claim rules: a client's rules replace those of the same claim, and add none", () => {
  const entries: readonly ClaimEntry[] = ['name', { claim: ['roles'], from: ['groups'] }, 'roles']
  const own = { claim: ['roles'] as const, from: ['roles'] as const, add_prefix: 'x' }
  assert.deepEqual(entriesFor(entries, [own, { claim: ['other'], value: 1 }]), ['name', own])
  assert.equal(entriesFor(entries, []), entries)
})
