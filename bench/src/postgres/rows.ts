/** Tessera on PostgreSQL compared with the commit rate of the driver alone, interleaved on one database. */

import { type Measured, measure } from '../measure.ts'
import type { Plan } from '../options.ts'
import type { Goal, RowResult } from '../results/results.ts'
import { codeExchange } from '../rows/code-exchange.ts'
import { refresh } from '../rows/refresh.ts'
import { planOfRound } from '../table.ts'
import { startPostgres } from './database.ts'
import { measureDriver } from './driver.ts'
import { startOnPostgres } from './tessera.ts'

const works = [
  { row: codeExchange, commit: 'code' },
  { row: refresh, commit: 'refresh' },
] as const
const goals: readonly Goal[] = [{ own: 'Tessera', of: 'driver alone', by: 'perSecond', share: 0.8 }]

export async function measurePostgres(
  plan: Plan,
  print: (row: RowResult) => void,
): Promise<readonly RowResult[]> {
  const postgres = await startPostgres()
  const results: RowResult[] = []
  try {
    const url = await postgres.database('tessera')
    for (const { row, commit } of works) {
      const runs = { tessera: [] as Measured[], driver: [] as Measured[] }
      const server = await startOnPostgres(url)
      for (let round = 0; round < plan.runs; round++) {
        // The load sleeps between responses, to leave the database its core.
        runs.tessera.push(await measure(server, row, { ...planOfRound(plan, round), polls: false }))
        runs.driver.push(await measureDriver(url, commit, plan))
      }
      await server.stop()
      const servers = [
        { name: 'Tessera', runs: runs.tessera },
        { name: 'driver alone', runs: runs.driver },
      ]
      const result = { name: `PostgreSQL: ${row.name}`, goals, servers }
      print(result)
      results.push(result)
    }
  } finally {
    await postgres.stop()
  }
  return results
}
