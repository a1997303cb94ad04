/** The primary as a worker sees it. When it dies, Node ends the worker at once. */

import cluster from 'node:cluster'
import type { FromWorker, ToWorker } from './message.ts'

export type Primary = {
  /** This worker serves. */
  readonly ready: () => void
  /** Fulfilled when it is to drain. */
  readonly stopped: Promise<void>
  /** It could not start, or not end well: ends the process. */
  readonly fail: (error: unknown) => void
  /** It has drained: ends the process. */
  readonly leave: () => void
}

export function createPrimary(): Primary {
  const send = (message: FromWorker, then = () => {}): void => void process.send?.(message, then)
  return {
    ready: () => send({ kind: 'ready' }),
    stopped: new Promise(resolve => {
      process.on('message', (message: ToWorker) => {
        if (message.kind === 'drain') resolve()
      })
    }),
    fail(error) {
      const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined }
      send({ kind: 'failed', message, stack }, () => process.exit(1))
    },
    leave: () => void cluster.worker?.disconnect(),
  }
}
