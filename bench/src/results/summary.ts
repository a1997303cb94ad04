/** The median and the range of several runs. */

import type { Measured } from '../measure.ts'
import type { RowResult } from './results.ts'

export type Spread = { readonly median: number; readonly least: number; readonly most: number }

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((left, right) => left - right)
  return { median: sorted[sorted.length >> 1]!, least: sorted[0]!, most: sorted.at(-1)! }
}

export const medianOf = <Run>(runs: readonly Run[], pick: (run: Run) => number): number =>
  spreadOf(runs.map(pick)).median

/** Requests a second, the median; undefined if the server was not measured. */
export function rateOf({ servers }: RowResult, name: string): number | undefined {
  const runs: readonly Measured[] = servers.find(server => server.name === name)?.runs ?? []
  return runs.length === 0 ? undefined : medianOf(runs, run => run.perSecond)
}

/** Returns the rows of the last time, with the medians of the earlier ones before its own. */
export const joinTimes = (earlier: readonly RowResult[], last: readonly RowResult[]): readonly RowResult[] =>
  last.map(row => ({
    ...row,
    servers: row.servers.map(server => ({
      ...server,
      medians: [
        ...(earlier.find(({ name }) => name === row.name)?.servers ?? [])
          .filter(({ name }) => name === server.name)
          .flatMap(({ medians = [] }) => medians),
        ...(server.runs.length === 0 ? [] : [medianOf(server.runs, run => run.perCpuSecond)]),
      ],
    })),
  }))
