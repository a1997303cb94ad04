/** Compares this checkout with others of Tessera, interleaved: `--before FOLDER[,FOLDER …]`. */

import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plan } from './options.ts'
import { printRow, printStarts } from './results/print.ts'
import type { Found, RowResult } from './results/results.ts'
import { medianOf } from './results/summary.ts'
import { rows } from './rows/rows.ts'
import type { Candidate } from './servers/server.ts'
import { startedAgain, tessera } from './servers/tessera.ts'
import { measureStarts } from './starts.ts'
import { createServers, measureRow } from './table.ts'

/**
 * Each version creates its credentials with its own code, so that schemas may differ. Its packages must be installed.
 */
export async function measureVersions(before: readonly Version[], plan: Plan, only: string): Promise<Found> {
  const candidates = [tessera, ...before.map(({ candidate }) => candidate)]
  const servers = createServers(plan)
  const results: RowResult[] = []
  for (const row of rows.filter(({ name }) => name.includes(only))) {
    const result = await measureRow(row, candidates, { plan, servers, goals: [] })
    printRow(result)
    printRatios(result)
    results.push(result)
    await servers.rest()
  }
  await servers.close()
  const starts = await measureStarts([startedAgain(), ...before.map(({ again }) => again)], plan)
  printStarts(starts)
  return { rows: results, starts }
}

type Version = { readonly candidate: Candidate; readonly again: Candidate }

/** Call this before the load is pinned, because each version then determines which cores it may use. */
export const loadVersions = (folders: readonly string[]): Promise<readonly Version[]> =>
  Promise.all(folders.map(loadVersion))

async function loadVersion(folder: string): Promise<Version> {
  const file = pathToFileURL(resolve(folder, 'bench/src/servers/tessera.ts')).href
  const module = (await import(file)) as { tessera: Candidate; startedAgain: () => Candidate }
  const name = `Tessera in ${basename(resolve(folder))}`
  return { candidate: { ...module.tessera, name }, again: { ...module.startedAgain(), name } }
}

function printRatios({ servers: [own, ...others] }: RowResult): void {
  if (!own) return
  for (const { name, runs } of others) {
    const ratio = medianOf(own.runs, run => run.perCpuSecond) / medianOf(runs, run => run.perCpuSecond)
    console.log(`  ${(ratio * 100).toFixed(1)} % of ${name} per CPU second`)
  }
}
