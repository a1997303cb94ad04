/** `npm run bench`: Tessera and its peers in turn on one pinned core, the load on another. */

import { writeFileSync } from 'node:fs'
import { measureLimits } from './limits/limits.ts'
import { machineHere } from './machine.ts'
import { options, plan } from './options.ts'
import { printHead, printLimits, printRow, printStarts, printSteady } from './results/print.ts'
import type { Results, RowResult } from './results/results.ts'
import { rows } from './rows/rows.ts'
import { candidates } from './servers/candidates.ts'
import { pinLoad } from './servers/cores.ts'
import { tessera } from './servers/tessera.ts'
import { measureStarts } from './starts.ts'
import { measureSteady } from './steady.ts'
import { createServers, measureRow } from './table.ts'

const machine = machineHere()
pinLoad()
printHead(machine, plan)
const servers = createServers(plan)
const chosen = rows.filter(({ name }) => name.includes(options.only))
const results: RowResult[] = []
for (const row of chosen) {
  const result = await measureRow(row, candidates, { plan, servers })
  printRow(result)
  results.push(result)
}
const steady = await measureSteady(chosen, results, tessera, { plan, servers })
printSteady(steady)
await servers.close()
const limits = await measureLimits(plan.seconds / 2)
printLimits(limits)
const starts = await measureStarts(candidates, plan)
printStarts(starts)
if (options.json) {
  const all: Results = {
    ...{ format: 1, measured: new Date().toISOString().slice(0, 10), machine, plan },
    servers: candidates.map(({ name, note }) => ({ name, note })),
    ...{ rows: results, limits, steady, starts },
  }
  writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`)
}
