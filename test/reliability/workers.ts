/**
 * A hung worker: one of two is stopped by SIGSTOP while clients connect. It is killed and replaced, and clients wait
 * no longer than that takes.
 */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ask, type Server, startServer } from '../support/serving.ts'
import { inTime, until } from '../support/until.ts'
import type { ExperimentOptions, Report } from './experiment.ts'

const program = process.env.RELIABILITY_ENTRY

/** Milliseconds between two connections, and until one is given up. */
const [interval, patience] = [400, 60_000]

const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

async function experiment(server: Server, connections: number) {
  const primary = server.child.pid!
  const [hung = 0] = childrenOf(primary)
  process.kill(hung, 'SIGSTOP')
  const stopped = performance.now()
  const took: number[] = []
  const counts: Record<string, number> = {}
  const asked: Promise<void>[] = []
  for (let count = 0; count < connections; count++) {
    const begun = performance.now()
    asked.push(
      ask(`${server.url}/healthz`, undefined, {}, patience).then(({ status }) => {
        const seconds = (performance.now() - begun) / 1000
        const kind = status === 200 ? (seconds < 1 ? 'within 1 s' : 'later') : String(status)
        counts[kind] = (counts[kind] ?? 0) + 1
        if (status === 200) took.push(seconds)
      }),
    )
    await setTimeout(interval)
  }
  let replaced = Number.NaN
  await until(
    'the hung worker is replaced',
    () => {
      const now = childrenOf(primary)
      return now.length === 2 && !now.includes(hung)
    },
    { every: 100, within: 60_000 },
  )
    .then(() => {
      replaced = (performance.now() - stopped) / 1000
    })
    .catch(() => process.kill(hung, 'SIGCONT'))
  await Promise.all(asked)
  return { counts, longest: Math.max(...took), replaced }
}

export async function run({ long }: ExperimentOptions): Promise<Report> {
  const connections = long ? 60 : 20
  const folder = await mkdtemp(join(tmpdir(), 'tessera-reliability-'))
  try {
    const server = await startServer({
      ...{ file: join(folder, 'tessera.json'), workers: 2, stdout: 'pipe' },
      ...(program !== undefined && { program }),
    })
    try {
      await inTime('both workers serve', once(server.child.stdout!, 'data'))
      const { counts, longest, replaced } = await experiment(server, connections)
      const { 'within 1 s': soon = 0, later = 0, ECONNRESET: reset = 0, ...other } = counts
      const lost = Object.values(other).reduce((sum, count) => sum + count, 0)
      const code = await server.ends()
      return {
        columns: ['connections', 'within 1 s', 'later', 'longest (s)', 'reset', 'nothing in 60 s'],
        rows: [[connections, soon, later, longest.toFixed(1), reset, lost]],
        broken: [
          ...(Number.isNaN(replaced) ? ['the hung worker was not replaced'] : []),
          ...(lost > 0 ? [`${lost} connections got nothing: ${JSON.stringify(other)}`] : []),
          ...(soon + later === 0 ? ['the other worker answered nobody'] : []),
          ...(code === 0 ? [] : [`SIGTERM: ${code}`]),
        ],
      }
    } finally {
      server.kill()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
