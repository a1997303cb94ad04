/** Background jobs: clean-up, delivery of logout tokens and mail, and the jobs of tenants. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Log, LogLine } from '../runtime/ports.ts'
import { repeatedLine } from '../runtime/repeated-line.ts'
import { causeOf } from './failures.ts'

type Job = {
  readonly run: () => Promise<void>
  /** The event that is logged when a run fails: immediately, then every 10 s with the number of `failures`. */
  readonly failed: string
  readonly every: Seconds
  /** Until the first run. Default: `every`. */
  readonly first?: Seconds
}

/**
 * Runs each job at its interval until the returned function is called. The first run starts after the caller has
 * returned. A job that is still running is not started again. The timers don't keep the process alive.
 */
export function startJobs(jobs: readonly Job[], log: Log): () => void {
  const stops = jobs.map(job => startJob(job, log))
  return () => {
    for (const stop of stops) stop()
  }
}

function startJob({ run, failed, every, first = every }: Job, log: Log): () => void {
  let timer: NodeJS.Timeout
  let stopped = false
  // As the server stops, its stores close under a job that is still running.
  const write: LogLine = (event, fields) => {
    if (!stopped) log.error(event, fields)
  }
  const failure = repeatedLine(write, { event: failed, count: 'failures' })
  const runOnce = async (): Promise<void> => {
    try {
      await run()
    } catch (error) {
      if (!stopped) failure({ error: String(error), reason: causeOf(error) })
    }
    if (!stopped) schedule(every)
  }
  const schedule = (seconds: Seconds): void => {
    timer = setTimeout(runOnce, seconds * 1000)
    timer.unref()
  }
  schedule(first)
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
