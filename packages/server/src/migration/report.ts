/** The report of a migration: one line for each member of the source. */

import type { Path } from '../configuration/validation/schema.ts'

/** `not_needed`: the member means nothing to this server, such as the number of a row in a database. */
export const outcomes = ['carried_over', 'changed', 'not_needed', 'not_possible'] as const
export type Outcome = (typeof outcomes)[number]

export type Line = {
  readonly file: string
  /** The place in the file; empty: the whole file. */
  readonly source: Path
  readonly outcome: Outcome
  /** The place in the configuration or in `stored_users`. Omitted if nothing was written. */
  readonly target?: Path
  /** For every outcome except `carried_over`. */
  readonly why?: string
  /** The key follows from several members of `source`, or from a missing one. */
  readonly isAdded?: true
}

/** A line that `repair` may still replace. */
export type Report = { lines: Line[] }

/** Returns whether `path` is `prefix` or a place below it. */
export const isWithin = (path: Path, prefix: Path): boolean =>
  prefix.length <= path.length && prefix.every((step, index) => path[index] === step)

/** Moves lines about the same entry together. Entries and lines keep their order. */
export const groupByEntry = (lines: readonly Line[]): readonly Line[] =>
  [...Map.groupBy(lines, ({ file, source }) => [file, ...source.slice(0, 2)].join('\0')).values()].flat()
