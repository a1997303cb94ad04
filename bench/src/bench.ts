/** `npm run bench`: Tessera and a peer in turn on one pinned core, the load on another; medians of three runs, and their ratio. */

import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { showLimits } from './limits.ts'
import { type LoadResult, load } from './load.ts'
import type { BenchMessage, Preparation, ServerMessage } from './protocol.ts'
import { connections, type Paths, type Scenario, scenarios } from './scenarios.ts'

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string' }, only: { type: 'string' } },
})
const runs = options.quick ? 1 : 3
const seconds = options.quick ? 1 : 4

type Candidate = { readonly name: string; readonly script: string; readonly paths: Paths }
const candidates = [
  {
    name: 'Tessera',
    script: './servers/tessera.ts',
    paths: { token: '/connect/token', introspection: '/connect/introspect' },
  },
  {
    name: 'oidc-provider',
    script: './servers/oidc-provider.ts',
    paths: { token: '/token', introspection: '/token/introspection' },
  },
] as const satisfies readonly Candidate[]

type Measured = LoadResult & {
  readonly perSecond: number
  readonly perCpuSecond: number
  readonly rss: number
}

const pins = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0
if (pins) spawnSync('taskset', ['-pc', '1', String(process.pid)])
else console.log('taskset is not there or there is one core only: nothing is pinned, the figures are rough')

/** Both servers start with their modules compiled before, as `tessera serve` does: only a first start is without. */
const compileCache = mkdtempSync(join(tmpdir(), 'tessera-bench-cache-'))
process.on('exit', () => rmSync(compileCache, { recursive: true, force: true }))

/** Starts a server on core 0; answers once it serves. */
async function start(candidate: Candidate): Promise<{ child: ChildProcess; port: number; startMs: number }> {
  const before = performance.now()
  const child = fork(new URL(candidate.script, import.meta.url), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
  })
  if (pins) spawnSync('taskset', ['-apc', '0', String(child.pid)])
  const { ready } = (await answer(child)) as { ready: string }
  return { child, port: Number(new URL(ready).port), startMs: performance.now() - before }
}

/** By its channel, not by a signal: a process that a signal ends keeps no compiled modules. */
async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.disconnect()
  await ended
}

async function answer(child: ChildProcess): Promise<ServerMessage> {
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error('the server ended')
    }),
  ])
  return message
}

const tell = (child: ChildProcess, message: BenchMessage): Promise<ServerMessage> => {
  const answered = answer(child)
  child.send(message)
  return answered
}

const prepare = async (
  child: ChildProcess,
  preparation: Preparation | undefined,
): Promise<readonly string[]> =>
  preparation
    ? ((await tell(child, { prepare: preparation })) as { prepared: readonly string[] }).prepared
    : []

const usage = async (child: ChildProcess) =>
  ((await tell(child, { measure: true })) as { used: { cpuSeconds: number; rss: number } }).used

async function measure(candidate: Candidate, scenario: Scenario): Promise<Measured> {
  const { child, port } = await start(candidate)
  try {
    const warm = { ...scenario.prepare, count: Math.min(scenario.prepare?.count ?? 0, 5000) } as Preparation
    const warmed = await prepare(child, scenario.prepare && warm)
    await load({ port, connections, seconds: 1, next: scenario.next(candidate.paths, warmed) })
    const prepared = await prepare(child, scenario.prepare)
    const before = await usage(child)
    const result = await load({ port, connections, seconds, next: scenario.next(candidate.paths, prepared) })
    const after = await usage(child)
    if (result.failures > 0)
      throw new Error(`${candidate.name}, ${scenario.name}: ${result.failures} answers were not 200`)
    return {
      ...result,
      perSecond: result.requests / result.seconds,
      perCpuSecond: result.requests / (after.cpuSeconds - before.cpuSeconds),
      rss: after.rss,
    }
  } finally {
    await stop(child)
  }
}

const middle = (numbers: readonly number[]): number =>
  numbers.toSorted((left, right) => left - right)[numbers.length >> 1]!
const whole = (value: number): string => Math.round(value).toLocaleString('en')

type Row = { scenario: string; results: Record<string, Measured[]>; ratio: number }

async function run(scenario: Scenario): Promise<Row> {
  const results: Record<string, Measured[]> = {}
  for (let round = 0; round < runs; round++) {
    for (const candidate of candidates) {
      results[candidate.name] ??= []
      results[candidate.name]!.push(await measure(candidate, scenario))
    }
  }
  const medianOf = (name: string): number => middle(results[name]!.map(result => result.perSecond))
  return { scenario: scenario.name, results, ratio: medianOf('Tessera') / medianOf('oidc-provider') }
}

/** From the start of the process to its first answer to us, and its memory half a second later. */
async function idle(candidate: Candidate): Promise<{ startMs: number; rss: number }> {
  const { child, startMs } = await start(candidate)
  await new Promise(resolve => setTimeout(resolve, 500))
  const { rss } = await usage(child)
  await stop(child)
  return { startMs, rss }
}

const rows: Row[] = []
console.log(
  `Node ${process.version}, ${connections} connections, ${runs} runs of ${seconds} s, median requests/s (per CPU-second, p50/p99 ms)`,
)
for (const scenario of scenarios.filter(({ name }) => name.includes(options.only ?? ''))) {
  const row = await run(scenario)
  rows.push(row)
  const cells = candidates.map(({ name }) => {
    const results = row.results[name]!
    const of = (pick: (result: Measured) => number): number => middle(results.map(pick))
    return `${name} ${whole(of(r => r.perSecond))} (${whole(of(r => r.perCpuSecond))}, ${of(r => r.p50).toFixed(1)}/${of(r => r.p99).toFixed(1)})`
  })
  console.log(`${row.scenario}: ${cells.join(' · ')} · ratio ${row.ratio.toFixed(2)}`)
}
const floor = await measure(
  { name: 'edge', script: './servers/edge.ts', paths: candidates[0].paths },
  scenarios[0]!,
)
console.log(
  `limit, a form and a ready answer at our edge: ${whole(floor.perSecond)} (${whole(floor.perCpuSecond)})`,
)
await showLimits()
const idles: Record<string, { startMs: number; rss: number }> = {}
for (const candidate of candidates) {
  await idle(candidate)
  const measured = [await idle(candidate), await idle(candidate), await idle(candidate)]
  idles[candidate.name] = {
    startMs: middle(measured.map(one => one.startMs)),
    rss: middle(measured.map(one => one.rss)),
  }
  console.log(
    `${candidate.name}: serves ${whole(idles[candidate.name]!.startMs)} ms after its start, ${whole(idles[candidate.name]!.rss / 1e6)} MB idle`,
  )
}
if (options.json)
  writeFileSync(options.json, `${JSON.stringify({ node: process.version, rows, idles }, null, 2)}\n`)
process.disconnect?.()
