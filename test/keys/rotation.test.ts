import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  defaultPolicy,
  type KeyTimes,
  planRotation,
  signingKeyOf,
} from '../../packages/server/src/keys/rotation.ts'

const day = 86_400
const start = 1_790_000_000

/** Runs a server that looks at its keys at these times; answers the keys after each look. */
function live(times: readonly number[], look: (keys: readonly KeyTimes[], now: number) => void): void {
  let keys: KeyTimes[] = []
  let made = 0
  for (const now of times) {
    const { add, remove } = planRotation(keys, ['ES256'], now, defaultPolicy)
    keys = keys.filter(key => !remove.includes(key.kid))
    for (const { alg, active_from } of add)
      keys.push({ kid: `k${++made}`, alg, created_at: now, active_from })
    look(keys, now)
  }
}

test('rotation: the first key signs at once, the next is announced on day 76, signs on day 90, the first goes on day 104', () => {
  const seen = new Map<number, string>()
  live(
    Array.from({ length: 120 }, (_, index) => start + index * day),
    (keys, now) => {
      const signing = signingKeyOf(keys, 'ES256', now)
      seen.set((now - start) / day, `${keys.map(key => key.kid).join(' ')}: ${signing?.kid}`)
    },
  )
  const at = (dayNumber: number) => seen.get(dayNumber)
  assert.equal(at(0), 'k1: k1')
  assert.equal(at(75), 'k1: k1')
  assert.equal(at(76), 'k1 k2: k1')
  assert.equal(at(89), 'k1 k2: k1')
  assert.equal(at(90), 'k1 k2: k2')
  assert.equal(at(103), 'k1 k2: k2')
  assert.equal(at(104), 'k2: k2')
})

test('rotation: a server that slept for a year announces a new key and signs with the old one meanwhile', () => {
  live([start, start + 365 * day, start + 379 * day - 1, start + 379 * day], (keys, now) => {
    const signing = signingKeyOf(keys, 'ES256', now)
    if (now === start + 365 * day) assert.deepEqual([keys.length, signing?.kid], [2, 'k1'])
    if (now === start + 379 * day - 1) assert.equal(signing?.kid, 'k1')
    if (now === start + 379 * day) assert.equal(signing?.kid, 'k2')
  })
})

test('rotation: whenever the server looks, one key signs, it was published long enough, and none goes that may still be needed', () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 200 * day }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(gaps, spans => {
      let now = start
      const times = [start, ...spans.map(span => (now += span))]
      const published = new Map<string, number>()
      const lastSigned = new Map<string, number>()
      live(times, (keys, at) => {
        for (const key of keys) if (!published.has(key.kid)) published.set(key.kid, at)
        const signing = signingKeyOf(keys, 'ES256', at)
        assert.ok(signing)
        if (signing.kid !== 'k1') assert.ok(at - published.get(signing.kid)! >= defaultPolicy.announce)
        lastSigned.set(signing.kid, at)
        for (const [kid, signedAt] of lastSigned) {
          if (at - signedAt < defaultPolicy.retain) assert.ok(keys.some(key => key.kid === kid))
        }
      })
    }),
  )
})
