/** Collects the metrics of all workers in the primary, which remembers the latest report of each. */

import { addSeries, type ProcessMetrics, type Series, type ServerMetrics } from '../../runtime/metrics.ts'

type WorkerMetrics = {
  /**
   * Asks these workers, and resolves to the latest report of each. For a worker that does not respond in time, this is
   * an older report.
   */
  readonly collect: (
    workers: readonly number[],
    ask: (worker: number, round: number) => void,
  ) => Promise<ServerMetrics>
  readonly reported: (worker: number, round: number, metrics: ProcessMetrics) => void
  /** Keeps the counters of a worker that ended. */
  readonly ended: (worker: number, died: boolean) => void
}

/** Milliseconds. */
const timeout = 1000

export function createWorkerMetrics(): WorkerMetrics {
  const latest = new Map<number, ProcessMetrics>()
  const rounds = new Map<number, { readonly missing: Set<number>; readonly done: () => void }>()
  let count = 0
  let ended: Series = {}
  let deaths = 0

  /** Stops waiting for a worker in this round. */
  const settle = (worker: number, round: number): void => {
    const found = rounds.get(round)
    found?.missing.delete(worker)
    if (found?.missing.size === 0) found.done()
  }

  return {
    async collect(workers, ask) {
      const round = ++count
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, timeout)
        const done = (): void => {
          clearTimeout(timer)
          resolve()
        }
        rounds.set(round, { missing: new Set(workers), done })
        for (const worker of workers) ask(worker, round)
      })
      rounds.delete(round)
      const processes = [...latest].map(([worker, metrics]) => ({ worker, metrics }))
      return { processes: processes.sort((left, right) => left.worker - right.worker), ended, deaths }
    },
    reported(worker, round, metrics) {
      latest.set(worker, metrics)
      settle(worker, round)
    },
    ended(worker, died) {
      ended = addSeries(ended, latest.get(worker)?.counters ?? {})
      latest.delete(worker)
      if (died) deaths += 1
      for (const round of [...rounds.keys()]) settle(worker, round)
    },
  }
}
