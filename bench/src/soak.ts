/** The soak: ten minutes of every kind of token request at a constant rate, while memory is sampled. */

import { load } from './load/load.ts'
import type { Plan } from './options.ts'
import { spreadOf } from './results/summary.ts'
import { clientCredentials } from './rows/client-credentials.ts'
import { codeExchange } from './rows/code-exchange.ts'
import { inspection } from './rows/inspection.ts'
import { refresh } from './rows/refresh.ts'
import type { Row } from './rows/row.ts'
import type { Server } from './servers/server.ts'
import { tessera } from './servers/tessera.ts'
import { residentOf } from './servers/usage.ts'

export type SoakResult = {
  readonly seconds: number
  readonly requests: number
  readonly samples: readonly { readonly second: number; readonly rss: number }[]
  /** Medians of the second quarter of the time and of the last, in bytes. */
  readonly settled: number
  readonly last: number
  /** Whether the last median is at most a tenth above the settled one. */
  readonly flat: boolean
}

/** Requests per second of each; together about half of the capacity of one core. */
const loads: readonly { readonly row: Row; readonly rate: number }[] = [
  { row: clientCredentials[0]!, rate: 800 },
  { row: clientCredentials[2]!, rate: 800 },
  { row: codeExchange, rate: 400 },
  { row: refresh, rate: 400 },
  { row: inspection[0]!, rate: 800 },
  { row: inspection[3]!, rate: 800 },
]
const connections = 8
const turnSeconds = 10
const flatWithin = 1.1

export async function measureSoak({ soakSeconds }: Plan): Promise<SoakResult> {
  const server = await tessera.start()
  const samples: { second: number; rss: number }[] = []
  const start = performance.now()
  const sampling = setInterval(() => {
    samples.push({ second: (performance.now() - start) / 1000, rss: residentOf(server.pid) })
  }, 1000)
  let requests = 0
  try {
    for (let left = soakSeconds; left > 0; left -= turnSeconds) {
      const seconds = Math.min(left, turnSeconds)
      const counts = await Promise.all(loads.map(one => runRound(server, one, seconds)))
      requests += counts.reduce((sum, count) => sum + count, 0)
    }
  } finally {
    clearInterval(sampling)
    await server.stop()
  }
  const between = (from: number, to: number): number =>
    spreadOf(
      samples
        .filter(({ second }) => second >= from * soakSeconds && second < to * soakSeconds)
        .map(({ rss }) => rss),
    ).median
  const settled = between(0.25, 0.5)
  const last = between(0.75, 1)
  return { seconds: soakSeconds, requests, samples, settled, last, flat: last <= settled * flatWithin }
}

/** Codes are valid for five minutes, so each round gets new codes and tokens. */
async function runRound(
  server: Server,
  { row, rate }: (typeof loads)[number],
  seconds: number,
): Promise<number> {
  const counts = { all: 1, 'each connection': connections, 'each request': rate * seconds + connections }
  const credentials = row.needs ? await server.prepare(row.needs.kind, counts[row.needs.for]) : []
  const work = row.work(server.paths[row.endpoint]!, credentials, server.paths)
  const { requests } = await load({ ...work, port: server.port, connections, seconds, rate })
  return requests
}
