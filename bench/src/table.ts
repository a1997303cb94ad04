/**
 * A row of the table: all servers that do its work are started and warmed up, then measured in turn, as often as the
 * plan says.
 */

import { type Measured, measure } from './measure.ts'
import type { Plan } from './options.ts'
import { goalsOf } from './results/goals.ts'
import type { Goal, RowResult } from './results/results.ts'
import type { Row } from './rows/row.ts'
import type { Candidate, Server } from './servers/server.ts'

/** The running servers: for one row, or, if results do not count, for all. */
export type Servers = {
  readonly of: (candidate: Candidate) => Promise<Server>
  /** A row is finished. */
  readonly rest: () => Promise<void>
  readonly close: () => Promise<void>
}

export function createServers({ fresh }: Pick<Plan, 'fresh'>): Servers {
  const running = new Map<Candidate, Promise<Server>>()
  const close = async (): Promise<void> => {
    const ending = [...running.values()]
    running.clear()
    await Promise.all(ending.map(async server => (await server).stop()))
  }
  return {
    of(candidate) {
      const server = running.get(candidate) ?? candidate.start()
      running.set(candidate, server)
      return server
    },
    rest: async () => (fresh ? close() : undefined),
    close,
  }
}

/** In later rounds a server is already warm. */
const rewarm = 0.2

/** How a server is measured in this round. */
export const planOfRound = (plan: Plan, round: number): Plan =>
  round === 0 ? plan : { ...plan, warmUpSeconds: plan.warmUpSeconds * rewarm }

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
    // Each round starts with a different server, so that disturbances of the machine affect all of them equally.
    const inTurn = able.map((_, index) => able[(index + round) % able.length]!)
    for (const candidate of inTurn) {
      const server = await servers.of(candidate)
      const measured = await measure(server, row, planOfRound(plan, round)).catch(error => {
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
