/**
 * A log that can't be written: standard error on a full disk, and to a pipe that nobody reads; one process, and a
 * primary with workers. Every request gets a response, memory stays limited, and SIGTERM ends the server.
 */

import { closeSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { residentOf } from '../../bench/src/servers/usage.ts'
import { type Serving, startServer } from '../support/serving.ts'
import { openPipe } from '../support/sinks.ts'
import type { ExperimentOptions, Report } from './experiment.ts'

const program = process.env.RELIABILITY_ENTRY

type Place = {
  readonly name: string
  readonly open: (path: string) => Promise<{ readonly fd: number; readonly close: () => void }>
  /** How many requests, short and long. */
  readonly requests: readonly [number, number]
}

const places: readonly Place[] = [
  {
    name: 'full disk (`/dev/full`)',
    requests: [500, 2000],
    async open() {
      const fd = openSync('/dev/full', 'w')
      return { fd, close: () => closeSync(fd) }
    },
  },
  {
    name: 'a pipe that nobody reads',
    // More lines than the pipe and a buffer of 1 MiB hold.
    requests: [5000, 20_000],
    open: openPipe,
  },
]

const refused = {
  method: 'POST',
  headers: { authorization: `Basic ${btoa('web:secret')}` },
  body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'none' }),
}

/** Sends requests that are refused, over twenty connections; resolves to the number of responses. */
async function askAll(requests: number, url: string) {
  let [left, answered] = [requests, 0]
  const askOn = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await fetch(`${url}/connect/token`, {
        ...refused,
        signal: AbortSignal.timeout(15_000),
      }).catch(() => undefined)
      await response?.arrayBuffer()
      if (response?.status === 400) answered += 1
    }
  }
  await Promise.all(Array.from({ length: 20 }, askOn))
  return answered
}

type Row = { readonly cells: readonly (string | number)[]; readonly broken: readonly string[] }

async function measure(place: Place, workers: number, long: boolean, folder: string): Promise<Row> {
  const name = `${place.name}, ${workers === 1 ? '1 process' : `primary and ${workers} workers`}`
  const directory = join(folder, name.replace(/\W+/g, '-'))
  await mkdir(directory)
  const sink = await place.open(join(directory, 'pipe'))
  const requests = place.requests[long ? 1 : 0]
  try {
    const serving: Serving = { file: join(directory, 'tessera.json'), workers, stderr: sink.fd }
    const server = await startServer({ ...serving, ...(program !== undefined && { program }) })
    try {
      await askAll(200, server.url)
      const before = residentOf(server.child.pid!)
      const answered = await askAll(requests, server.url)
      const grown = Math.round((residentOf(server.child.pid!) - before) / 1e6)
      const health = (await server.get('/healthz')).status
      const told = performance.now()
      const code = await server.ends()
      const took = ((performance.now() - told) / 1000).toFixed(1)
      return {
        cells: [name, `${answered} of ${requests}`, grown, health, String(code), took],
        broken: [
          ...(answered < requests ? [`${name}: ${answered} of ${requests} answered`] : []),
          ...(health === 200 ? [] : [`${name}: /healthz ${health}`]),
          ...(code === 0 ? [] : [`${name}: ${code}`]),
          ...(grown > 100 ? [`${name}: ${grown} MB more`] : []),
        ],
      }
    } finally {
      server.kill()
    }
  } catch (error) {
    return { cells: [name, String(error), '', '', '', ''], broken: [`${name}: ${error}`] }
  } finally {
    sink.close()
  }
}

export async function run({ long }: ExperimentOptions): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-reliability-'))
  try {
    const measurements: Promise<Row>[] = []
    // The short run tries each place and each number once; test/kinds/writers.test.ts tries all of them.
    for (const [index, place] of places.entries())
      for (const workers of long ? [1, 2] : [2 - index]) {
        // The long run alone, for measurements that nothing else affects.
        const measuring = measure(place, workers, long, folder)
        measurements.push(long ? Promise.resolve(await measuring) : measuring)
      }
    const rows = await Promise.all(measurements)
    return {
      columns: [
        ...['standard error', 'answered', 'MB more', '/healthz'],
        ...['exit code', 's to end after SIGTERM'],
      ],
      rows: rows.map(({ cells }) => cells),
      broken: rows.flatMap(({ broken }) => broken),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
