/** Tessera on PostgreSQL against what the driver commits alone, in turn on one database. */

import { type Measured, measure } from '../measure.ts'
import type { Plan } from '../options.ts'
import type { Goal, RowResult } from '../results/results.ts'
import { codeExchange } from '../rows/code-exchange.ts'
import { refresh } from '../rows/refresh.ts'
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
      for (let round = 0; round < plan.runs; round++) {
        runs.tessera.push(await measureTessera(url, row, plan))
        runs.driver.push(await measureDriver(url, commit, plan))
      }
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

/** The load sleeps between answers, to leave the database its core. */
async function measureTessera(
  url: string,
  row: (typeof works)[number]['row'],
  plan: Plan,
): Promise<Measured> {
  const server = await startOnPostgres(url)
  try {
    return await measure(server, row, { ...plan, polls: false })
  } finally {
    await server.stop()
  }
}
