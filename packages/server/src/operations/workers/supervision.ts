/** The primary: starts the workers, replaces those that end, and stops them all. Serves no requests itself. */

import cluster, { type Worker } from 'node:cluster'
import { settlesWithin } from '../../runtime/async/promises.ts'
import type { Log } from '../../runtime/ports.ts'
import { writeError } from '../output/standard-output.ts'
import { createDeadlines } from './deadlines.ts'
import { createHeartbeats } from './heartbeat.ts'
import type { FromWorker, ToWorker } from './message.ts'
import { createReplacement } from './replacement.ts'
import { createWorkerMetrics } from './worker-metrics.ts'

type SupervisionOptions = {
  readonly count: number
  /** The file that a worker runs. */
  readonly entry: string
  /** Its arguments, before its number. */
  readonly words: readonly string[]
  /** Resolves when all workers must drain and end. */
  readonly stopped: Promise<void>
  /** Milliseconds that a worker may take to end. A worker that reports its own limit has that one. */
  readonly stopLimit: number
  /** Receives a function that reloads the configuration in all workers. */
  readonly onReload: (reload: () => Promise<void>) => void
  /** Called when all workers serve requests. */
  readonly onReady: () => void
  readonly log: Log
}

/** Milliseconds that the others wait for a worker that reloads. */
const reloadLimit = 60_000

/** The place of a worker. A worker that replaces it has the same number. */
type Place = {
  readonly number: number
  worker: Worker | undefined
  ready: boolean
  /** It has reported its own limit. */
  stops: boolean
  startedAt: number
  /** How many reloads had started before this worker did. */
  knows: number
  /** Reloads that it was asked for and has not reported. It runs them in order. */
  reloads: number
  /** One of them took longer than `reloadLimit`. */
  hangs: boolean
  /** Called when it has run the last of them, or has ended: with whether the others may reload too. */
  reloaded?: ((applied: boolean) => void) | undefined
}

/** Resolves to 0 when all workers have drained, and to 1 if one failed during startup, with its error on standard error. */
export function supervise({
  count,
  entry,
  words,
  stopped,
  stopLimit,
  onReload,
  onReady,
  log,
}: SupervisionOptions): Promise<0 | 1> {
  const places = Array.from(
    { length: count },
    (_, index): Place => ({
      number: index + 1,
      worker: undefined,
      ready: false,
      stops: false,
      startedAt: 0,
      knows: 0,
      reloads: 0,
      hangs: false,
    }),
  )
  const metrics = createWorkerMetrics()
  let state: 'starting' | 'serving' | 'stopping' = 'starting'
  let code: 0 | 1 = 0
  let reloads = 0
  const replacement = createReplacement({
    start: number => start(places[number - 1]!),
    isServed: () => places.some(({ ready }) => ready),
  })
  const heartbeats = createHeartbeats({
    watched: () => places.filter(({ ready }) => ready).map(({ number }) => number),
    onSilence(number, silent_ms) {
      const { worker } = places[number - 1]!
      log.error('worker_hung', { worker: number, pid: worker?.process.pid, silent_ms })
      worker?.process.kill('SIGKILL')
    },
  })
  const deadlines = createDeadlines({
    onSlowStart(number, waited_ms) {
      const { worker } = places[number - 1]!
      log.warn('worker_start_slow', { worker: number, pid: worker?.process.pid, waited_ms })
    },
    onSlowStop(number, waited_ms) {
      const { worker } = places[number - 1]!
      log.error('worker_stop_timed_out', { worker: number, pid: worker?.process.pid, waited_ms })
      worker?.process.kill('SIGKILL')
    },
  })
  let start: (place: Place) => void

  return new Promise(resolve => {
    start = (place: Place): void => {
      cluster.setupPrimary({ exec: entry, args: [...words, String(place.number)] })
      const worker = cluster.fork()
      log.info('worker_started', { worker: place.number, pid: worker.process.pid })
      Object.assign(place, { worker, ready: false, stops: false, knows: reloads, reloads: 0, hangs: false })
      place.startedAt = performance.now()
      deadlines.starting(place.number)
      worker.on('message', (message: FromWorker) => hear(place, message))
      worker.on('error', error => log.error('worker_failed', { worker: place.number, error: String(error) }))
      worker.once('exit', (exitCode, signal) => ended(place, exitCode, signal))
    }

    const hear = (place: Place, message: FromWorker): void => {
      heartbeats.heard(place.number)
      if (message.kind === 'alive') return
      if (message.kind === 'ready') becomeReady(place)
      else if (message.kind === 'stopping') limitStop(place, message.limit_ms)
      else if (message.kind === 'reloaded') reloaded(place, message.applied)
      else if (message.kind === 'metrics') metrics.reported(place.number, message.round, message.metrics)
      else if (message.kind === 'metrics_requested') void sendMetrics(place, message.question)
      else if (state === 'starting') giveUp(message.message, message.stack)
      else if (state === 'serving')
        log.error('worker_start_failed', { worker: place.number, error: message.message })
    }

    const limitStop = (place: Place, milliseconds: number): void => {
      place.stops = true
      deadlines.stopping(place.number, milliseconds)
    }

    const becomeReady = (place: Place): void => {
      place.ready = true
      if (state !== 'stopping' && !place.stops) deadlines.ready(place.number)
      // It may have read the file before the change.
      if (place.knows < reloads) void reload(place)
      if (state !== 'starting' || !places.every(({ ready }) => ready)) return
      state = 'serving'
      onReady()
    }

    /**
     * Resolves to whether the others may reload too: the worker applied the configuration, or ended, because its successor
     * reads the file. One that hangs is reported once, and no longer waited for.
     */
    const reload = async (place: Place): Promise<boolean> => {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      place.reloads += 1
      place.reloaded = resolve
      send(place, { kind: 'reload' })
      if (place.hangs) return true
      if (await settlesWithin(reloadLimit, promise)) return promise
      place.hangs = true
      const { number, worker } = place
      log.warn('worker_reload_slow', { worker: number, pid: worker?.process.pid, waited_ms: reloadLimit })
      return true
    }

    const reloaded = (place: Place, applied: boolean): void => {
      place.reloads -= 1
      if (place.reloads > 0) return
      place.hangs = false
      place.reloaded?.(applied)
    }

    /** Reloads one worker after the other, so that the others serve meanwhile. Stops at the first that rejects the file. */
    const reloadAll = async (): Promise<void> => {
      reloads += 1
      for (const place of places) {
        const applied = !place.ready || (await reload(place))
        if (!applied) return
      }
    }

    const sendMetrics = async (place: Place, question: number): Promise<void> => {
      const asked = places.filter(({ ready }) => ready)
      const collected = await metrics.collect(
        asked.map(({ number }) => number),
        (worker, round) => send(places[worker - 1], { kind: 'report_metrics', round }),
      )
      send(place, { kind: 'metrics_of_all', question, metrics: collected })
    }

    const send = (place: Place | undefined, message: ToWorker): void => {
      if (place?.worker?.isConnected()) place.worker.send(message)
    }

    const ended = (place: Place, exitCode: number | null, signal: string | null): void => {
      place.worker = undefined
      place.ready = false
      place.reloaded?.(true)
      metrics.ended(place.number, exitCode !== 0)
      deadlines.ended(place.number)
      if (state === 'starting') giveUp(`a worker ended (${signal ?? exitCode}) before it was ready`)
      if (state === 'stopping') finish()
      else replace(place, exitCode, signal)
    }

    const replace = (place: Place, exitCode: number | null, signal: string | null): void => {
      const lived = performance.now() - place.startedAt
      const again_in_ms = replacement.plan(place.number, lived)
      log.warn('worker_ended', { worker: place.number, exit_code: exitCode, signal, again_in_ms })
    }

    /** Stops all workers with the error of the first one that failed. */
    const giveUp = (message: string, stack?: string): void => {
      writeError(`tessera: ${message}\n${process.env.TESSERA_DEBUG && stack ? `${stack}\n` : ''}`)
      code = 1
      stop()
    }

    const stop = (): void => {
      state = 'stopping'
      replacement.cancel()
      for (const place of places) {
        if (place.worker && !place.stops) deadlines.stopping(place.number, stopLimit)
        send(place, { kind: 'drain' })
      }
      finish()
    }

    const finish = (): void => {
      if (places.some(({ worker }) => worker !== undefined)) return
      stopChecks()
      resolve(code)
    }

    const stopChecks = process.execArgv.some(isDebugger) ? () => {} : heartbeats.start()
    for (const place of places) start(place)
    onReload(reloadAll)
    stopped.then(stop)
  })
}

/** A worker that waits at a breakpoint is not hung. */
const isDebugger = (word: string): boolean => word.startsWith('--inspect')
