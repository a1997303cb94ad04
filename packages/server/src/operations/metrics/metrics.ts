/** Counts what a server does, and serves `/metrics`. Loaded only if the configuration has `metrics`. */

import type { Endpoint } from '@tessera/protocol/http'
import type { Stores } from '../../model/ports/stores.ts'
import { addSeries, type MetricsExchange } from '../../runtime/metrics.ts'
import type { Log, LogLine } from '../../runtime/ports.ts'
import { createCounter, createHistogram } from './counting.ts'
import { createMetricsEndpoint, type MetricsAccess } from './endpoint.ts'
import { createProcessGauges } from './process.ts'
import { createRequestMetrics, type RequestMetrics } from './requests.ts'

export type Metrics = {
  readonly endpoint: Endpoint
  readonly observeRequest: RequestMetrics['observe']
  /** Wraps the log: counts refusals, issued tokens, warnings and errors. */
  readonly listen: (log: Log) => Log
  /** Wraps the store: measures its commits. */
  readonly time: (stores: Stores) => Stores
  readonly stop: () => void
}

type MetricsPorts = MetricsAccess & {
  /** Collects the metrics of other processes. Omitted: there are none. */
  readonly exchange?: MetricsExchange
  readonly underWay: () => number
  /** Returns how many lines the log could not write. */
  readonly droppedLines?: () => number
  /** Returns how many writes wait, for a store with a queue. */
  readonly waiting?: () => number
}

export function createMetrics({
  exchange,
  underWay,
  droppedLines,
  waiting,
  ...access
}: MetricsPorts): Metrics {
  const requests = createRequestMetrics()
  const refusals = createCounter('tessera_refusals_total', 'reason')
  const tokens = createCounter('tessera_tokens_issued_total', 'grant_type')
  const events = createCounter('tessera_log_events_total', 'event')
  const webhooks = createCounter('tessera_webhooks_total', 'outcome')
  const commits = createHistogram('tessera_store_commit_duration_seconds')
  const processGauges = createProcessGauges()

  const own = () => ({
    counters: addSeries(
      ...[requests, refusals, tokens, events, webhooks, commits].map(({ read }) => read()),
      droppedLines ? { tessera_log_lines_dropped_total: droppedLines() } : {},
    ),
    gauges: {
      tessera_http_requests_under_way: underWay(),
      ...(waiting && { tessera_store_writes_waiting: waiting() }),
      ...processGauges.read(),
    },
  })
  exchange?.report(own)
  const alone = async () => ({ processes: [{ worker: 1, metrics: own() }], ended: {}, deaths: 0 })

  const counting =
    (write: LogLine): LogLine =>
    (event, fields) => {
      events.add(event)
      write(event, fields)
    }

  return {
    endpoint: createMetricsEndpoint({ ...access, read: exchange?.collect ?? alone }),
    observeRequest: requests.observe,
    listen: log => ({
      debug: log.debug,
      info(event, fields) {
        if (event === 'refused') refusals.add(reasonOf(fields?.reason))
        else if (event === 'tokens_issued') tokens.add(String(fields?.grant_type))
        else if (event === 'webhook_delivered') webhooks.add('delivered')
        log.info(event, fields)
      },
      warn(event, fields) {
        if (event === 'refused') refusals.add(reasonOf(fields?.reason))
        else events.add(event)
        if (event === 'webhook_delayed') webhooks.add('delayed')
        log.warn(event, fields)
      },
      error: counting((event, fields) => {
        if (event === 'webhook_undeliverable') webhooks.add('undeliverable')
        if (event === 'webhook_events_dropped') webhooks.add('dropped', Number(fields?.events))
        log.error(event, fields)
      }),
    }),
    time: stores => ({
      ...stores,
      async commit(write) {
        const start = performance.now()
        try {
          return await stores.commit(write)
        } finally {
          commits.observe((performance.now() - start) / 1000)
        }
      },
    }),
    stop: processGauges.stop,
  }
}

/** An operator's code may refuse with any reason, including text from a client, which must not become a label. */
const reasonOf = (reason: unknown): string =>
  typeof reason === 'string' && /^[a-z][a-z0-9_]{0,63}$/.test(reason) ? reason : 'other'
