/** The figures of all workers: each is asked when one of them wants to show them, and the primary remembers what each told last. */

import { addSeries, type Figures, type FiguresOfAll, type Series } from '../../runtime/metrics.ts'

export type FiguresBook = {
  /** Asks all of these, and answers what they told; of one that does not answer in time, what it told before. */
  readonly gather: (
    workers: readonly number[],
    ask: (worker: number, round: number) => void,
  ) => Promise<FiguresOfAll>
  readonly told: (worker: number, round: number, figures: Figures) => void
  /** Its counts stay in the sums. */
  readonly ended: (worker: number, died: boolean) => void
}

/** Milliseconds. */
const patience = 1000

export function createFiguresBook(): FiguresBook {
  const last = new Map<number, Figures>()
  const rounds = new Map<number, { readonly missing: Set<number>; readonly done: () => void }>()
  let count = 0
  let ended: Series = {}
  let deaths = 0

  const miss = (worker: number, round: number): void => {
    const one = rounds.get(round)
    one?.missing.delete(worker)
    if (one?.missing.size === 0) one.done()
  }

  return {
    async gather(workers, ask) {
      const round = ++count
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, patience)
        const done = (): void => {
          clearTimeout(timer)
          resolve()
        }
        rounds.set(round, { missing: new Set(workers), done })
        for (const worker of workers) ask(worker, round)
      })
      rounds.delete(round)
      const processes = [...last].map(([worker, figures]) => ({ worker, figures }))
      return { processes: processes.sort((left, right) => left.worker - right.worker), ended, deaths }
    },
    told(worker, round, figures) {
      last.set(worker, figures)
      miss(worker, round)
    },
    ended(worker, died) {
      ended = addSeries(ended, last.get(worker)?.counted ?? {})
      last.delete(worker)
      if (died) deaths += 1
      for (const round of [...rounds.keys()]) miss(worker, round)
    },
  }
}
