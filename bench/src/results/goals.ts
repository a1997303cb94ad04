/** What Tessera is to reach, as shares of what others reach in the same run. */

import type { RowResult } from './results.ts'
import { rateOf } from './summary.ts'

type Goal = { readonly peer?: number; readonly fastify?: number; readonly bare: number }

/** Of the bare server: four fifths where nothing is stored, 65 in 100 where a commit is on disk before the answer. */
const nothingStored = 0.8
const stored = 0.65

const goals: Readonly<Record<string, Goal>> = {
  'client_credentials, JWT ES256': { peer: 2.5, fastify: 0.8, bare: nothingStored },
  'client_credentials, JWT RS256': { peer: 1.2, fastify: 0.85, bare: nothingStored },
  'client_credentials, reference token': { peer: 1.5, bare: stored },
  'code exchange, ID token ES256 + JWT + refresh': { peer: 2.5, bare: stored },
  'refresh with rotation, ES256': { peer: 2.5, bare: stored },
  'introspection, reference token': { peer: 3.5, bare: nothingStored },
  'userinfo, reference token': { peer: 3.5, bare: nothingStored },
  'introspection, JWT': { bare: nothingStored },
  'userinfo, JWT': { bare: nothingStored },
  discovery: { peer: 3, bare: nothingStored },
  JWKS: { peer: 2, bare: nothingStored },
}

/** Tessera's rate divided by another's, beside what it should be. */
export type Share = {
  readonly of: string
  readonly share: number
  readonly goal: number
  readonly met: boolean
}

const others = { peer: 'oidc-provider', fastify: 'Fastify + signature', bare: 'bare server' } as const

export function sharesOf(row: RowResult): readonly Share[] {
  const own = rateOf(row, 'Tessera')
  const goal: Partial<Goal> = goals[row.name] ?? {}
  return (['peer', 'fastify', 'bare'] as const).flatMap(kind => {
    const other = rateOf(row, others[kind])
    const wanted = goal[kind]
    if (own === undefined || other === undefined || wanted === undefined) return []
    const share = own / other
    return [{ of: others[kind], share, goal: wanted, met: share >= wanted }]
  })
}

/** For one worker: milliseconds until it listens, bytes when idle. */
export const startGoal = { ms: 290, rss: 89e6 } as const
/** The 99th percentile at four fifths of the greatest load, as a multiple of the median. */
export const steadyGoal = 4
