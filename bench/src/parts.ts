/** The parts of the bench, in order: each measures, prints, and adds its results. */

import { isAvailable } from '../../packages/server/src/model/signature-algorithm.ts'
import type { CurveResult } from './curves/curve.ts'
import { curves } from './curves/curves.ts'
import { measureLimits } from './limits/limits.ts'
import type { Plan } from './options.ts'
import { measurePostgres } from './postgres/rows.ts'
import { printCurve, printLimits, printRow, printSoak, printStarts, printSteady } from './results/print.ts'
import type { Found, RowResult, SteadyResult } from './results/results.ts'
import { joinTimes } from './results/summary.ts'
import type { Row } from './rows/row.ts'
import { rows } from './rows/rows.ts'
import { bare } from './servers/bare.ts'
import { candidates } from './servers/candidates.ts'
import { mlDsaCandidates } from './servers/ml-dsa.ts'
import { configuredClient, documentClient } from './servers/public-clients.ts'
import type { Candidate } from './servers/server.ts'
import { startedAgain, tessera } from './servers/tessera.ts'
import { measureSoak } from './soak.ts'
import { measureStarts } from './starts.ts'
import { measureSteady } from './steady.ts'
import { createServers, measureRow, type Servers } from './table.ts'
import { measureWorkers } from './workers.ts'

export type Part = (plan: Plan, only: string) => Promise<Found>

export const parts = {
  async table(plan, only) {
    const times = plan.times ?? 1
    let results: readonly RowResult[] = []
    for (let time = 1; time < times; time++)
      results = joinTimes(results, await measureTable(plan, only, async () => {}))
    const steady: SteadyResult[] = []
    const last = await measureTable(plan, only, async (row, result, servers) => {
      const able = [tessera, bare].filter(({ paths }) => paths[row.endpoint] !== undefined)
      for (const one of able) steady.push(await measureSteady(row, result, one, { plan, servers }))
    })
    printSteady(steady)
    return { rows: joinTimes(results, last), steady }
  },
  async workers(plan) {
    return { workers: await measureWorkers(plan, printRow) }
  },
  async postgres(plan) {
    return { postgres: await measurePostgres(plan, printRow) }
  },
  async limits({ seconds }) {
    const limits = await measureLimits(seconds / 2)
    printLimits(limits)
    return { limits }
  },
  async starts(plan) {
    // The quick form has started all others for the table.
    const others = plan.fresh ? candidates : []
    const starts = await measureStarts([startedAgain(), ...others], plan)
    printStarts(starts)
    return { starts }
  },
  async curves(plan, only) {
    const results: CurveResult[] = []
    for (const { measure, ...about } of curves.filter(({ name }) => name.includes(only))) {
      const result = { ...about, points: await measure({ ...plan, runs: Math.min(plan.runs, 2) }) }
      printCurve(result)
      results.push(result)
    }
    return { curves: results }
  },
  async soak(plan) {
    const soak = await measureSoak(plan)
    printSoak(soak)
    return { soak }
  },
} as const satisfies Record<string, Part>

export type PartName = keyof typeof parts

/** Rows whose servers have another configuration than those of the other rows. */
const special: Partial<Record<Row['endpoint'], readonly Candidate[]>> = {
  mlDsaToken: mlDsaCandidates,
  publicToken: [configuredClient, documentClient],
}

/** @param measured Called for each row while its servers are still warm. */
async function measureTable(
  plan: Plan,
  only: string,
  measured: (row: Row, result: RowResult, servers: Servers) => Promise<void>,
): Promise<readonly RowResult[]> {
  const servers = createServers(plan)
  const results: RowResult[] = []
  for (const row of rows.filter(({ name }) => name.includes(only))) {
    const needsMlDsa = row.endpoint === 'mlDsaToken'
    if (needsMlDsa && !isAvailable('ML-DSA-44')) {
      console.log(`\n${row.name}: skipped, because this Node.js has no ML-DSA`)
      continue
    }
    const result = await measureRow(row, special[row.endpoint] ?? candidates, { plan, servers })
    printRow(result)
    results.push(result)
    await measured(row, result, servers)
    await servers.rest()
  }
  await servers.close()
  return results
}
