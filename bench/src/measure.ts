/** One measurement: a row of requests to a running server, with checked responses and their cost. */

import { askInTurn } from './load/connection.ts'
import { type LoadResult, load } from './load/load.ts'
import { get } from './load/requests.ts'
import type { Plan } from './options.ts'
import type { Row, Work } from './rows/row.ts'
import type { Server } from './servers/server.ts'
import { cpuSecondsOf, residentOf } from './servers/usage.ts'

export type Measured = LoadResult & {
  readonly perSecond: number
  /** Requests for each second of CPU that all threads of the server's processes used. */
  readonly perCpuSecond: number
  /** Resident bytes when the load ended. */
  readonly rss: number
  /** The number of used credentials that were sent again and refused. */
  readonly replaysRefused: number
}

export type MeasureOptions = Pick<Plan, 'seconds' | 'warmUpSeconds' | 'connections' | 'polls'> & {
  /** Requests a second; unlimited by default. */
  readonly rate?: number
}

/** Rejects if a response is wrong, or a used credential is accepted again. */
export async function measure(server: Server, row: Row, options: MeasureOptions): Promise<Measured> {
  await proveOnce(server, row)
  const { seconds, connections, rate } = options
  // Enough for a server that becomes faster during the run.
  const warm = await warmUp(server, row, options)
  const perSecond = rate ?? warm * 1.5
  const requests = Math.ceil(perSecond * seconds) + connections
  const { result, work, cpuSeconds } = await run(server, row, { ...options, requests })
  const rss = residentOf(server.pid)
  return {
    ...result,
    perSecond: result.requests / result.seconds,
    perCpuSecond: result.requests / cpuSeconds,
    rss,
    replaysRefused: await tryAgain(server, row, work),
  }
}

/** Returns the best rate in requests per second. */
async function warmUp(server: Server, row: Row, options: MeasureOptions): Promise<number> {
  let rate = 0
  let left = options.warmUpSeconds
  // If each request consumes a credential, a slow server or a short warm-up need not prepare more than it uses.
  const first = Math.min(250, Math.ceil(left * 2500))
  for (let requests = first; left > 0; requests *= 2) {
    const { result } = await run(server, row, { ...options, seconds: left, requests })
    left -= result.seconds
    rate = Math.max(rate, result.requests / result.seconds)
  }
  return rate
}

async function run(
  server: Server,
  row: Row,
  { requests, ...options }: MeasureOptions & { readonly requests: number },
): Promise<{ result: LoadResult; work: Work; cpuSeconds: number }> {
  const counts = { all: 1, 'each connection': options.connections, 'each request': requests }
  const credentials = row.needs ? await server.prepare(row.needs.kind, counts[row.needs.for]) : []
  const work = row.work(pathOf(server, row), credentials, server.paths)
  const before = cpuSecondsOf(server.pid)
  const result = await load({ ...options, ...work, port: server.port })
  return { result, work, cpuSeconds: cpuSecondsOf(server.pid) - before }
}

async function proveOnce(server: Server, row: Row): Promise<void> {
  const credentials = row.needs ? await server.prepare(row.needs.kind, 1) : []
  const { next, check } = row.work(pathOf(server, row), credentials, server.paths)
  const requests = [next(0, undefined)!, get(server.paths.jwks)]
  const [answer, jwks] = await askInTurn(server.port, requests)
  const fault = answer?.status === 200 ? check(answer.body) : `status ${answer?.status}: ${answer?.body}`
  if (fault !== undefined) throw new Error(fault)
  await row.prove(answer!.body, jwks!.body, server.paths)
}

/** A used credential must be refused now (RFC 6749 §4.1.2, RFC 9700 §4.14.2). */
async function tryAgain(server: Server, row: Row, work: Work): Promise<number> {
  const replays = work.replays?.() ?? []
  const answers = await askInTurn(server.port, replays)
  const taken = answers.find(
    ({ status, body }) => status !== 400 || JSON.parse(body).error !== 'invalid_grant',
  )
  if (taken) throw new Error(`${row.name}: a used credential was taken again: ${taken.body}`)
  return answers.length
}

function pathOf({ paths }: Server, { endpoint, name }: Row): string {
  const path = paths[endpoint]
  if (path === undefined) throw new Error(`${name}: there is no such endpoint`)
  return path
}
