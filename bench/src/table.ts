/** The table: each row asked of each server that does its work, in turn, as often as the plan says. */

import { type Measured, measure } from './measure.ts'
import type { Plan } from './options.ts'
import { goalsOf } from './results/goals.ts'
import type { Goal, RowResult } from './results/results.ts'
import type { Row } from './rows/row.ts'
import type { Candidate, Server } from './servers/server.ts'

/** A server for one measurement, or the same one each time. */
export type Servers = {
  readonly use: <Value>(candidate: Candidate, work: (server: Server) => Promise<Value>) => Promise<Value>
  readonly close: () => Promise<void>
}

export function createServers({ fresh }: Pick<Plan, 'fresh'>): Servers {
  const kept = new Map<Candidate, Promise<Server>>()
  const keep = (candidate: Candidate): Promise<Server> => {
    const before = kept.get(candidate)
    if (before) return before
    const starting = candidate.start()
    kept.set(candidate, starting)
    return starting
  }
  return {
    async use(candidate, work) {
      const server = await (fresh ? candidate.start() : keep(candidate))
      try {
        return await work(server)
      } finally {
        if (fresh) await server.stop()
      }
    },
    async close() {
      await Promise.all([...kept.values()].map(async server => (await server).stop()))
    },
  }
}

export async function measureRow(
  row: Row,
  candidates: readonly Candidate[],
  {
    plan,
    servers,
    goals = goalsOf(row.name),
  }: { readonly plan: Plan; readonly servers: Servers; readonly goals?: readonly Goal[] },
): Promise<RowResult> {
  const able = candidates.filter(one => one.paths[row.endpoint] !== undefined && !one.leavesOut?.[row.name])
  const runs = new Map<Candidate, Measured[]>(able.map(candidate => [candidate, []]))
  for (let round = 0; round < plan.runs; round++) {
    // Another one first in each round: what the machine does meanwhile falls on all alike.
    const inTurn = able.map((_, index) => able[(index + round) % able.length]!)
    for (const candidate of inTurn) {
      const measured = await servers
        .use(candidate, server => measure(server, row, plan))
        .catch(error => {
          throw new Error(`${candidate.name}, ${row.name}: ${error.message}`, { cause: error })
        })
      runs.get(candidate)!.push(measured)
    }
  }
  return {
    name: row.name,
    goals,
    servers: candidates.map(candidate => {
      const leftOut = candidate.leavesOut?.[row.name]
      return { name: candidate.name, runs: runs.get(candidate) ?? [], ...(leftOut && { leftOut }) }
    }),
  }
}
