/** The pauses after failures. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBackOff } from '../../packages/server/src/runtime/back-off.ts'
import { createClock } from '../keys/keys.ts'
import { startOfTime } from '../support/tessera.ts'

test('back-off: five failures are free, and then pauses double up to a minute', () => {
  const clock = createClock(startOfTime)
  const { waitFor, failed } = createBackOff(clock)
  const pauses = Array.from({ length: 14 }, () => {
    failed('host')
    return waitFor('host')
  })
  assert.deepEqual(pauses, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60])
  assert.equal(waitFor('other'), 0)
  clock.advance(59)
  assert.equal(waitFor('host'), 1)
  clock.advance(1)
  assert.equal(waitFor('host'), 0)
})

test('back-off: failures are forgotten after ten minutes without one', () => {
  const clock = createClock(startOfTime)
  const { waitFor, failed } = createBackOff(clock)
  for (let count = 0; count < 10; count++) failed('host')
  clock.advance(599)
  failed('host')
  assert.equal(waitFor('host'), 60)
  clock.advance(600)
  failed('host')
  assert.equal(waitFor('host'), 0)
})
