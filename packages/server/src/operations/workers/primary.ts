/** The primary as a worker sees it. When it dies, Node ends the worker at once. */

import cluster from 'node:cluster'
import { serial } from '../../runtime/async/promises.ts'
import type { Figures, FiguresOfAll, Gathering } from '../../runtime/metrics.ts'
import { heartbeatInterval } from './heartbeat.ts'
import type { FromWorker, ToWorker } from './message.ts'

export type Primary = {
  /** This worker serves. */
  readonly ready: () => void
  /** Fulfilled when it is to drain. */
  readonly stopped: Promise<void>
  /** What reads its configuration anew when it is to; answers whether that is served now. */
  readonly onReload: (reload: () => Promise<boolean>) => void
  /** It could not start, or not end well: ends the process. */
  readonly fail: (error: unknown) => void
  /** It has drained: ends the process. */
  readonly leave: () => void
  readonly gathering: Gathering
}

/** Milliseconds to wait for the primary, which may be hung: for the metrics of all workers, and for a last message. */
const patience = 2000

/** @param worker this worker's number. */
export function createPrimary(worker: number): Primary {
  const send = (message: FromWorker, then = () => {}): void => void process.send?.(message, then)
  const waiting = new Map<number, (figures: FiguresOfAll) => void>()
  const nothing: Figures = { counted: {}, measured: {} }
  let own = (): Figures => nothing
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
    else if (message.kind === 'tell_figures') send({ kind: 'figures', round: message.round, figures: own() })
    else {
      waiting.get(message.question)?.(message.figures)
      waiting.delete(message.question)
    }
  })

  // One at a time: a primary that is hung reads none of them.
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
    onReload(given) {
      reload = given
    },
    fail(error) {
      const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined }
      send({ kind: 'failed', message, stack }, () => process.exit(1))
      setTimeout(() => process.exit(1), patience)
    },
    leave: () => void cluster.worker?.disconnect(),
    gathering: {
      tell(figures) {
        own = figures
      },
      all: () =>
        new Promise(resolve => {
          const question = ++questions
          const timer = setTimeout(() => {
            waiting.delete(question)
            resolve({ processes: [{ worker, figures: own() }], ended: {}, deaths: 0 })
          }, patience)
          waiting.set(question, figures => {
            clearTimeout(timer)
            resolve(figures)
          })
          send({ kind: 'figures_wanted', question })
        }),
    },
  }
}
