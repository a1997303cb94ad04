/** Latency that is worth a promise: Tessera at four fifths of the load that it took in the table, requests at a steady rate. */

import { measure } from './measure.ts'
import type { Plan } from './options.ts'
import type { RowResult, SteadyResult } from './results/results.ts'
import { rateOf } from './results/summary.ts'
import type { Row } from './rows/row.ts'
import type { Candidate } from './servers/server.ts'
import type { Servers } from './table.ts'

const share = 0.8

export async function measureSteady(
  rows: readonly Row[],
  results: readonly RowResult[],
  candidate: Candidate,
  { plan, servers }: { readonly plan: Plan; readonly servers: Servers },
): Promise<readonly SteadyResult[]> {
  const steady: SteadyResult[] = []
  for (const row of rows) {
    const result = results.find(({ name }) => name === row.name)
    const greatest = result && rateOf(result, candidate.name)
    if (greatest === undefined) continue
    const rate = greatest * share
    const run = await servers.use(candidate, server => measure(server, row, { ...plan, rate }))
    steady.push({ name: row.name, rate, run })
  }
  return steady
}
