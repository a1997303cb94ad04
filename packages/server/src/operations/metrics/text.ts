/** Figures in the text format of Prometheus (version 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/). */

import { addSeries, type FiguresOfAll, type Series } from '../../runtime/metrics.ts'

type Kind = 'counter' | 'gauge' | 'histogram'

/** Every family that is told, in this order. */
const families: Readonly<Record<string, readonly [kind: Kind, help: string]>> = {
  tessera_http_requests_total: ['counter', 'Requests answered.'],
  tessera_http_request_duration_seconds: ['histogram', 'From a whole request to its answer.'],
  tessera_http_requests_under_way: ['gauge', 'Requests that wait for their answer.'],
  tessera_tokens_issued_total: ['counter', 'Successful answers of the token endpoint.'],
  tessera_refusals_total: ['counter', 'Refusals by reason: docs/reasons.md.'],
  tessera_store_commit_duration_seconds: ['histogram', 'Until a token request was committed.'],
  tessera_store_writes_waiting: ['gauge', 'Writes that wait for the embedded store.'],
  tessera_log_events_total: ['counter', 'Warnings and errors in the log.'],
  tessera_log_lines_dropped_total: ['counter', 'Log lines that could not be written.'],
  tessera_worker_deaths_total: ['counter', 'Workers that ended without being told to.'],
  tessera_workers: ['gauge', 'Workers that told their figures.'],
  tessera_build_info: ['gauge', 'What is running.'],
  process_cpu_seconds_total: ['counter', 'Seconds of CPU, all threads.'],
  process_start_time_seconds: ['gauge', 'When it was started, since the epoch.'],
  process_resident_memory_bytes: ['gauge', 'Resident memory.'],
  process_open_fds: ['gauge', 'Open files and sockets.'],
  nodejs_heap_size_used_bytes: ['gauge', 'Heap in use.'],
  nodejs_heap_size_total_bytes: ['gauge', 'Heap.'],
  nodejs_external_memory_bytes: ['gauge', 'Memory of objects outside of the heap.'],
  nodejs_eventloop_active_seconds_total: ['counter', 'Seconds that the event loop was not idle.'],
  nodejs_eventloop_lag_p50_seconds: ['gauge', 'How late the event loop was, since it was read last.'],
  nodejs_eventloop_lag_p99_seconds: ['gauge', 'How late the event loop was, since it was read last.'],
  nodejs_eventloop_lag_max_seconds: ['gauge', 'How late the event loop was, since it was read last.'],
}

/** Counts are added up; what each process measured of itself is told with its number. */
export function formatFigures({ processes, ended, deaths }: FiguresOfAll): string {
  const series: Series = {
    ...addSeries(ended, ...processes.map(({ figures }) => figures.counted)),
    tessera_worker_deaths_total: deaths,
    tessera_workers: processes.length,
    ...Object.assign({}, ...processes.map(({ worker, figures }) => numbered(figures.measured, worker))),
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
