/** Messages between the primary and its workers. */

import type { ProcessMetrics, ServerMetrics } from '../../runtime/metrics.ts'

export type FromWorker =
  /** A heartbeat: the event loop runs. */
  | { readonly kind: 'alive' }
  /** The worker serves requests. */
  | { readonly kind: 'ready' }
  /** The worker could not start. */
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string | undefined }
  /** The worker stops, because it was asked or got a signal, and ends within these milliseconds. */
  | { readonly kind: 'stopping'; readonly limit_ms: number }
  /** The worker has read its configuration again. If it was not applied, the worker continues with the current one. */
  | { readonly kind: 'reloaded'; readonly applied: boolean }
  /** The metrics of the worker, which the primary requested for this round. */
  | { readonly kind: 'metrics'; readonly round: number; readonly metrics: ProcessMetrics }
  /** The worker asks for the metrics of all. */
  | { readonly kind: 'metrics_requested'; readonly question: number }

export type ToWorker =
  /** Finish the requests in progress, and exit. */
  | { readonly kind: 'drain' }
  /** Read the configuration again. */
  | { readonly kind: 'reload' }
  | { readonly kind: 'report_metrics'; readonly round: number }
  | { readonly kind: 'metrics_of_all'; readonly question: number; readonly metrics: ServerMetrics }
