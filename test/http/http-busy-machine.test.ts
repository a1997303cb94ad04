/** A shared machine: time that other processes take is not the server's own load. With a fake clock. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAdmission } from '../../packages/server/src/http/admission.ts'
import { createOwnTime } from '../../packages/server/src/http/own-time.ts'

function createMachine() {
  const time = { wall: 0, cpu: 0, idle: 0 }
  const own = createOwnTime({ wall: () => time.wall, cpu: () => time.cpu, idle: () => time.idle })
  const done: string[] = []
  const admission = createAdmission({
    ...{ first: 2, longestMs: 750, now: own.now, busyShare: own.busyShare },
    onOverload: () => done.push('overload'),
  })
  return {
    ...{ own, done, admission },
    /** Advances the clock by work and idle time of the server, and by time of other processes. */
    pass({ cpu = 0, idle = 0, others = 0 }) {
      time.wall += cpu + idle + others
      time.cpu += cpu
      time.idle += idle
    },
    enter: (name: string) =>
      admission.enter({
        ...{ start: () => done.push(`start ${name}`), refuse: () => done.push(`refuse ${name}`) },
        ahead: false,
      }),
  }
}

/** Admission checks every 50 ms of real time. */
const looks = async (): Promise<void> => {
  for (let look = 0; look < 3; look++) await new Promise(resolve => setTimeout(resolve, 60))
}

test('own time: counts work and idle time, and at most a quarter of the time that others took', () => {
  const { own, pass } = createMachine()
  pass({ cpu: 30, idle: 50, others: 20 })
  assert.equal(own.now(), 80)
  pass({ cpu: 2, others: 998 })
  assert.equal(own.now(), 330)
})

test('own time: threads that work in parallel to the loop do not hide its load', () => {
  const { own, pass } = createMachine()
  pass({ cpu: 100, others: -50 })
  assert.equal(own.now(), 50)
})

test('own time: a loop that others delay is as busy as its own work and idle time say', () => {
  const { own, pass } = createMachine()
  pass({ cpu: 25, idle: 25, others: 50 })
  assert.equal(own.busyShare(), 0.5)
  pass({ cpu: 40, others: 60 })
  assert.equal(own.busyShare(), 1)
})

test('admission: a server that could not run for 1.5 s refuses none of the requests that waited', async () => {
  const { admission, done, enter, pass } = createMachine()
  // Requests wait because of the server's own work.
  pass({ cpu: 100 })
  for (const name of ['a', 'b', 'c', 'd']) enter(name)
  assert.equal(admission.waiting(), 2)
  pass({ cpu: 10, others: 1490 })
  await looks()
  admission.leave()
  admission.leave()
  assert.deepEqual(done, ['start a', 'start b', 'start c', 'start d'])
  admission.close()
})

test('admission: another process with nine tenths of the processor lowers no limit', async () => {
  const { admission, done, enter, pass } = createMachine()
  pass({ cpu: 100 })
  for (let index = 0; index < 40; index++) enter(String(index))
  for (let round = 0; round < 30; round++) {
    // Each request takes 5 ms of work, which last 50 ms because of the other process.
    pass({ cpu: 5, others: 15 })
    admission.leave()
    if (round % 10 === 9) await looks()
  }
  assert.deepEqual(
    done.slice(0, 32),
    Array.from({ length: 32 }, (_, index) => `start ${index}`),
  )
  assert.ok(!done.some(line => line.startsWith('refuse') || line === 'overload'))
  admission.close()
})

test('admission: requests that wait through 750 ms of the server’s own work are refused, whatever else runs', async () => {
  const { admission, done, enter, pass } = createMachine()
  pass({ cpu: 100 })
  for (const name of ['a', 'b', 'c']) enter(name)
  pass({ cpu: 800, others: 800 })
  await looks()
  assert.deepEqual(done.slice(2), ['overload', 'refuse c'])
  admission.close()
})

test('admission: a server that waits for a disk refuses after 3 s, even if it is almost idle', async () => {
  const { admission, done, enter, pass } = createMachine()
  pass({ cpu: 100 })
  for (const name of ['a', 'b', 'c']) enter(name)
  pass({ cpu: 1, others: 3100 })
  await looks()
  assert.deepEqual(done.slice(2), ['overload', 'refuse c'])
  admission.close()
})
