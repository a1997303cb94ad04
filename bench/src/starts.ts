/** How soon a server listens, and its memory when idle. */

import { setTimeout as pause } from 'node:timers/promises'
import type { Plan } from './options.ts'
import type { StartResult } from './results/results.ts'
import type { Candidate } from './servers/server.ts'
import { residentOf } from './servers/usage.ts'

const settleMs = 1000

export async function measureStarts(
  candidates: readonly Candidate[],
  { fresh }: Plan,
): Promise<readonly StartResult[]> {
  const results = candidates.map(({ name }) => ({ name, startMs: [] as number[], rss: [] as number[] }))
  // The first start of each server compiles its modules, and is not counted.
  const rounds = fresh ? 6 : 1
  for (let round = 0; round < rounds; round++) {
    for (const [index, candidate] of candidates.entries()) {
      const server = await candidate.start()
      const counts = round > 0 || !fresh
      if (counts) await pause(fresh ? settleMs : 0)
      if (counts) results[index]!.startMs.push(server.startMs)
      if (counts) results[index]!.rss.push(residentOf(server.pid))
      await server.stop()
    }
  }
  return results
}
