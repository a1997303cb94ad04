/** Rotation as a table of times, and rules that hold at any time. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  defaultPolicy,
  type KeyTimes,
  planRotation,
  policyFor,
  signingKeyOf,
} from '../../packages/server/src/keys/rotation.ts'
import { day } from './keys.ts'

const key = (kid: string, created: number, active: number): KeyTimes => ({
  ...{ kid, alg: 'ES256' },
  created_at: created * day,
  active_from: active * day,
})

/** Days; the policy is 90 to rotate, 14 to announce, 14 to retain. */
const table: readonly {
  readonly when: string
  readonly keys: readonly KeyTimes[]
  readonly at: number
  readonly signs?: string
  readonly adds?: number
  readonly removes?: readonly string[]
}[] = [
  { when: 'nothing is stored: a key that signs at once', keys: [], at: 100, adds: 100 },
  { when: 'a key is young: nothing', keys: [key('a', 0, 0)], at: 75, signs: 'a' },
  {
    when: '14 days before its end: one that takes over then',
    keys: [key('a', 0, 0)],
    at: 76,
    signs: 'a',
    adds: 90,
  },
  {
    when: 'its end is nearer: the next is announced in full',
    keys: [key('a', 0, 0)],
    at: 80,
    signs: 'a',
    adds: 94,
  },
  {
    when: 'the server slept for a year: the old one signs on',
    keys: [key('a', 0, 0)],
    at: 365,
    signs: 'a',
    adds: 379,
  },
  { when: 'the next is announced: nothing', keys: [key('a', 0, 0), key('b', 76, 90)], at: 89, signs: 'a' },
  { when: 'the next takes over', keys: [key('a', 0, 0), key('b', 76, 90)], at: 90, signs: 'b' },
  {
    when: 'the old may have signed what lives',
    keys: [key('a', 0, 0), key('b', 76, 90)],
    at: 103,
    signs: 'b',
  },
  {
    when: 'nothing that the old signed lives',
    keys: [key('a', 0, 0), key('b', 76, 90)],
    at: 104,
    signs: 'b',
    removes: ['a'],
  },
  {
    when: 'an urgent key overtakes an announced one, which is removed because it signed nothing',
    keys: [key('a', 0, 0), key('b', 76, 90), key('c', 80, 80)],
    at: 80,
    signs: 'c',
    removes: ['b'],
  },
  {
    when: 'an overtaken key that may have signed, by a clock that is behind, goes with the one before it',
    keys: [key('a', 0, 0), key('b', 76, 80.5), key('c', 80, 80)],
    at: 80,
    signs: 'c',
  },
  {
    when: 'an imported key neither signs nor replaces one that does, and is removed at its time',
    keys: [
      key('a', 0, 0),
      { ...key('old', 1, 1), verifies_only: true, until: 60 * day },
      { ...key('kept', 1, 1), verifies_only: true },
    ],
    at: 75,
    signs: 'a',
    removes: ['old'],
  },
  {
    when: 'the urgent key comes to its own end',
    keys: [key('c', 80, 80)],
    at: 156,
    signs: 'c',
    adds: 170,
  },
  { when: 'a node with a faster clock made the first key', keys: [key('a', 1, 1)], at: 0, signs: 'a' },
]

for (const { when, keys, at, signs, adds, removes = [] } of table)
  test(`rotation: ${when}`, () => {
    const plan = planRotation(keys, ['ES256'], at * day, defaultPolicy)
    assert.equal(signingKeyOf(keys, 'ES256', at * day)?.kid, signs)
    assert.deepEqual(
      plan.add.map(({ active_from, newestSeen }) => [active_from / day, newestSeen]),
      adds === undefined ? [] : [[adds, keys.at(-1)]],
    )
    assert.deepEqual(plan.remove, removes)
  })

test('rotation: each algorithm has its own keys, and those of an algorithm that is not configured remain', () => {
  const old = [{ ...key('r', 0, 0), alg: 'RS256' }, key('a', 0, 0)]
  const plan = planRotation(old, ['ES256', 'EdDSA'], 1000 * day, defaultPolicy)
  assert.deepEqual(
    plan.add.map(({ alg, newestSeen }) => [alg, newestSeen?.kid]),
    [
      ['ES256', 'a'],
      ['EdDSA', undefined],
    ],
  )
  assert.deepEqual(plan.remove, [])
})

test('rotation: keys are kept as long as the longest token of any client is valid', () => {
  const clients = (access_token_lifetime: number, identity_token_lifetime: number) => [
    { access_token_lifetime: 60, identity_token_lifetime: 60 },
    { access_token_lifetime, identity_token_lifetime },
  ]
  assert.equal(policyFor([]).retain, 14 * day)
  assert.equal(policyFor(clients(3600, 300)).retain, 14 * day)
  assert.equal(policyFor(clients(365 * day, 300)).retain, 366 * day)
  assert.equal(policyFor(clients(3600, 20 * day)).retain, 21 * day)
})

type Action = { readonly sleep: number } | 'tick' | 'rotate' | 'rotate_now'
const actions = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Action>('tick') },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 200 }).map((days): Action => ({ sleep: days * day })) },
    { weight: 1, arbitrary: fc.constant<Action>('rotate') },
    { weight: 1, arbitrary: fc.constant<Action>('rotate_now') },
  ),
  { maxLength: 60 },
)

test('rotation: two nodes always sign with the same published key, and every valid token verifies', () => {
  fc.assert(
    fc.property(actions, fc.integer({ min: 1, max: 400 * day }), (steps, lifetime) => {
      const policy = policyFor([{ access_token_lifetime: lifetime, identity_token_lifetime: 1 }])
      const lead = { rotate: policy.announce, rotate_now: 120 }
      let store: readonly (KeyTimes & { readonly lead: number })[] = []
      let made = 0
      let now = 1_000_000
      let ticks = 0
      const views: [readonly KeyTimes[], readonly KeyTimes[]] = [[], []]
      const tokens: { kid: string; exp: number }[] = []

      const add = (active_from: number, atLeast: number) => {
        store = [...store, { kid: `k${made++}`, alg: 'ES256', created_at: now, active_from, lead: atLeast }]
      }
      const refresh = (node: 0 | 1) => {
        const plan = planRotation(store, ['ES256'], now, policy)
        for (const { active_from, newestSeen } of plan.add) add(active_from, newestSeen ? policy.announce : 0)
        store = store.filter(({ kid }) => !plan.remove.includes(kid))
        views[node] = store
      }
      const restart = () => {
        refresh(0)
        refresh(1)
      }
      const check = () => {
        const [one, other] = views.map(view => signingKeyOf(view, 'ES256', now)?.kid)
        assert.ok(one !== undefined)
        assert.equal(one, other)
        const signer = store.find(({ kid }) => kid === one)!
        assert.ok(now - signer.created_at >= signer.lead, 'it signs before it was announced for long enough')
        tokens.push({ kid: one, exp: now + lifetime })
        for (const token of tokens.filter(({ exp }) => exp > now))
          for (const view of views) assert.ok(view.some(({ kid }) => kid === token.kid))
      }

      restart()
      check()
      for (const step of steps) {
        if (step === 'tick') {
          // Each node reads the store once in 60 s, half an interval after the other.
          now += 30
          refresh((ticks++ % 2) as 0 | 1)
        } else if (step === 'rotate' || step === 'rotate_now') {
          add(now + lead[step], lead[step])
        } else {
          now += step.sleep
          restart()
        }
        check()
      }
    }),
    { numRuns: 300 },
  )
})
