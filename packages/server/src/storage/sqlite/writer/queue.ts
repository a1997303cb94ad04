/** Queues a file's writes for the writer thread: the next batch is collected while one is being committed. */

import { type Log, StoreUnavailable } from '../../../runtime/ports.ts'
import { repeatedLine } from '../../../runtime/repeated-line.ts'
import type { OperationName } from '../writes/operations.ts'
import type { Operation, Results } from './committer.ts'

export type WriteQueue = {
  /** Resolves once the operation's transaction is on disk. Rejects with `StoreUnavailable` if that fails. */
  readonly write: (name: OperationName, values: readonly unknown[]) => Promise<unknown>
  /** Resolves when no write is waiting, but after a second at the latest, because a busy server needs clean-up too. */
  readonly idle: () => Promise<void>
  /** Returns how many writes are not finished. */
  readonly waiting: () => number
  /** Returns whether the last batch could not be committed. */
  readonly isFailing: () => boolean
  /** Refuses new writes and finishes those that wait. */
  readonly close: () => Promise<void>
}

export type WriteQueueOptions = {
  /** How many writes may wait. */
  readonly capacity: number
  readonly log?: Log
}

/** The connection of a queue to the writer thread. */
type Transport = {
  readonly send: (batch: readonly Operation[]) => void
  /** Called with true when the first write is waiting, and with false when none is waiting any more. */
  readonly busy: (busy: boolean) => void
}

/** A queue as the thread sees it. */
export type QueueEnd = WriteQueue & {
  /** Settles the writes of the batch that was sent. */
  readonly settle: (results: Results) => void
  /** Rejects the writes in flight after the thread ended: they may or may not be on disk. Sends the others. */
  readonly abandon: () => void
}

type Entry = {
  readonly operation: Operation
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** Limits the duration of a transaction to a few milliseconds. */
const maxBatch = 1024
const maxIdleWait = 1000

export function createWriteQueue(transport: Transport, { capacity, log }: WriteQueueOptions): QueueEnd {
  let waiting: Entry[] = []
  let inFlight: Entry[] = []
  let whenIdle: (() => void)[] = []
  let state: 'open' | 'closed' = 'open'
  let failing = false
  let scheduled = false
  const logFailure = log && repeatedLine(log.error, { event: 'store_write_failed', count: 'writes' })

  const isIdle = (): boolean => waiting.length === 0 && inFlight.length === 0

  /**
   * Sends the batch after the I/O of this event-loop tick, so that requests that arrived together are committed
   * together.
   */
  function schedule(): void {
    if (scheduled || inFlight.length > 0 || waiting.length === 0) return
    scheduled = true
    setImmediate(send)
  }

  function send(): void {
    scheduled = false
    if (inFlight.length > 0 || waiting.length === 0) return
    inFlight = waiting.length <= maxBatch ? waiting : waiting.slice(0, maxBatch)
    waiting = waiting.length <= maxBatch ? [] : waiting.slice(maxBatch)
    transport.send(inFlight.map(({ operation }) => operation))
  }

  function settle(results: Results): void {
    const done = inFlight
    inFlight = []
    failing = typeof results === 'string'
    if (typeof results === 'string') {
      logFailure?.({ error: results }, done.length)
      rejectAll(done, results)
    } else {
      for (const [index, { resolve, reject }] of done.entries()) {
        const result = results[index]
        if (result instanceof Error) reject(result)
        else resolve(result)
      }
    }
    schedule()
    rest()
  }

  function rest(): void {
    if (!isIdle()) return
    transport.busy(false)
    const callbacks = whenIdle
    whenIdle = []
    for (const callback of callbacks) callback()
  }

  const idle = (): Promise<void> =>
    new Promise(resolve => {
      if (isIdle()) return resolve()
      whenIdle.push(resolve)
    })

  return {
    settle,
    abandon() {
      const lost = inFlight
      inFlight = []
      failing = true
      schedule()
      rejectAll(lost, 'the writer thread has ended')
      rest()
    },
    write(name, values) {
      if (state !== 'open') return Promise.reject(new StoreUnavailable(`the store is ${state}`))
      if (waiting.length >= capacity)
        return Promise.reject(new StoreUnavailable('too many writes are waiting'))
      if (isIdle()) transport.busy(true)
      return new Promise((resolve, reject) => {
        waiting.push({ operation: [name, values], resolve, reject })
        schedule()
      })
    },
    idle: () =>
      Promise.race([idle(), new Promise<void>(resolve => setTimeout(resolve, maxIdleWait).unref())]),
    waiting: () => waiting.length + inFlight.length,
    isFailing: () => failing,
    async close() {
      state = 'closed'
      await idle()
    },
  }
}

const rejectAll = (entries: readonly Entry[], message: string): void => {
  for (const { reject } of entries) reject(new StoreUnavailable(message))
}
