/**
 * Starts and restarts the thread that writes all files. Each file has its own queue and at most one batch in flight, so
 * that the writes of one issuer delay those of another by at most one batch. The thread starts on the first write, and
 * keeps the process alive only while a write is in flight. If it ends, the next write starts it again. If it ends again
 * before it has written, it rests in between, and writes fail meanwhile.
 */

import type { Worker } from 'node:worker_threads'
import { startThread } from '../../../runtime/thread.ts'
import type { OpenOptions } from '../database.ts'
import type { Batch } from './committer.ts'
import { createWriteQueue, type QueueEnd, type WriteQueue, type WriteQueueOptions } from './queue.ts'
import type { Finished } from './writer.ts'

export type WriterThread = {
  /** Creates the queue for a file that is already open. Call it once per file. */
  readonly queueFor: (file: string, identity: string) => WriteQueue
  /** Returns how many writes of all files are not finished. */
  readonly waiting: () => number
  /** Finishes the waiting writes and ends the thread. */
  readonly close: () => Promise<void>
}

/** Milliseconds. */
const firstRest = 100
const longestRest = 10_000

/** @param open the server's own file, which stays open in the thread. */
export function startWriterThread(open: OpenOptions, options: WriteQueueOptions): WriterThread {
  const queues = new Map<string, QueueEnd>()
  const busy = new Set<string>()
  let state: 'open' | 'closing' | 'closed' = 'open'
  let worker: Worker | undefined
  /** How often the thread has ended since it last wrote. */
  let ends = 0
  let restUntil = 0

  function start(): Worker {
    const writer = new URL('./writer.ts', import.meta.url)
    const started = startThread(writer, { workerData: open, name: 'sqlite-writer' })
    let cause: unknown
    started.on('message', ([file, results]: Finished) => {
      if (typeof results !== 'string') ends = 0
      queues.get(file)?.settle(results)
    })
    started.on('error', error => {
      cause = error
    })
    started.on('exit', code => ended(cause ?? `exit code ${code}`))
    return started
  }

  function ended(cause: unknown): void {
    if (state === 'closed') return
    worker = undefined
    const rest = ends === 0 ? 0 : Math.min(firstRest * 2 ** (ends - 1), longestRest)
    ends += 1
    restUntil = performance.now() + rest
    options.log?.error('store_writer_failed', { error: String(cause), again_in_ms: rest })
    for (const queue of queues.values()) queue.abandon()
  }

  function send(batch: Batch): void {
    const [file] = batch
    if (!worker && performance.now() < restUntil) {
      queues.get(file)?.settle('the writer thread has ended')
      return
    }
    try {
      worker ??= start()
    } catch (error) {
      // The system may refuse to create a thread.
      ended(error)
      return
    }
    worker.postMessage(batch)
  }

  function keepAlive(file: string, isBusy: boolean): void {
    if (isBusy) busy.add(file)
    else busy.delete(file)
    if (busy.size > 0) worker?.ref()
    else worker?.unref()
  }

  return {
    queueFor(file, identity) {
      const queue: QueueEnd = createWriteQueue(
        {
          send: operations => send([file, identity, operations]),
          busy: isBusy => keepAlive(file, isBusy),
        },
        options,
      )
      queues.set(file, queue)
      return queue
    },
    waiting: () => [...queues.values()].reduce((sum, queue) => sum + queue.waiting(), 0),
    async close() {
      if (state !== 'open') return
      state = 'closing'
      await Promise.all([...queues.values()].map(queue => queue.close()))
      const ending = worker
      state = 'closed'
      if (!ending) return
      ending.ref()
      await new Promise<void>(resolve => {
        ending.once('exit', () => resolve())
        ending.postMessage(null)
      })
    },
  }
}
