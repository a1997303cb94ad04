/** How the primary handles workers that hang or end, with a fake clock. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import cluster from 'node:cluster'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock, type TestContext, test } from 'node:test'
import { createDeadlines } from '../../packages/server/src/operations/workers/deadlines.ts'
import { createHeartbeats } from '../../packages/server/src/operations/workers/heartbeat.ts'
import { createReplacement } from '../../packages/server/src/operations/workers/replacement.ts'
import { supervise } from '../../packages/server/src/operations/workers/supervision.ts'
import { createWorkerMetrics } from '../../packages/server/src/operations/workers/worker-metrics.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { inTime, until } from '../support/until.ts'

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
    /** Advances the clock by seconds, in which these workers report. */
    pass(seconds: number, alive: readonly number[]) {
      for (let left = seconds; left > 0; left--) {
        at += 1000
        for (const worker of alive) heartbeats.heard(worker)
        heartbeats.check()
      }
    },
    /** The primary is suspended, and so are the workers: then it checks before it reads their reports. */
    suspend(seconds: number) {
      at += seconds * 1000
      heartbeats.check()
    },
  }
}

test('supervision: only a worker that is silent for more than 10 s is reported', () => {
  const { silent, pass } = watch()
  pass(5, [1, 2])
  pass(10, [2])
  assert.deepEqual(silent, [])
  pass(1, [2])
  assert.deepEqual(silent, [[1, 11_000]])
})

test('supervision: a suspended machine kills no worker', () => {
  const { silent, pass, suspend } = watch()
  pass(5, [1, 2])
  suspend(3600)
  pass(9, [1])
  pass(1, [1, 2])
  assert.deepEqual(silent, [])
})

test('supervision: a worker that keeps failing at startup is replaced with increasing delays, as long as another serves', () => {
  const replacement = createReplacement({ start: () => {}, isServed: () => true })
  const delays = Array.from({ length: 9 }, () => replacement.plan(1, 10))
  replacement.cancel()
  assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  assert.equal(replacement.plan(1, 3_600_000), 100)
  replacement.cancel()
})

test('supervision: while no worker serves, all of them are replaced within half a second', () => {
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

test('supervision: a worker that ran for a minute is replaced soon, however often earlier ones failed', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const replacement = createReplacement({ start: () => {}, isServed: () => true })
  t.after(replacement.cancel)
  for (let times = 0; times < 5; times++) replacement.plan(1, 59_999)
  assert.equal(replacement.plan(1, 59_999), 3200)
  assert.equal(replacement.plan(1, 60_000), 100)
  assert.equal(replacement.plan(1, 0), 200)
  for (let times = 0; times < 20; times++) replacement.plan(1, 0)
  assert.equal(replacement.plan(1, 0), 10_000)
})

test('supervision: a worker that is not ready after a minute is reported once', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const slow: number[] = []
  const deadlines = createDeadlines({ onSlowStart: worker => slow.push(worker), onSlowStop: () => {} })
  for (const worker of [1, 2, 3]) deadlines.starting(worker)
  deadlines.ready(2)
  deadlines.ended(3)
  t.mock.timers.tick(59_999)
  assert.deepEqual(slow, [])
  t.mock.timers.tick(60_000)
  assert.deepEqual(slow, [1])
})

/** Supervises workers that run this script with their number, and collects what is logged. */
async function superviseScript(
  t: TestContext,
  script: string,
  { count = 1, stopLimit }: { readonly count?: number; readonly stopLimit: number },
) {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-supervision-'))
  t.after(() => rm(folder, { recursive: true }))
  const entry = join(folder, 'worker.mjs')
  await writeFile(entry, script)
  // Not those of the tests.
  cluster.setupPrimary({ execArgv: [] })
  const events: string[] = []
  const write = (event: string): void => void events.push(event)
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  const { promise: ready, resolve: onReady } = Promise.withResolvers<void>()
  let reload = async (): Promise<void> => {}
  const ended = supervise({
    ...{ count, entry, words: [] },
    stopped,
    stopLimit,
    onReload(given) {
      reload = given
    },
    onReady,
    log: { ...silentLog, info: write, warn: write, error: write },
  })
  return { events, stop, ended, ready, reload: () => reload() }
}

test('supervision: a worker that hangs while it starts is killed when the server stops', async t => {
  const { events, stop, ended } = await superviseScript(t, 'setInterval(() => {}, 1000)', { stopLimit: 0 })
  stop()
  assert.equal(await inTime('the server stops', ended), 0)
  assert.deepEqual(events, ['worker_started', 'worker_stop_timed_out'])
})

test('supervision: a worker that hangs while it stops alone is killed at its own limit, and replaced', async t => {
  const script = `
    process.on('message', () => process.exit())
    process.send({ kind: 'ready' }, () => process.send({ kind: 'stopping', limit_ms: 0 }))`
  const { events, stop, ended } = await superviseScript(t, script, { stopLimit: 3_600_000 })
  await until('it is replaced', () => events.filter(event => event === 'worker_started').length > 1)
  assert.deepEqual(events.slice(0, 3), ['worker_started', 'worker_stop_timed_out', 'worker_ended'])
  stop()
  assert.equal(await inTime('the server stops', ended), 0)
})

test('supervision: a worker whose reload does not end delays the others for a minute, and only once', async t => {
  const script = `
    process.on('message', ({ kind }) => {
      if (kind === 'drain') process.exit()
      if (process.argv[2] === '2') process.send({ kind: 'reloaded', applied: true })
    })
    process.send({ kind: 'ready' })`
  const { events, stop, ended, ready, reload } = await superviseScript(t, script, {
    count: 2,
    stopLimit: 3_600_000,
  })
  await inTime('both are ready', ready)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const first = reload()
  t.mock.timers.tick(60_000)
  await first
  await reload()
  t.mock.timers.reset()
  assert.deepEqual(events, ['worker_started', 'worker_started', 'worker_reload_slow'])
  stop()
  assert.equal(await inTime('the server stops', ended), 0)
})

test('supervision: metrics of an ended worker remain in the sums, and only an unexpected end is counted', async () => {
  const metrics = createWorkerMetrics()
  const metricsOf = (count: number) => ({ counters: { requests_total: count }, gauges: { rss: count } })
  const collect = (counts: Readonly<Record<number, number>>) =>
    metrics.collect(Object.keys(counts).map(Number), (worker, round) =>
      metrics.reported(worker, round, metricsOf(counts[worker] ?? 0)),
    )
  assert.deepEqual(await collect({ 2: 20, 1: 10 }), {
    processes: [
      { worker: 1, metrics: metricsOf(10) },
      { worker: 2, metrics: metricsOf(20) },
    ],
    ended: {},
    deaths: 0,
  })
  metrics.ended(1, true)
  metrics.ended(2, false)
  const { processes, ended, deaths } = await collect({ 1: 1 })
  assert.deepEqual(processes, [{ worker: 1, metrics: metricsOf(1) }])
  assert.deepEqual([ended, deaths], [{ requests_total: 30 }, 1])
})

test('supervision: waiting for the metrics of a worker ends with the worker', async t => {
  // No timer runs: only the end of the worker can end the wait.
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const metrics = createWorkerMetrics()
  const collected = metrics.collect([1, 2], (worker, round) => {
    if (worker === 1) metrics.reported(worker, round, { counters: {}, gauges: {} })
  })
  metrics.ended(2, true)
  const { processes, deaths } = await collected
  assert.deepEqual([processes.map(({ worker }) => worker), deaths], [[1], 1])
})

test('supervision: the primary’s log writes what its level allows, and nothing when it is silent', () => {
  const written = (level: string) => {
    const file = new URL('../../packages/server/src/operations/workers/log.ts', import.meta.url).href
    const script = `const { createPrimaryLog } = await import(${JSON.stringify(file)})
      const log = createPrimaryLog(${JSON.stringify(level)})
      for (const name of ['debug', 'info', 'warn', 'error']) log[name](name)`
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    return stderr
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line).event)
  }
  assert.deepEqual(written('debug'), ['debug', 'info', 'warn', 'error'])
  assert.deepEqual(written('info'), ['info', 'warn', 'error'])
  assert.deepEqual(written('error'), ['error'])
  assert.deepEqual(written('silent'), [])
})
