/** Latency at four fifths of the load that a server reached in the table, with requests at a constant rate. */

import { type Measured, measure } from './measure.ts'
import type { Plan } from './options.ts'
import type { RowResult, SteadyResult } from './results/results.ts'
import { rateOf } from './results/summary.ts'
import type { Row } from './rows/row.ts'
import type { Candidate } from './servers/server.ts'
import { planOfRound, type Servers } from './table.ts'

const share = 0.8

/** @param result The result of this row, whose servers are still warm. */
export async function measureSteady(
  row: Row,
  result: RowResult,
  candidate: Candidate,
  { plan, servers }: { readonly plan: Plan; readonly servers: Servers },
): Promise<SteadyResult> {
  const greatest = rateOf(result, candidate.name)
  if (greatest === undefined) throw new Error(`${candidate.name} was not asked for: ${row.name}`)
  const rate = greatest * share
  const server = await servers.of(candidate)
  const runs: Measured[] = []
  while (runs.length < plan.runs) runs.push(await measure(server, row, { ...planOfRound(plan, 1), rate }))
  return { name: row.name, server: candidate.name, rate, runs }
}
