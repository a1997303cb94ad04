/** Rows in the store: expired ones that were not deleted yet, and one in ten that is valid. */

import { rmSync } from 'node:fs'
import { type Measured, measure } from '../measure.ts'
import type { Plan } from '../options.ts'
import { startPostgres } from '../postgres/database.ts'
import { startOnPostgres } from '../postgres/tessera.ts'
import { codeExchange } from '../rows/code-exchange.ts'
import { inspection } from '../rows/inspection.ts'
import { refresh } from '../rows/refresh.ts'
import { temporaryDirectory } from '../servers/process.ts'
import type { Server } from '../servers/server.ts'
import { startTessera } from '../servers/tessera.ts'
import { planOfRound } from '../table.ts'
import { type Curve, type Point, sizesFor } from './curve.ts'
import { fillPostgres } from './fill-postgres.ts'
import { fillSqlite } from './fill-sqlite.ts'

const quick = [0, 10_000]
const inSqlite = sizesFor({ quick, full: [1000, 100_000, 1_000_000, 10_000_000] })
/** Filling takes longer here. */
const inPostgres = sizesFor({ quick, full: [1000, 1_000_000, 10_000_000] })
const works = [codeExchange, refresh, inspection[0]!]
const along = 'rows, 90 % of them expired'

/** Databases with this many rows each. */
type Filled = {
  readonly at: number
  readonly start: () => Promise<Server>
}

export const sqliteRowsCurve: Curve = {
  ...{ name: 'rows in SQLite', along },
  async measure(plan) {
    const filled: (Filled & { readonly directory: string })[] = []
    for (const at of inSqlite(plan)) {
      const directory = temporaryDirectory('filled')
      await fillSqlite(directory, at)
      filled.push({ at, directory, start: () => startTessera({ directory }) })
    }
    const points = await measureFilled(filled, plan)
    for (const { directory } of filled) rmSync(directory, { recursive: true, force: true })
    return points
  },
}

export const postgresRowsCurve: Curve = {
  ...{ name: 'rows in PostgreSQL', along },
  async measure(plan) {
    const postgres = await startPostgres()
    try {
      const filled: Filled[] = []
      for (const at of inPostgres(plan)) {
        const url = await postgres.database(`rows_${at}`)
        await fillPostgres(url, at)
        filled.push({ at, start: () => startOnPostgres(url) })
      }
      return await measureFilled(filled, { ...plan, polls: false })
    } finally {
      await postgres.stop()
    }
  },
}

/** In rounds, so that disturbances of the machine affect all sizes alike. */
async function measureFilled(filled: readonly Filled[], plan: Plan): Promise<readonly Point[]> {
  const runs = new Map<string, Measured[]>()
  const servers = await Promise.all(filled.map(async ({ at, start }) => ({ at, server: await start() })))
  for (let round = 0; round < plan.runs; round++) {
    for (const row of works) {
      for (const { at, server } of servers) {
        const key = `${at} ${row.name}`
        runs.set(key, [...(runs.get(key) ?? []), await measure(server, row, planOfRound(plan, round))])
      }
    }
  }
  await Promise.all(servers.map(({ server }) => server.stop()))
  return filled.flatMap(({ at }): Point[] =>
    works.map(({ name }) => ({ at, work: name, runs: runs.get(`${at} ${name}`) ?? [] })),
  )
}
