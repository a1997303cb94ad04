/**
 * Overload: three and ten times what one process can serve, over kept-alive and new connections, and clients that
 * pipeline many requests. Good responses must not collapse, memory stays flat, and /healthz responds.
 */

import { writeFileSync } from 'node:fs'
import { request as send } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { clientCredentialsForm, post } from '../../bench/src/load/requests.ts'
import { apiRs256, machineRs256 } from '../../bench/src/parties.ts'
import { pinLoad } from '../../bench/src/servers/cores.ts'
import { ended, startNode, temporaryDirectory, unlessEnded } from '../../bench/src/servers/process.ts'
import { configuration } from '../../bench/src/servers/tessera-configuration.ts'
import { cpuSecondsOf, residentOf } from '../../bench/src/servers/usage.ts'
import type { ExperimentOptions, Report } from './experiment.ts'
import { flood } from './flood.ts'

/** Another checkout's `tessera.js`, to measure that one instead. */
const entry =
  process.env.RELIABILITY_ENTRY ??
  fileURLToPath(new URL('../../packages/server/src/cli/tessera.js', import.meta.url))

/** An RS256 token: expensive enough for one load process to request ten times as many as can be created. */
const request = post('/connect/token', machineRs256, clientCredentialsForm(apiRs256.scope))

/**
 * With less of a core, responses are late because of other processes: clients give up, whatever the server does, and
 * the share of good responses is that of the machine.
 */
const leastCores = 0.25

type Server = { readonly port: number; readonly pid: number; readonly stop: () => Promise<void> }

async function startServer(): Promise<Server> {
  const file = join(temporaryDirectory('overload'), 'tessera.json')
  writeFileSync(file, JSON.stringify({ storage: 'sqlite:./tessera.db', workers: 1, ...configuration }))
  const child = startNode([entry, 'serve', '--config', file, '--port', '0'], {
    ...{ cores: 'server', stdio: 'output' },
    env: { TESSERA_LOG_LEVEL: 'error' },
  })
  const lines = createInterface({ input: child.stdout! })
  const listening = new Promise<number>(resolve => {
    lines.on('line', line => {
      const [, port] = /^listening on \S+:(\d+)$/.exec(line) ?? []
      if (port) resolve(Number(port))
    })
  })
  const port = await unlessEnded(child, listening)
  return {
    ...{ port, pid: child.pid! },
    async stop() {
      child.kill('SIGKILL')
      await ended(child)
    },
  }
}

/** In milliseconds, and in milliseconds of the server's CPU time, which other processes of the machine do not prolong. */
type Duration = { readonly wall: number; readonly cpu: number }

const never: Duration = { wall: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY }

/**
 * How long one request over its own connection takes; infinite if there is no response with one of these status codes in
 * a minute.
 */
const durationOf = (
  { port, pid }: Server,
  path: string,
  codes: readonly number[],
  bytes?: string,
): Promise<Duration> =>
  new Promise(resolve => {
    const [wall, cpu] = [performance.now(), cpuSecondsOf(pid)]
    const fail = (): void => resolve(never)
    const succeed = (): void =>
      resolve({ wall: performance.now() - wall, cpu: (cpuSecondsOf(pid) - cpu) * 1000 })
    const [head, body = ''] = bytes?.split('\r\n\r\n') ?? []
    const headers = Object.fromEntries((head?.split('\r\n').slice(1) ?? []).map(line => line.split(': ')))
    const asking = send({ port, path, method: bytes ? 'POST' : 'GET', headers, agent: false }, response => {
      response.resume().on('end', () => (codes.includes(response.statusCode!) ? succeed() : fail()))
    })
    asking.on('error', fail)
    asking.setTimeout(60_000, () => asking.destroy())
    asking.end(body)
  })

/** Probes the server every 100 ms until it is stopped. */
function watch(server: Server, ask: () => Promise<Duration> = () => durationOf(server, '/healthz', [200])) {
  let going = true
  let slowest: Duration = { wall: 0, cpu: 0 }
  let rss = 0
  const looking = (async () => {
    while (going) {
      const { wall, cpu } = await ask()
      slowest = { wall: Math.max(slowest.wall, wall), cpu: Math.max(slowest.cpu, cpu) }
      rss = Math.max(rss, residentOf(server.pid))
      await setTimeout(100)
    }
  })()
  return async () => {
    going = false
    await looking
    const { wall, cpu } = slowest
    return { slowest: { wall: Math.round(wall), cpu: Math.round(cpu) }, rss: Math.round(rss / 1e6) }
  }
}

/**
 * Connections that send `ahead` requests at once, and as many again after all responses. One that the server closes is
 * opened again after a tenth of a second.
 */
async function pipeline(port: number, connections: number, ahead: number, seconds: number): Promise<number> {
  let answered = 0
  let going = true
  const sockets = new Set<Socket>()
  const open = (): void => {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1')
    sockets.add(socket)
    let left = 0
    const more = (): void => {
      left = ahead
      socket.write(request.repeat(ahead), 'latin1')
    }
    socket.on('connect', more).on('error', () => {})
    socket.on('data', (chunk: unknown) => {
      const count = String(chunk).split('HTTP/1.1 200').length - 1
      answered += count
      left -= count
      if (left <= 0) more()
    })
    socket.on('close', () => {
      sockets.delete(socket)
      if (going) void setTimeout(100).then(() => going && open())
    })
  }
  for (let count = 0; count < connections; count++) open()
  await setTimeout(seconds * 1000)
  going = false
  for (const socket of sockets) socket.destroy()
  return answered
}

export async function run({ long }: ExperimentOptions): Promise<Report> {
  pinLoad()
  // Longer than the patience of a client, so that some give up.
  const seconds = long ? 10 : 1.5
  // The promises about these loads are about the slowest response, for which the short run needs less time.
  const pipelined = long ? 20 : 1
  // Opening two thousand takes most of a short run.
  const kept = long ? 2000 : 300
  // The short run shares the machine, so its limits are the server's CPU time.
  const [clock, limits] = long
    ? (['wall', { share: 0.6, health: 1000, other: 2000 }] as const)
    : (['cpu', { share: 0.3, health: 10_000, other: 10_000 }] as const)
  // Where other processes have most of the CPU time, a request may wait for so long that it is refused.
  const otherCodes = long ? [200] : [200, 503]
  const rows: (string | number)[][] = []
  const broken: string[] = []
  const server = await startServer()
  const measured = async (name: string, rate: number, options: { connections: number; fresh?: boolean }) => {
    const stop = watch(server)
    const before = cpuSecondsOf(server.pid)
    const result = await flood({ port: server.port, request, rate, seconds, ...options })
    const cpu = cpuSecondsOf(server.pid) - before
    const perCpuSecond = Math.round(result.good / cpu)
    const { slowest, rss } = await stop()
    rows.push([
      ...[name, Math.round(result.sent / seconds), Math.round(result.good / seconds), perCpuSecond],
      ...[result.refused, result.gaveUp, result.lost, `${result.p50}, ${result.p99}`, slowest.wall, rss],
    ])
    return { ...result, perCpuSecond, cores: cpu / seconds, slowest, rss }
  }
  try {
    await flood({ port: server.port, request, rate: 1e6, seconds: long ? 5 : 0.5, connections: 64 })
    const full = await measured('as much as it can, 64 connections', 1e6, { connections: 64 })
    const capacity = full.good / seconds
    for (const times of long ? [1.5, 3, 10] : [3, 10])
      for (const fresh of [false, true]) {
        const name = `${times} times, ${fresh ? 'a connection for each' : `${kept} kept connections`}`
        const one = await measured(name, capacity * times, { connections: kept, fresh })
        const judged = times === 3 && !fresh && Math.min(full.cores, one.cores) >= leastCores
        if (judged && one.perCpuSecond < full.perCpuSecond * limits.share)
          broken.push(
            `${name}: ${one.perCpuSecond} good responses a CPU second, unloaded ${full.perCpuSecond}`,
          )
        if (one.slowest[clock] >= limits.health)
          broken.push(`${name}: /healthz took ${one.slowest[clock]} ms (${clock})`)
      }
    for (const [connections, ahead] of [
      [400, 100],
      [300, 400],
    ] as const) {
      const name = `${connections} connections, each ${ahead} requests ahead`
      const [stop, stopOther] = [
        watch(server),
        watch(server, () => durationOf(server, '/connect/token', otherCodes, request)),
      ]
      const before = cpuSecondsOf(server.pid)
      const answered = await pipeline(server.port, connections, ahead, pipelined)
      const perCpuSecond = Math.round(answered / (cpuSecondsOf(server.pid) - before))
      const [health, other] = await Promise.all([stop(), stopOther()])
      rows.push([
        ...[name, '', Math.round(answered / pipelined), perCpuSecond],
        ...['', '', '', `another client: ${other.slowest.wall}`, health.slowest.wall, other.rss],
      ])
      if (other.slowest[clock] >= limits.other)
        broken.push(`${name}: another client waited ${other.slowest[clock]} ms (${clock})`)
      if (health.slowest[clock] >= limits.health)
        broken.push(`${name}: /healthz took ${health.slowest[clock]} ms (${clock})`)
    }
  } finally {
    await server.stop()
  }
  return {
    columns: [
      ...['load', 'sent/s', 'good/s', 'good per CPU second', '503', 'gave up', 'lost'],
      ...['good p50, p99 (ms)', '/healthz slowest (ms)', 'RSS (MB)'],
    ],
    rows,
    broken,
  }
}
