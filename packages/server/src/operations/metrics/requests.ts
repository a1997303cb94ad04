/** Counts requests by endpoint and status, and measures how long their responses took. */

import { addSeries, type Series } from '../../runtime/metrics.ts'
import { createHistogram, type Histogram, labelled } from './counting.ts'

export type RequestMetrics = {
  /** @param endpoint the path of a route; undefined for a path without one. */
  readonly observe: (endpoint: string | undefined, status: number, milliseconds: number) => void
  readonly read: () => Series
}

type OfEndpoint = {
  readonly labels: string
  readonly statuses: Map<number, number>
  readonly times: Histogram
}

const name = 'tessera_http_request_duration_seconds'

export function createRequestMetrics(): RequestMetrics {
  const endpoints = new Map<string, OfEndpoint>()

  const begin = (endpoint: string): OfEndpoint => {
    const labels = labelled('endpoint', endpoint)
    const begun = { labels, statuses: new Map<number, number>(), times: createHistogram(name, labels) }
    endpoints.set(endpoint, begun)
    return begun
  }

  return {
    observe(endpoint = 'other', status, milliseconds) {
      const { statuses, times } = endpoints.get(endpoint) ?? begin(endpoint)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      times.observe(milliseconds / 1000)
    },
    read() {
      const all = [...endpoints.values()]
      const counts = all.flatMap(({ labels, statuses }) =>
        [...statuses].map(
          ([status, count]) =>
            [`tessera_http_requests_total{${labels},${labelled('status', status)}}`, count] as const,
        ),
      )
      return addSeries(Object.fromEntries(counts), ...all.map(({ times }) => times.read()))
    },
  }
}
