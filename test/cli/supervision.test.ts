/** Checks how the primary handles workers that hang or end, with a fake clock. */

import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { createHeartbeats } from '../../packages/server/src/operations/workers/heartbeat.ts'
import { createReplacement } from '../../packages/server/src/operations/workers/replacement.ts'

function watch() {
  let at = 0
  const silent: [worker: number, milliseconds: number][] = []
  const heartbeats = createHeartbeats({
    watched: () => [1, 2],
    onSilence: (worker, milliseconds) => silent.push([worker, milliseconds]),
    now: () => at,
  })
  return {
    silent,
    /** Lets seconds pass, in which these workers are heard of. */
    pass(seconds: number, alive: readonly number[]) {
      for (let left = seconds; left > 0; left--) {
        at += 1000
        for (const worker of alive) heartbeats.heard(worker)
        heartbeats.check()
      }
    },
    /** The primary stands still, and so do the workers: then it checks before it reads what they sent. */
    suspend(seconds: number) {
      at += seconds * 1000
      heartbeats.check()
    },
  }
}

test('supervision: a worker that is silent for more than 10 s is reported, and no other', () => {
  const { silent, pass } = watch()
  pass(5, [1, 2])
  pass(10, [2])
  assert.deepEqual(silent, [])
  pass(1, [2])
  assert.deepEqual(silent, [[1, 11_000]])
})

test('supervision: a machine that was suspended kills no worker', () => {
  const { silent, pass, suspend } = watch()
  pass(5, [1, 2])
  suspend(3600)
  pass(9, [1])
  pass(1, [1, 2])
  assert.deepEqual(silent, [])
})

test('supervision: a worker that ends at once is replaced later each time, as long as another serves', () => {
  const replacement = createReplacement({ start: () => {}, isServed: () => true })
  const delays = Array.from({ length: 9 }, () => replacement.plan(1, 10))
  replacement.cancel()
  assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  assert.equal(replacement.plan(1, 3_600_000), 100)
  replacement.cancel()
})

test('supervision: while no worker serves all of them are replaced within half a second', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const started: number[] = []
    let served = true
    const replacement = createReplacement({
      start: worker => started.push(worker),
      isServed: () => served,
    })
    for (let count = 0; count < 8; count++) replacement.plan(1, 10)
    served = false
    assert.equal(replacement.plan(2, 3_600_000), 100)
    mock.timers.tick(500)
    assert.deepEqual(started.toSorted(), [1, 2])
    for (let count = 0; count < 8; count++) assert.ok(replacement.plan(2, 10) <= 500)
    replacement.cancel()
  } finally {
    mock.timers.reset()
  }
})
