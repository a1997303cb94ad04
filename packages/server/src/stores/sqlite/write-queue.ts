/**
 * The queue before the writer thread: while one batch is being committed the next one gathers. The thread keeps the
 * process alive only while a write is under way.
 */

import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Log, StoreUnavailable } from '../../core/runtime.ts'
import type { OpenOptions } from './database.ts'
import type { Answers, Operation } from './writer.ts'

export type WriteQueue = {
  /** Fulfilled once the operation's transaction is on disk; rejects with `StoreUnavailable` when it can't be. */
  readonly write: (number: number, values: readonly unknown[]) => Promise<unknown>
  /** Fulfilled when no write waits; at the latest after a second, since a busy server must be cleaned too. */
  readonly idle: () => Promise<void>
  /** `failing`: the last batch could not be committed; `dead`: there is no thread any more. */
  readonly health: () => 'working' | 'failing' | 'dead'
  /** Refuses new writes, finishes those that wait and ends the thread. */
  readonly close: () => Promise<void>
}

export type WriteQueueOptions = OpenOptions & {
  /** How many writes may wait. */
  readonly capacity: number
  readonly log?: Log
}

type Entry = {
  readonly operation: Operation
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

/** So that no write waits for more than a few milliseconds of others' in its transaction. */
const maxBatch = 1024
const maxIdleWait = 1000

// Published code is JavaScript, and a file name in a URL is not rewritten by the compiler.
const writerUrl = new URL(import.meta.url.endsWith('.ts') ? './writer.ts' : './writer.js', import.meta.url)

export function createWriteQueue({ capacity, log, ...open }: WriteQueueOptions): WriteQueue {
  let waiting: Entry[] = []
  let flying: Entry[] = []
  let whenIdle: (() => void)[] = []
  let state: 'open' | 'closing' | 'closed' | 'dead' = 'open'
  let failing = false
  let restarted = false
  let scheduled = false
  let worker = start()

  function start(): Worker {
    // Not our environment: it may hold the master key, which a thread that writes rows has no need of.
    const started = new Worker(writerUrl, { workerData: open, env: compileCache(), name: 'sqlite-writer' })
    started.on('message', settle)
    started.on('error', error => log?.error('store_writer_failed', { error: String(error) }))
    started.on('exit', replace)
    started.unref()
    return started
  }

  const isIdle = (): boolean => waiting.length === 0 && flying.length === 0

  /** After the I/O of this turn of the event loop, so that requests that came together are committed together. */
  function schedule(): void {
    if (scheduled || flying.length > 0 || waiting.length === 0) return
    scheduled = true
    setImmediate(send)
  }

  function send(): void {
    scheduled = false
    if (flying.length > 0 || waiting.length === 0) return
    flying = waiting.length <= maxBatch ? waiting : waiting.slice(0, maxBatch)
    waiting = waiting.length <= maxBatch ? [] : waiting.slice(maxBatch)
    worker.postMessage(flying.map(({ operation }) => operation))
  }

  function settle(answers: Answers): void {
    const done = flying
    flying = []
    failing = typeof answers === 'string'
    if (typeof answers === 'string') {
      log?.error('store_write_failed', { error: answers, writes: done.length })
      rejectAll(done, answers)
    } else {
      restarted = false
      for (const [index, { resolve, reject }] of done.entries()) {
        const answer = answers[index]
        if (answer instanceof Error) reject(answer)
        else resolve(answer)
      }
    }
    schedule()
    rest()
  }

  function rest(): void {
    if (!isIdle()) return
    worker.unref()
    const callbacks = whenIdle
    whenIdle = []
    for (const callback of callbacks) callback()
  }

  /** The thread ended: what it was writing may or may not be on disk. It is started once more. */
  function replace(): void {
    if (state === 'closed') return
    const lost = flying
    flying = []
    failing = true
    if (restarted) state = 'dead'
    else {
      restarted = true
      worker = start()
      if (waiting.length > 0) worker.ref()
      schedule()
    }
    rejectAll(lost, 'the writer thread ended')
    if (state === 'dead') rejectAll(waiting.splice(0), 'the writer thread ended')
    rest()
  }

  const idle = (): Promise<void> =>
    new Promise(resolve => {
      if (isIdle()) return resolve()
      whenIdle.push(resolve)
    })

  return {
    write(number, values) {
      if (state !== 'open') return Promise.reject(new StoreUnavailable(`the store is ${state}`))
      if (waiting.length >= capacity)
        return Promise.reject(new StoreUnavailable('too many writes are waiting'))
      if (isIdle()) worker.ref()
      return new Promise((resolve, reject) => {
        waiting.push({ operation: [number, values], resolve, reject })
        schedule()
      })
    },
    idle: () =>
      Promise.race([idle(), new Promise<void>(resolve => setTimeout(resolve, maxIdleWait).unref())]),
    health: () => (state === 'dead' ? 'dead' : failing ? 'failing' : 'working'),
    async close() {
      if (state === 'closed' || state === 'closing') return
      if (state === 'open') state = 'closing'
      await idle()
      if (state === 'dead') return
      state = 'closed'
      worker.ref()
      await new Promise<void>(resolve => {
        worker.once('exit', () => resolve())
        worker.postMessage(null)
      })
    },
  }
}

/** Shares the process's cache of compiled modules, if it has one: else the thread strips and compiles its own at each start. */
function compileCache(): { NODE_COMPILE_CACHE?: string } {
  const directory = getCompileCacheDir()
  // Node appends its version's own folder.
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) }
}

const rejectAll = (entries: readonly Entry[], message: string): void => {
  for (const { reject } of entries) reject(new StoreUnavailable(message))
}
