/** Tessera's goals, as shares of the results of others in the same run. */

import type { Latencies } from '../load/latencies.ts'
import { documentClient } from '../servers/public-clients.ts'
import { mark } from './format.ts'
import type { Goal, RowResult, SteadyResult } from './results.ts'
import { medianOf } from './summary.ts'

/**
 * Relative to the bare server: four fifths if nothing is stored, 65 in 100 if a commit is on disk before the response.
 */
const nothingStored = 0.8
const stored = 0.65

const peer = (share: number): Goal => ({ own: 'Tessera', of: 'oidc-provider', by: 'perSecond', share })
const fastify = (share: number): Goal => ({
  own: 'Tessera',
  of: 'Fastify + signature',
  by: 'perSecond',
  share,
})
/** Per CPU second, because the difference is smaller than that of two runs. */
const configured = (share: number): Goal => ({
  own: documentClient.name,
  of: 'Tessera',
  by: 'perCpuSecond',
  share,
})
const bare = (share: number): Goal => ({ own: 'Tessera', of: 'bare server', by: 'perSecond', share })

const goals: Readonly<Record<string, readonly Goal[]>> = {
  'client_credentials, JWT ES256': [peer(2.5), fastify(0.8), bare(nothingStored)],
  'client_credentials, JWT RS256': [peer(1.2), fastify(0.85), bare(nothingStored)],
  'client_credentials, JWT ES256, DPoP': [peer(2.5)],
  'client_credentials, reference token': [peer(1.5), bare(stored)],
  'code exchange, ID token ES256 + JWT + refresh': [peer(2.5), bare(stored)],
  'refresh with rotation, ES256': [peer(2.5), bare(stored)],
  'refresh with rotation, ES256, DPoP': [peer(2.5)],
  'refresh with rotation, ES256, public client': [configured(0.95)],
  'introspection, reference token': [peer(3.5), bare(nothingStored)],
  'userinfo, reference token': [peer(3.5), bare(nothingStored)],
  'introspection, JWT': [bare(nothingStored)],
  'userinfo, JWT': [bare(nothingStored)],
  discovery: [peer(3), bare(nothingStored)],
  JWKS: [peer(2), bare(nothingStored)],
}

export const goalsOf = (row: string): readonly Goal[] => goals[row] ?? []

export type Reached = Goal & { readonly reached: number; readonly met: boolean }

/** Without those whose servers were not measured. */
export function reachedBy({ goals: wanted, servers }: RowResult): readonly Reached[] {
  const figure = (name: string, by: Goal['by']): number | undefined => {
    const runs = servers.find(server => server.name === name)?.runs ?? []
    return runs.length === 0 ? undefined : medianOf(runs, run => run[by])
  }
  return wanted.flatMap(goal => {
    const own = figure(goal.own, goal.by)
    const other = figure(goal.of, goal.by)
    if (own === undefined || other === undefined) return []
    return [{ ...goal, reached: own / other, met: own / other >= goal.share }]
  })
}

/** For one worker: milliseconds until it listens, bytes when idle. */
export const startGoal = { ms: 400, rss: 115e6 } as const
/** The 99th percentile at four fifths of the maximum load, as a multiple of the median. */
export const steadyGoal = 4
/** If the rate was not sustained, the latency is meaningless, because all requests waited. */
const heldShare = 0.97

export type Steadiness = Latencies & {
  /** The 99th percentile divided by the median. */
  readonly multiple: number
  /** For the server that the goal is for. */
  readonly verdict: string
}

/** Medians of the runs. */
export function steadinessOf({ server, rate, runs }: SteadyResult): Steadiness {
  const [p50, p99, p999] = [
    medianOf(runs, run => run.p50),
    medianOf(runs, run => run.p99),
    medianOf(runs, run => run.p999),
  ]
  const multiple = p99 / p50
  const held = medianOf(runs, run => run.perSecond) >= rate * heldShare
  const verdict = server === 'Tessera' ? mark(multiple <= steadyGoal) : ''
  return { p50, p99, p999, multiple, verdict: held ? verdict : 'rate not sustained' }
}
