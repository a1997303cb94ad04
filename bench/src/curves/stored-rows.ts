/** Rows in the store: expired ones that nobody has deleted yet, and one in ten that lives. */

import { rmSync } from 'node:fs'
import { type Measured, measure } from '../measure.ts'
import { codeExchange } from '../rows/code-exchange.ts'
import { inspection } from '../rows/inspection.ts'
import { refresh } from '../rows/refresh.ts'
import { temporaryDirectory } from '../servers/process.ts'
import { startTessera } from '../servers/tessera.ts'
import { type Curve, type Point, sizesFor } from './curve.ts'
import { fillSqlite } from './fill-sqlite.ts'

const sizes = sizesFor({ quick: [0, 10_000], full: [0, 1000, 100_000, 1_000_000, 10_000_000] })
const works = [codeExchange, refresh, inspection[0]!]
const rounds = 2

export const storedRowsCurve: Curve = {
  name: 'rows in SQLite',
  along: 'rows, nine of ten expired',
  async measure(plan) {
    const filled = sizes(plan).map(at => ({ at, directory: temporaryDirectory('filled') }))
    const runs = new Map<string, Measured[]>()
    for (const { at, directory } of filled) await fillSqlite(directory, at)
    // In rounds: what the machine does meanwhile falls on all sizes alike.
    for (let round = 0; round < (plan.fresh ? rounds : 1); round++) {
      for (const { at, directory } of filled) {
        const server = await startTessera({ directory })
        for (const row of works) {
          const key = `${at} ${row.name}`
          runs.set(key, [...(runs.get(key) ?? []), await measure(server, row, plan)])
        }
        await server.stop()
      }
    }
    for (const { directory } of filled) rmSync(directory, { recursive: true, force: true })
    return filled.flatMap(({ at }): Point[] =>
      works.map(({ name }) => ({ at, work: name, runs: runs.get(`${at} ${name}`) ?? [] })),
    )
  },
}
