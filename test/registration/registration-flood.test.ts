/** A flood of registrations, scaled down from the command in docs/benchmarks/decisions.md (0078). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flood } from '../../bench/src/registration-flood.ts'
import { createAllowance, createSurplusSearch } from '../../packages/server/src/model/registered-client.ts'

const short = { registrations: 600, networks: 4, clients: 20 }

test('sealed clients: a flood of registrations leaves no row, and clients from before it work', async () => {
  const result = await flood({ mode: 'issue', ...short })
  assert.deepEqual([result.registered, result.refused], [600, 0])
  assert.equal(result.rows.registered_clients, undefined)
  assert.equal(result.rows.registered_origins, undefined)
  assert.equal(result.rows.standing, undefined)
  assert.deepEqual(result.kept, { used: 10, unused: 10 })
  // One counter for each network, until the hour is over.
  assert.ok(result.mostAttempts <= short.networks + short.clients, String(result.mostAttempts))
})

test('registration: the same flood leaves a row for each client without sealed ids', async () => {
  const result = await flood({ mode: 'off', ...short })
  assert.equal(result.rows.registered_clients, 620)
})

test('registration: rows are added uncounted for a sixteenth of the room, so that 16 processes never exceed it', () => {
  const allowance = createAllowance()
  const used = (limits: string) =>
    Array.from({ length: 12 }, () => allowance.use(limits)).filter(Boolean).length
  assert.equal(used('a'), 0)
  allowance.grant('a', 175)
  assert.deepEqual([used('b'), used('a'), used('a')], [0, 10, 0])
})

test('registration: a search for surplus clients that found none is repeated after a minute', () => {
  const search = createSurplusSearch()
  const due = (...times: readonly number[]) => times.map(at => search.isDue(at))
  assert.deepEqual(due(100), [true])
  search.found(0, 100)
  assert.deepEqual(due(100, 159, 160, 40), [false, false, true, true])
  search.found(1, 160)
  assert.deepEqual(due(160), [true])
})
