/**
 * Compares two workers with one by their work per CPU-second, because twice the rate can't be shown if the load uses
 * one of the two cores.
 */

import type { Plan } from './options.ts'
import type { RowResult } from './results/results.ts'
import { clientCredentials } from './rows/client-credentials.ts'
import { codeExchange } from './rows/code-exchange.ts'
import type { Candidate } from './servers/server.ts'
import { paths, startTessera } from './servers/tessera.ts'
import { createServers, measureRow } from './table.ts'

const works = [clientCredentials[0]!, codeExchange]

/** Both may use both cores. */
const candidates: readonly Candidate[] = ([1, 2] as const).map(workers => ({
  name: workers === 1 ? 'one worker' : 'two workers',
  note: `tessera serve --workers ${workers}, not pinned`,
  paths,
  start: () => startTessera({ cores: 'both', workers }),
}))

export async function measureWorkers(
  plan: Plan,
  print: (row: RowResult) => void,
): Promise<readonly RowResult[]> {
  const servers = createServers(plan)
  const results: RowResult[] = []
  for (const row of works) {
    const named = { ...row, name: `two workers: ${row.name}` }
    const goals = [{ own: 'two workers', of: 'one worker', by: 'perCpuSecond', share: 0.9 }] as const
    // The load sleeps between responses, to leave the workers its core; and each of two gets half of the warm-up.
    const result = await measureRow(named, candidates, {
      plan: { ...plan, polls: false, warmUpSeconds: plan.warmUpSeconds * 2 },
      servers,
      goals,
    })
    print(result)
    results.push(result)
    await servers.rest()
  }
  await servers.close()
  return results
}
