/** Metrics of the processes of a server: what each reports, and how they are collected. */

/** Values by series, as Prometheus names them: `tessera_refusals_total{reason="code_expired"}`. */
export type Series = Readonly<Record<string, number>>

export type ProcessMetrics = {
  /** Counters only increase, and are summed over processes. */
  readonly counters: Series
  /** Gauges of this process. */
  readonly gauges: Series
}

/** The metrics of all processes of a server. */
export type ServerMetrics = {
  readonly processes: readonly { readonly worker: number; readonly metrics: ProcessMetrics }[]
  /** The counters of processes that ended. Without them, sums would decrease, which looks like a restart. */
  readonly ended: Series
  /** The number of processes that ended unexpectedly. */
  readonly deaths: number
}

/** Connects a process to the metrics of the others. */
export type MetricsExchange = {
  /** Sets the function that returns the metrics of this process. */
  readonly report: (own: () => ProcessMetrics) => void
  readonly collect: () => Promise<ServerMetrics>
}

export function addSeries(...parts: readonly Series[]): Series {
  const sum: Record<string, number> = {}
  for (const part of parts) {
    for (const [series, value] of Object.entries(part)) sum[series] = (sum[series] ?? 0) + value
  }
  return sum
}
