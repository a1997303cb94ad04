/** The primary as a worker sees it. If it dies, Node ends the worker immediately. */

import cluster from 'node:cluster'
import { serial } from '../../runtime/async/promises.ts'
import type { MetricsExchange, ProcessMetrics, ServerMetrics } from '../../runtime/metrics.ts'
import { heartbeatInterval } from './heartbeat.ts'
import type { FromWorker, ToWorker } from './message.ts'

type Primary = {
  /** Reports that this worker serves requests. */
  readonly ready: () => void
  /** Resolves when the worker must drain. */
  readonly stopped: Promise<void>
  /** Reports that this worker stops, which takes at most these milliseconds. */
  readonly stopping: (limit: number) => void
  /** Sets the function that reloads the configuration. It resolves to whether the configuration was applied. */
  readonly onReload: (reload: () => Promise<boolean>) => void
  /** Reports that this worker could not start or stop, and ends the process. */
  readonly fail: (error: { readonly message: string; readonly stack?: string | undefined }) => void
  /** Ends the process, which has drained. */
  readonly leave: () => void
  readonly metrics: MetricsExchange
}

/** Milliseconds to wait for the primary, which may hang, when requesting metrics and when sending a last message. */
const timeout = 2000

/** @param worker this worker's number. */
export function createPrimary(worker: number): Primary {
  const send = (message: FromWorker, then = () => {}): void => void process.send?.(message, then)
  const waiting = new Map<number, (metrics: ServerMetrics) => void>()
  const nothing: ProcessMetrics = { counters: {}, gauges: {} }
  let own = (): ProcessMetrics => nothing
  let questions = 0
  let reload = async (): Promise<boolean> => false
  const inOrder = serial()
  let stop = (): void => {}
  const stopped = new Promise<void>(resolve => {
    stop = resolve
  })

  process.on('message', (message: ToWorker) => {
    if (message.kind === 'drain') stop()
    else if (message.kind === 'reload')
      void inOrder(async () => send({ kind: 'reloaded', applied: await reload() }))
    else if (message.kind === 'report_metrics')
      send({ kind: 'metrics', round: message.round, metrics: own() })
    else {
      waiting.get(message.question)?.(message.metrics)
      waiting.delete(message.question)
    }
  })

  // One at a time: a primary that hangs would read none of them.
  let beating = false
  setInterval(() => {
    if (beating || !process.connected) return
    beating = true
    send({ kind: 'alive' }, () => {
      beating = false
    })
  }, heartbeatInterval).unref()

  return {
    stopped,
    ready: () => send({ kind: 'ready' }),
    stopping: limit_ms => send({ kind: 'stopping', limit_ms }),
    onReload(given) {
      reload = given
    },
    fail({ message, stack }) {
      send({ kind: 'failed', message, stack }, () => process.exit(1))
      setTimeout(() => process.exit(1), timeout)
    },
    leave: () => void cluster.worker?.disconnect(),
    metrics: {
      report(metrics) {
        own = metrics
      },
      collect: () =>
        new Promise(resolve => {
          const question = ++questions
          const timer = setTimeout(() => {
            waiting.delete(question)
            resolve({ processes: [{ worker, metrics: own() }], ended: {}, deaths: 0 })
          }, timeout)
          waiting.set(question, metrics => {
            clearTimeout(timer)
            resolve(metrics)
          })
          send({ kind: 'metrics_requested', question })
        }),
    },
  }
}
