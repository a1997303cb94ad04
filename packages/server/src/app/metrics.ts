/** Where what is counted comes from, and the route that shows it. */

import type { Route } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { Load } from '../http/load.ts'
import type { Secret } from '../model/client.ts'
import type { Storehouse } from '../model/ports/stores.ts'
import type { Metrics } from '../operations/metrics/metrics.ts'
import type { Gathering } from '../runtime/metrics.ts'
import type { Ground } from './server-context.ts'

export type Measured = {
  readonly ground: Ground
  readonly routes: readonly Route[]
  readonly observe?: Metrics['observeRequest']
  readonly stop: () => void
}

/** The same ground where nobody asked for figures: then none are kept, and nothing of it is loaded. */
export async function measure(
  { metrics: access }: Configuration,
  {
    ground,
    load,
    gathering,
    droppedLines,
    accepted,
  }: {
    ground: Ground
    load: Load
    gathering?: Gathering
    droppedLines?: () => number
    accepted: () => readonly Secret[]
  },
): Promise<Measured> {
  if (!access) return { ground, routes: [], stop: () => {} }
  const { createMetrics } = await import('../operations/metrics/metrics.ts')
  const { clock, storehouse, log } = ground
  const metrics = createMetrics({
    ...{ clock, tokens: accepted },
    ...(gathering && { gathering }),
    ...(droppedLines && { droppedLines }),
    underWay: load.underWay,
    ...(storehouse.waiting && { waiting: storehouse.waiting }),
  })
  return {
    ground: { ...ground, log: metrics.listen(log), storehouse: timed(storehouse, metrics) },
    // Also under too much load: that is when somebody looks.
    routes: [{ path: '/metrics', methods: ['GET'], endpoint: metrics.endpoint, essential: true }],
    observe: metrics.observeRequest,
    stop: metrics.stop,
  }
}

const timed = (storehouse: Storehouse, { time }: Metrics): Storehouse => ({
  ...storehouse,
  main: time(storehouse.main),
  ofTenant: async name => time(await storehouse.ofTenant(name)),
})
