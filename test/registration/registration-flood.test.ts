/** A flood of registrations, scaled down from the command in docs/benchmarks/decisions.md (0078). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flood } from '../../bench/src/registration-flood.ts'

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
