/**
 * Starts and restarts the thread that writes all files. Each file has its own queue and at most one batch in flight, so
 * that the writes of one issuer delay those of another by at most one batch. The thread starts on the first write, and
 * keeps the process alive only while a write is in flight.
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

/** @param open the server's own file, which stays open in the thread. */
export function startWriterThread(open: OpenOptions, options: WriteQueueOptions): WriterThread {
  const queues = new Map<string, QueueEnd>()
  const busy = new Set<string>()
  let state: 'open' | 'closing' | 'closed' | 'dead' = 'open'
  let restarted = false
  let worker: Worker | undefined

  function start(): Worker {
    const writer = new URL('./writer.ts', import.meta.url)
    const started = startThread(writer, { workerData: open, name: 'sqlite-writer' })
    started.on('message', ([file, results]: Finished) => {
      if (typeof results !== 'string') restarted = false
      queues.get(file)?.settle(results)
    })
    started.on('error', error => options.log?.error('store_writer_failed', { error: String(error) }))
    started.on('exit', replace)
    if (busy.size === 0) started.unref()
    return started
  }

  /** Replaces a thread that ended. Does so only once for each thread. */
  function replace(): void {
    if (state === 'closed') return
    if (restarted) state = 'dead'
    else {
      restarted = true
      worker = start()
    }
    for (const queue of queues.values()) queue.abandon(state === 'dead')
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
          send(operations) {
            worker ??= start()
            worker.postMessage([file, identity, operations] satisfies Batch)
          },
          busy: isBusy => keepAlive(file, isBusy),
        },
        options,
      )
      if (state === 'dead') queue.abandon(true)
      queues.set(file, queue)
      return queue
    },
    waiting: () => [...queues.values()].reduce((sum, queue) => sum + queue.waiting(), 0),
    async close() {
      if (state === 'closed' || state === 'closing') return
      if (state === 'open') state = 'closing'
      await Promise.all([...queues.values()].map(queue => queue.close()))
      const ending = worker
      if (state === 'dead' || !ending) return
      state = 'closed'
      ending.ref()
      await new Promise<void>(resolve => {
        ending.once('exit', () => resolve())
        ending.postMessage(null)
      })
    },
  }
}
