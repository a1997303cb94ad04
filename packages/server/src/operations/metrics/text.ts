/** Writes metrics in the text format of Prometheus (version 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/). */

import { addSeries, type Series, type ServerMetrics } from '../../runtime/metrics.ts'

type Kind = 'counter' | 'gauge' | 'histogram'

/** The families, in the order of the output. */
const families: Readonly<Record<string, readonly [kind: Kind, help: string]>> = {
  tessera_http_requests_total: ['counter', 'Responses to requests.'],
  tessera_http_request_duration_seconds: ['histogram', 'Time from a complete request to its response.'],
  tessera_http_requests_under_way: ['gauge', 'Requests in progress.'],
  tessera_tokens_issued_total: ['counter', 'Successful responses of the token endpoint.'],
  tessera_webhooks_total: ['counter', 'Attempts to send webhooks, and events that were dropped.'],
  tessera_refusals_total: ['counter', 'Refusals by reason; see docs/reasons.md.'],
  tessera_store_commit_duration_seconds: ['histogram', 'Time to commit a token request.'],
  tessera_store_writes_waiting: ['gauge', 'Writes waiting for the embedded store.'],
  tessera_log_events_total: ['counter', 'Warnings and errors logged.'],
  tessera_log_lines_dropped_total: ['counter', 'Log lines that could not be written.'],
  tessera_worker_deaths_total: ['counter', 'Workers that ended unexpectedly.'],
  tessera_workers: ['gauge', 'Workers that reported metrics.'],
  tessera_build_info: ['gauge', 'Versions of Tessera and Node.'],
  process_cpu_seconds_total: ['counter', 'CPU time of all threads.'],
  process_start_time_seconds: ['gauge', 'Start time since the epoch.'],
  process_resident_memory_bytes: ['gauge', 'Resident memory.'],
  process_open_fds: ['gauge', 'Open files and sockets.'],
  nodejs_heap_size_used_bytes: ['gauge', 'Heap in use.'],
  nodejs_heap_size_total_bytes: ['gauge', 'Heap size.'],
  nodejs_external_memory_bytes: ['gauge', 'Memory of objects outside the heap.'],
  nodejs_eventloop_active_seconds_total: ['counter', 'Time that the event loop was not idle.'],
  nodejs_eventloop_lag_p50_seconds: ['gauge', 'Event loop lag since the last scrape.'],
  nodejs_eventloop_lag_p99_seconds: ['gauge', 'Event loop lag since the last scrape.'],
  nodejs_eventloop_lag_max_seconds: ['gauge', 'Event loop lag since the last scrape.'],
}

/** Adds up the counters. Gauges get the number of their worker as a label. */
export function formatMetrics({ processes, ended, deaths }: ServerMetrics): string {
  const series: Series = {
    ...addSeries(ended, ...processes.map(({ metrics }) => metrics.counters)),
    tessera_worker_deaths_total: deaths,
    tessera_workers: processes.length,
    ...Object.assign({}, ...processes.map(({ worker, metrics }) => numbered(metrics.gauges, worker))),
  }
  const byFamily = Map.groupBy(Object.entries(series), ([name]) => familyOf(name))
  return Object.entries(families)
    .flatMap(([family, [kind, help]]) => {
      const found = byFamily.get(family)
      if (!found) return []
      return [
        `# HELP ${family} ${help}\n# TYPE ${family} ${kind}\n`,
        ...found.map(([name, value]) => `${name} ${value}\n`),
      ]
    })
    .join('')
}

const numbered = (series: Series, worker: number): Series =>
  Object.fromEntries(
    Object.entries(series).map(([name, value]) => [
      name.endsWith('}') ? `${name.slice(0, -1)},worker="${worker}"}` : `${name}{worker="${worker}"}`,
      value,
    ]),
  )

const familyOf = (series: string): string => {
  const [name = ''] = series.split('{', 1)
  return name in families ? name : name.replace(/_(bucket|sum|count)$/, '')
}
