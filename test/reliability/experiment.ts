/** The type of every reliability experiment, so that one command can run and print any of them. */

export type Report = {
  /** The table's header cells. */
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number)[])[]
  /** Each promise of docs/reliability.md that was broken; empty if all were kept. */
  readonly broken: readonly string[]
}

/**
 * `long`: repeats the published measurements. Otherwise the run is short enough for CI and shows only that the
 * promises are kept.
 */
export type ExperimentOptions = { readonly long: boolean }

/** The type of `run`, which each experiment of this folder exports. */
export type Experiment = (options: ExperimentOptions) => Promise<Report>
