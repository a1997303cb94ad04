/** Adds metrics to the context of a server, if they are configured. */

import type { Route } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { Load } from '../http/load.ts'
import type { Secret } from '../model/client.ts'
import type { TenantStores } from '../model/ports/stores.ts'
import type { Metrics } from '../operations/metrics/metrics.ts'
import type { MetricsExchange } from '../runtime/metrics.ts'
import type { ServerContext } from './server-context.ts'

type WithMetrics = {
  /** The same context, with a log that counts and stores that are measured. */
  readonly context: ServerContext
  readonly routes: readonly Route[]
  readonly observe?: Metrics['observeRequest'] | undefined
  readonly stop: () => void
}

type MetricsSources = {
  readonly context: ServerContext
  readonly load: Load
  readonly metricsExchange?: MetricsExchange | undefined
  readonly droppedLines?: (() => number) | undefined
  /** Returns the tokens that `/metrics` accepts now. */
  readonly accepted: () => readonly Secret[]
}

/** If metrics are not configured, nothing is measured and their code is not loaded. */
export async function addMetrics(
  { metrics: access }: Configuration,
  { context, load, metricsExchange, droppedLines, accepted }: MetricsSources,
): Promise<WithMetrics> {
  if (!access) return { context, routes: [], stop: () => {} }
  const { createMetrics } = await import('../operations/metrics/metrics.ts')
  const { clock, tenantStores, log } = context
  const metrics = createMetrics({
    clock,
    tokens: accepted,
    exchange: metricsExchange,
    droppedLines,
    underWay: load.underWay,
    waiting: tenantStores.waiting,
  })
  return {
    context: { ...context, log: metrics.listen(log), tenantStores: timed(tenantStores, metrics) },
    // Also during overload, when operators need metrics most.
    routes: [{ path: '/metrics', methods: ['GET'], endpoint: metrics.endpoint, essential: true }],
    observe: metrics.observeRequest,
    stop: metrics.stop,
  }
}

const timed = (tenantStores: TenantStores, { time }: Metrics): TenantStores => ({
  ...tenantStores,
  main: time(tenantStores.main),
  forTenant: async name => time(await tenantStores.forTenant(name)),
})
