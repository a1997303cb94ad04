/** The table as printed, row by row as it grows. */

import type { CurveResult } from '../curves/curve.ts'
import type { Limit } from '../limits/script.ts'
import type { Plan } from '../options.ts'
import type { SoakResult } from '../soak.ts'
import { mark, megabytes, ms, percent, times, whole } from './format.ts'
import { type Reached, reachedBy, startGoal, steadinessOf, steadyGoal } from './goals.ts'
import type { Machine, RowResult, StartResult, SteadyResult } from './results.ts'
import { medianOf, spreadOf } from './summary.ts'

export function printHead({ cpu, cores, node, pinned }: Machine, { runs, seconds, connections }: Plan): void {
  console.log(
    `${cpu}, ${cores} cores; Node ${node}; ${connections} connections; ${runs} × ${seconds} s, median and range`,
  )
  if (!pinned)
    console.log(
      'taskset is missing or there is only one core: processes are not pinned, and the results are rough',
    )
}

export function printRow(row: RowResult): void {
  console.log(`\n${row.name}`)
  for (const { name, runs, leftOut } of row.servers) {
    if (runs.length === 0) {
      console.log(`  ${name.padEnd(20)} – ${leftOut ?? 'has no such endpoint'}`)
      continue
    }
    const rate = spreadOf(runs.map(run => run.perSecond))
    const cells = [
      `${whole(rate.median).padStart(8)}/s (${whole(rate.least)}–${whole(rate.most)})`.padEnd(30),
      `${whole(medianOf(runs, run => run.perCpuSecond)).padStart(7)}/CPU-s`,
      `p50 ${ms(medianOf(runs, run => run.p50))}, p99 ${ms(medianOf(runs, run => run.p99))}, p99.9 ${ms(medianOf(runs, run => run.p999))}`,
      megabytes(medianOf(runs, run => run.rss)),
    ]
    console.log(`  ${name.padEnd(20)} ${cells.join('  ')}`)
  }
  const answers = row.servers.flatMap(({ runs }) => runs).reduce((sum, run) => sum + run.requests, 0)
  const refused = row.servers.flatMap(({ runs }) => runs).reduce((sum, run) => sum + run.replaysRefused, 0)
  const reached = reachedBy(row).map(describe)
  if (reached.length > 0) console.log(`  ${reached.join('\n  ')}`)
  console.log(
    `  ${whole(answers)} responses checked${refused > 0 ? `, ${refused} used credentials refused on a second use` : ''}`,
  )
}

/** Formats a ratio as a multiple or, if the goal is below 1, as a percentage. */
export const formatRatio = (value: number, goal: number): string =>
  goal >= 1 ? times(value) : percent(value)

const describe = ({ own, of, by, share, reached, met }: Reached): string =>
  `${own}: ${formatRatio(reached, share)} of ${of}${by === 'perCpuSecond' ? ' per CPU second' : ''} (goal ${formatRatio(share, share)}: ${mark(met)})`

export function printLimits(limits: readonly Limit[]): void {
  console.log('\nlimits: parts alone on one core')
  for (const { name, perCpuSecond, perSecond } of limits)
    console.log(
      `  ${name.padEnd(46)} ${(1e6 / perCpuSecond).toFixed(1).padStart(7)} µs of CPU  ${whole(perSecond).padStart(9)}/s`,
    )
}

export function printSteady(results: readonly SteadyResult[]): void {
  console.log('\nat four fifths of the greatest load')
  for (const result of results) {
    const { name, server, rate } = result
    const { p50, p99, p999, multiple, verdict } = steadinessOf(result)
    console.log(
      `  ${name.padEnd(46)} ${server.padEnd(12)} ${whole(rate).padStart(7)}/s  p50 ${ms(p50)}, p99 ${ms(p99)}, p99.9 ${ms(p999)}: ${times(multiple)}${verdict && ` (goal ${times(steadyGoal)}: ${verdict})`}`,
    )
  }
}

export function printStarts(results: readonly StartResult[]): void {
  console.log('\nstart and idle memory')
  for (const { name, startMs, rss } of results) {
    const start = spreadOf(startMs)
    const memory = spreadOf(rss)
    const goal =
      name === 'Tessera'
        ? ` (goals ${startGoal.ms} ms: ${mark(start.median <= startGoal.ms)}, ${megabytes(startGoal.rss)}: ${mark(memory.median <= startGoal.rss)})`
        : ''
    console.log(
      `  ${name.padEnd(20)} listens after ${whole(start.median)} ms (${whole(start.least)}–${whole(start.most)}), ${megabytes(memory.median)} idle${goal}`,
    )
  }
}

export function printCurve({ name, along, waited, points }: CurveResult): void {
  console.log(`\n${name}: ${along}`)
  for (const { at, work, runs, waitedMs } of points) {
    const cells = [
      `${whole(medianOf(runs, run => run.perSecond)).padStart(7)}/s`,
      `${whole(medianOf(runs, run => run.perCpuSecond)).padStart(7)}/CPU-s`,
      `p50 ${ms(medianOf(runs, run => run.p50))}, p99 ${ms(medianOf(runs, run => run.p99))}`,
      megabytes(medianOf(runs, run => run.rss)),
      ...(waitedMs === undefined ? [] : [`${whole(waitedMs)} ms ${waited}`]),
    ]
    console.log(`  ${whole(at).padStart(10)}  ${work.padEnd(46)} ${cells.join('  ')}`)
  }
}

export function printSoak({ seconds, samples, requests, settled, last, flat }: SoakResult): void {
  console.log(
    `\nsoak: ${whole(seconds)} s, ${whole(requests)} responses checked, ${samples.length} samples of memory`,
  )
  console.log(
    `  ${megabytes(settled)} in the second quarter, ${megabytes(last)} in the last: ${flat ? 'flat' : 'growing'}`,
  )
}
