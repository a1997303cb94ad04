/** What processes have counted and measured, for whoever watches over them. */

/** By series, as it is shown: `tessera_refusals_total{reason="code_expired"}`. */
export type Series = Readonly<Record<string, number>>

export type Figures = {
  /** Only grows, and is added up over processes. */
  readonly counted: Series
  /** Each process's own. */
  readonly measured: Series
}

/** Of every process of this server. */
export type FiguresOfAll = {
  readonly processes: readonly { readonly worker: number; readonly figures: Figures }[]
  /** What those that have ended had counted: a sum that shrank would look like a new start. */
  readonly ended: Series
  /** How many ended without being told to. */
  readonly deaths: number
}

/** How a process learns the figures of all, and tells its own. */
export type Gathering = {
  readonly tell: (own: () => Figures) => void
  readonly all: () => Promise<FiguresOfAll>
}

export function addSeries(...parts: readonly Series[]): Series {
  const sum: Record<string, number> = {}
  for (const part of parts) {
    for (const [series, value] of Object.entries(part)) sum[series] = (sum[series] ?? 0) + value
  }
  return sum
}
