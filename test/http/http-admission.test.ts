/** How many requests run at once, and how stale ones are handled after a stall, with a fake clock. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AdmissionOptions, createAdmission } from '../../packages/server/src/http/admission.ts'
import { watchStalls } from '../../packages/server/src/http/stall.ts'
import { until } from '../support/until.ts'

function createWorld(options: AdmissionOptions = {}) {
  let time = 0
  const done: string[] = []
  const overloads: number[] = []
  const state = { busy: true }
  const admission = createAdmission({
    first: 2,
    now: () => time,
    busyShare: () => (state.busy ? 1 : 0),
    onOverload: underWay => overloads.push(underWay),
    ...options,
  })
  return {
    ...{ admission, done, overloads, state },
    enter: (name: string, ahead = false) =>
      admission.enter({
        start: () => done.push(`start ${name}`),
        refuse: () => done.push(`refuse ${name}`),
        ahead,
      }),
    advance(milliseconds: number) {
      time += milliseconds
    },
  }
}

const loops = async (count: number): Promise<void> => {
  for (let tick = 0; tick < count; tick++) await new Promise(resolve => setImmediate(resolve))
}

test('admission: while the loop has idle time, every request starts', () => {
  const { enter, done, state, admission } = createWorld()
  state.busy = false
  for (let index = 0; index < 100; index++) enter(String(index))
  assert.equal(done.length, 100)
  admission.close()
})

test('admission: without idle time, requests above the limit wait until another ends, the oldest first', () => {
  const { enter, done, admission } = createWorld()
  for (const name of ['a', 'b', 'c', 'd']) enter(name)
  assert.deepEqual(done, ['start a', 'start b'])
  assert.equal(admission.waiting(), 2)
  admission.leave()
  admission.leave()
  assert.deepEqual(done.slice(2), ['start c', 'start d'])
  admission.close()
})

test('admission: those that wait when it closes are refused', () => {
  const { enter, done, admission } = createWorld()
  for (const name of ['a', 'b', 'c']) enter(name)
  enter('d', true)
  admission.close()
  assert.deepEqual(done.slice(2).toSorted(), ['refuse c', 'refuse d'])
})

test('admission: once not all can start in time, the newest starts first', async () => {
  const { enter, done, admission, advance } = createWorld({ longestMs: 1000 })
  for (const name of ['a', 'b', 'oldest', 'older', 'newest']) enter(name)
  advance(900)
  admission.leave()
  assert.deepEqual(done.slice(2), ['start oldest'])
  // One ended in 0.9 s, so one of the two that wait would be too late.
  await until('one of the waiting requests starts', () => done.length > 3)
  assert.equal(done[3], 'start newest')
  admission.close()
})

test('admission: requests that a connection pipelined start after all others', () => {
  const { enter, done, admission } = createWorld()
  for (const name of ['a', 'b']) enter(name)
  enter('ahead', true)
  enter('other')
  admission.leave()
  assert.equal(done.at(-1), 'start other')
  admission.close()
})

test('admission: a request that waits too long is refused, and the operator gets one log line', async () => {
  const { enter, done, admission, advance, overloads } = createWorld()
  for (const name of ['a', 'b', 'c', 'd']) enter(name)
  advance(10_000)
  await until('both waiting requests are refused', () => done.length > 3)
  assert.deepEqual(done.slice(2), ['refuse c', 'refuse d'])
  assert.deepEqual(overloads, [2])
  // No request waits any more: another overload is logged again.
  for (let more = 0; admission.waiting() === 0; more++) enter(String(more))
  advance(10_000)
  await until('the second overload is logged', () => overloads.length === 2)
  admission.close()
})

test('admission: a request that ends immediately starts the next, ten thousand in a row', () => {
  const { enter, admission } = createWorld()
  for (const name of ['a', 'b']) enter(name)
  let started = 0
  for (let index = 0; index < 10_000; index++)
    admission.enter({
      start() {
        started += 1
        admission.leave()
      },
      refuse: () => assert.fail('refused'),
      ahead: false,
    })
  admission.leave()
  assert.equal(started, 10_000)
  admission.close()
})

test('stalls: requests that arrive after a two-second stall count as waiting until all sockets are read', async () => {
  let time = 0
  const told: number[] = []
  const stalls = watchStalls({
    now: () => time,
    wall: () => 0,
    onStall: milliseconds => told.push(milliseconds),
  })
  try {
    assert.equal(stalls.waited(), false)
    await loops(1)
    time = 100
    assert.equal(stalls.waited(), false)
    assert.equal(stalls.hesitated(), false)
    await loops(1)
    time = 250
    assert.equal(stalls.waited(), false)
    assert.deepEqual([stalls.hesitated(), stalls.paused()], [true, false])
    await loops(1)
    time = 1400
    assert.equal(stalls.waited(), false)
    assert.equal(stalls.paused(), true)
    await loops(1)
    time = 3900
    assert.equal(stalls.waited(), true)
    await loops(2)
    assert.equal(stalls.waited(), true)
    await loops(8)
    assert.equal(stalls.waited(), false)
    assert.deepEqual(told, [2500])
  } finally {
    stalls.stop()
  }
})

test('stalls: a suspended machine has stalled too, although its monotonic clock stopped', async () => {
  let slept = 0
  const told: number[] = []
  const stalls = watchStalls({ now: () => 0, wall: () => slept, onStall: gap => told.push(gap) })
  try {
    // Set back: nothing waited.
    slept = -60_000
    assert.equal(stalls.waited(), false)
    await loops(1)
    slept = -57_000
    assert.equal(stalls.waited(), true)
    await loops(10)
    assert.equal(stalls.waited(), false)
    assert.deepEqual(told, [3000])
  } finally {
    stalls.stop()
  }
})

test('stalls: a backlog of connections counts as part of the stall for at most a second', async () => {
  let time = 0
  const stalls = watchStalls({ now: () => time, wall: () => 0 })
  try {
    time = 5000
    assert.equal(stalls.waited(), true)
    for (let tick = 0; tick < 50; tick++) {
      stalls.accepted()
      await loops(1)
    }
    assert.equal(stalls.waited(), true)
    time = 6100
    for (let tick = 0; tick < 3; tick++) {
      stalls.accepted()
      await loops(1)
    }
    assert.equal(stalls.waited(), false)
  } finally {
    stalls.stop()
  }
})
