/** The ways to run asynchronous work: `runtime/async`. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchPerTick, connectionAccepted } from '../../packages/server/src/runtime/async/batch-per-tick.ts'
import { createFairQueue, QueueFull } from '../../packages/server/src/runtime/async/fair-queue.ts'
import { linesOf } from '../../packages/server/src/runtime/async/lines.ts'
import {
  lazily,
  serial,
  settlesWithin,
  singleFlight,
} from '../../packages/server/src/runtime/async/promises.ts'
import { readRepeatedly } from '../../packages/server/src/runtime/async/repeated-reading.ts'
import { inTime, until } from '../support/until.ts'

const nextTick = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

test('serial: work runs one at a time in the order of the calls, also after a failure', async () => {
  const run = serial()
  const events: string[] = []
  const work =
    (name: string, fails = false) =>
    async () => {
      events.push(`${name} begins`)
      await nextTick()
      events.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    }
  const results = await Promise.allSettled([run(work('a')), run(work('b', true)), run(work('c'))])
  assert.deepEqual(events, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  assert.deepEqual(
    results.map(result => (result.status === 'fulfilled' ? result.value : String(result.reason))),
    ['a', 'Error: b', 'c'],
  )
})

test('lazily: the work begins at the first call, is kept, and is tried again after a failure', async () => {
  let begun = 0
  const load = lazily(async () => {
    begun += 1
    await nextTick()
    if (begun === 1) throw new Error('too many open files')
    return begun
  })
  assert.deepEqual([begun, load.begun()], [0, undefined])
  const failing = [load(), load()]
  assert.notEqual(load.begun(), undefined)
  for (const call of failing) await assert.rejects(call, /too many open files/)
  assert.equal(load.begun(), undefined)
  assert.deepEqual(await Promise.all([load(), load()]), [2, 2])
  assert.equal(await load(), 2)
  assert.equal(await load.begun(), 2)
})

test('serial: settled resolves when earlier work has settled, and does not reject', async () => {
  const run = serial()
  await run.settled()
  let done = false
  const failing = run(async () => {
    await nextTick()
    done = true
    throw new Error('fails')
  })
  failing.catch(() => {})
  await run.settled()
  assert.equal(done, true)
  await assert.rejects(failing, /fails/)
})

test('singleFlight: calls share the run of their key while it is in progress', async () => {
  let runs = 0
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const find = singleFlight(async (key: string, from: number) => {
    runs += 1
    await gate
    return `${key}${from}`
  })
  const found = [find('a', 1), find('a', 2), find('b', 3)]
  assert.equal(find.current('a'), found[0])
  open()
  assert.deepEqual(await Promise.all(found), ['a1', 'a1', 'b3'])
  assert.deepEqual([runs, find.current('a')], [2, undefined])
  assert.equal(await find('a', 4), 'a4')
})

test('singleFlight: a failure reaches all who share the run, and the next call runs again', async () => {
  let runs = 0
  const find = singleFlight(async () => {
    runs += 1
    await nextTick()
    if (runs === 1) throw new Error('fails')
    return runs
  })
  const results = await Promise.allSettled([find(), find()])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.equal(await find(), 2)
})

test('settlesWithin: returns whether the work settled in time, and rejects if the work rejects', async () => {
  assert.equal(await settlesWithin(30_000, nextTick()), true)
  assert.equal(await settlesWithin(1, new Promise(() => {})), false)
  await assert.rejects(settlesWithin(30_000, Promise.reject(new Error('fails'))), /fails/)
})

test('batchPerTick: items of one tick run back to back, and later ones in a later tick', async () => {
  const events: string[] = []
  const add = batchPerTick((item: string) => {
    events.push(item)
    if (item === 'a') add('c')
  })
  add('a')
  add('b')
  assert.deepEqual(events, [])
  await nextTick()
  assert.deepEqual(events, ['a', 'b'])
  await nextTick()
  assert.deepEqual(events, ['a', 'b', 'c'])
})

test('batchPerTick: a long batch is continued in the next tick, in order', async () => {
  const events: number[] = []
  const add = batchPerTick((item: number) => {
    events.push(item)
    for (const end = performance.now() + 9; performance.now() < end; );
  })
  add(1)
  add(2)
  await nextTick()
  assert.deepEqual(events, [1])
  add(3)
  await until('the rest runs', () => events.length === 3)
  assert.deepEqual(events, [1, 2, 3])
})

test('batchPerTick: a batch waits for connections that are being accepted', async () => {
  const events: string[] = []
  const add = batchPerTick((item: string) => void events.push(item))
  add('a')
  connectionAccepted()
  await nextTick()
  assert.deepEqual(events, [])
  await until('the batch runs', () => events.length > 0)
})

test('fair queue: a limited number of tasks run at the same time, networks take turns, and excess work is refused', async () => {
  const queue = createFairQueue({ concurrent: 1, waiting: 3 })
  const begun: string[] = []
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const run = (from: string) =>
    queue.run(from, async () => {
      begun.push(from)
      await gate
    })
  const all = [run('a'), run('a'), run('a'), run('b')]
  await nextTick()
  assert.deepEqual(begun, ['a'])
  await assert.rejects(run('b'), QueueFull)
  open()
  await inTime('all that was queued runs', Promise.all(all))
  assert.deepEqual(begun, ['a', 'a', 'b', 'a'])
})

test('linesOf: lines are found across chunks, and a line that never ends is refused instead of filling the memory', async () => {
  async function* chunks(...texts: readonly string[]) {
    yield* texts
  }
  const read = async (texts: readonly string[], most?: number): Promise<readonly string[]> => {
    const lines: string[] = []
    for await (const line of linesOf(chunks(...texts), most)) lines.push(line)
    return lines
  }
  assert.deepEqual(await read(['a', 'b', '\r', '\nc\n', '', '\nd\u2028e', '\nf']), [
    'ab',
    'c',
    '',
    'd\u2028e',
    'f',
  ])
  assert.deepEqual(await read(['a\n', 'b\n']), ['a', 'b'])
  assert.deepEqual(await read([]), [])
  let given = 0
  async function* endless() {
    for (;;) {
      given++
      yield 'aaaa'
    }
  }
  const reading = linesOf(endless(), 10)
  await assert.rejects(reading.next(), /a line has more than 10 characters/)
  assert.equal(given, 3)
})

test('repeated reading: one that fails is repeated after 1 s, 2 s and so on, until one succeeds', async t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  let [reads, failures, fails] = [0, 0, true]
  let change = (): void => {}
  const read = async (): Promise<void> => {
    reads += 1
    if (fails) throw new Error('away')
  }
  const stop = readRepeatedly(read, {
    interval: 60,
    watch(changed) {
      change = changed
      return () => {}
    },
    onFailure: () => {
      failures += 1
    },
  })
  const readsAfter = async (milliseconds: number): Promise<number> => {
    t.mock.timers.tick(milliseconds)
    await nextTick()
    return reads
  }
  change()
  const failing = [await readsAfter(0), await readsAfter(999), await readsAfter(1), await readsAfter(1999)]
  fails = false
  const succeeding = [await readsAfter(1), await readsAfter(50_000)]
  assert.deepEqual([failing, succeeding, failures], [[1, 1, 2, 2], [3, 3], 2])
  fails = true
  change()
  await nextTick()
  assert.equal(await readsAfter(1000), 5)
  stop()
  assert.equal(await readsAfter(200_000), 5)
})
