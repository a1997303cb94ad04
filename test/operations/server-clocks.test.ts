/** The clocks of a server, second by second: the database's clock, and the time that has certainly passed. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { followDatabaseClock } from '../../packages/server/src/operations/database-clock.ts'
import { type PassedTimePorts, watchPassedTime } from '../../packages/server/src/operations/passed-time.ts'
import { day, minute } from '../contracts/stores/samples.ts'

const start = 1_790_000_000

/** Both clocks of a machine, in seconds: `go` advances both, `leap` only the wall clock. */
function createMachine() {
  let [wall, monotonic] = [start * 1000, 5000]
  return {
    wall: () => wall,
    monotonic: () => monotonic,
    go(seconds: number) {
      wall += seconds * 1000
      monotonic += seconds * 1000
    },
    leap(seconds: number) {
      wall += seconds * 1000
    },
  }
}

function createLog() {
  const events: string[] = []
  const note = (event: string) => void events.push(event)
  return { events, log: { debug: () => {}, info: note, warn: note, error: note } }
}

async function watch(t: TestContext, settings?: PassedTimePorts['settings']) {
  const machine = createMachine()
  const { events, log } = createLog()
  const time = await watchPassedTime({ machine, log, ...(settings && { settings }) })
  t.after(time.stop)
  const passed = (): number => (time.clock.passed?.() ?? Number.NaN) - start
  return { machine, events, passed, now: () => time.clock.now() - start }
}

/** A store with this setting, and the values written to it. */
const kept = (value?: object | string) => ({
  get: async () => (value === undefined || typeof value === 'string' ? value : JSON.stringify(value)),
  put: async () => {},
})

test('passed time: a leap ahead counts after an hour in which both clocks advance alike', async t => {
  const { machine, events, passed, now } = await watch(t)
  machine.go(100)
  assert.equal(passed(), 100)
  machine.leap(5000)
  assert.deepEqual([now(), passed()], [5100, 100 + 600])
  machine.go(3599)
  assert.equal(passed(), 3699 + 600)
  assert.deepEqual(events.splice(0), ['clock_leapt'])
  machine.go(1)
  assert.equal(passed(), now())
  assert.deepEqual(events, ['clock_confirmed'])
})

test('passed time: another leap restarts the hour, and small ones do not add up', async t => {
  const { machine, passed } = await watch(t)
  machine.leap(5000)
  passed()
  for (let times = 1; times <= 5; times++) {
    machine.go(3000)
    assert.equal(passed(), times * 3000 + 600)
    machine.leap(10)
    passed()
  }
})

test('passed time: a clock that is set back is followed immediately, and is not ahead', async t => {
  const { machine, passed, now } = await watch(t)
  machine.go(1000)
  passed()
  machine.leap(-5000)
  assert.equal(passed(), now())
})

test('passed time: a store without a recorded time waits for an hour', async t => {
  for (const settings of [kept(), kept('no JSON'), kept({ passed: 'x', confirmed: 0, wall: 0 }), kept({})]) {
    const { machine, events, passed, now } = await watch(t, settings)
    assert.equal(passed(), 600 - start)
    machine.go(3600)
    assert.equal(passed(), now())
    assert.deepEqual(events, [])
  }
})

test('passed time: the time confirmed by an earlier start counts for a day at most', async t => {
  for (const [stopped, counts] of [
    [day, true],
    [day + 1, false],
  ] as const) {
    const wall = start - stopped
    const { machine, passed, now } = await watch(t, kept({ passed: wall, confirmed: 3000, wall }))
    assert.equal(passed(), wall + 600 - start)
    machine.go(600)
    assert.equal(passed() === now(), counts)
  }
})

async function follow(t: TestContext, { skew = 0, took = [] as number[] } = {}) {
  const machine = createMachine()
  const { events, log } = createLog()
  let reads = 0
  const time = await followDatabaseClock({
    async read() {
      const seconds = took[reads++] ?? 0
      const asked = machine.wall() - skew * 1000
      machine.go(seconds)
      return asked
    },
    machine,
    log,
  })
  t.after(time.stop)
  return { machine, events, time, reads: () => reads }
}

test('database clock: time follows the database, and has passed only if both clocks say so', async t => {
  for (const skew of [-100, 100]) {
    const { machine, time } = await follow(t, { skew })
    machine.go(minute)
    assert.equal(time.clock.now(), start - skew + minute)
    assert.equal(time.clock.passed?.(), start + minute - Math.max(skew, 0))
  }
})

test('database clock: 300 seconds of difference are accepted, and one more is an error', async t => {
  for (const [skew, event, isFault] of [
    [5, undefined, false],
    [6, 'clock_differs', false],
    [-6, 'clock_differs', false],
    [300, 'clock_differs', false],
    [-300, 'clock_differs', false],
    [301, 'clock_skewed', true],
    [-301, 'clock_skewed', true],
  ] as const) {
    const { events, time } = await follow(t, { skew })
    assert.deepEqual(events, event === undefined ? [] : [event], String(skew))
    const fault = { reason: 'clock_skewed', skew_seconds: skew, tolerated_seconds: 300 }
    assert.deepEqual(time.fault(), isFault ? fault : undefined)
  }
})

test('database clock: the fastest of five slow readings counts, and a fast one is the last', async t => {
  const slow = await follow(t, { took: [40, 20, 4, 30, 60] })
  assert.equal(slow.reads(), 5)
  // The error is at most half of the time that the fastest reading took.
  assert.ok(Math.abs(slow.time.clock.now() - slow.machine.wall() / 1000) <= 2)
  const quick = await follow(t, { took: [40, 0, 60] })
  assert.equal(quick.reads(), 2)
})
