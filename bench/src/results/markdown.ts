/** The table as Markdown, for those who read it beside the code. */

import type { SoakResult } from '../soak.ts'
import { mark, megabytes, ms, times, whole } from './format.ts'
import { reachedBy, startGoal, steadinessOf, steadyGoal } from './goals.ts'
import { shown } from './print.ts'
import type { Results, RowResult } from './results.ts'
import { medianOf, spreadOf } from './summary.ts'

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], body: readonly (readonly string[])[]): string =>
  [
    line(head),
    `|${head.map((_, index) => (index === 0 ? '---' : '---:')).join('|')}|`,
    ...body.map(line),
  ].join('\n')

/** Requests a second of each server, and what Tessera reaches. */
export function requestsTable({ rows = [], servers }: Results): string {
  const names = servers.map(({ name }) => name)
  const figure = (row: RowResult, name: string): string => {
    const runs = row.servers.find(server => server.name === name)?.runs ?? []
    return runs.length === 0 ? '–' : whole(medianOf(runs, run => run.perSecond))
  }
  return table(
    ['requests/s', ...names],
    rows.map(row => [row.name, ...names.map(name => figure(row, name))]),
  )
}

function goalsMarkdown(rows: readonly RowResult[]): string {
  return table(
    ['work', 'share', 'reached', 'goal', ''],
    rows.flatMap(row =>
      reachedBy(row).map(({ own, of, by, share, reached, met }) => [
        ...[row.name, `${own} / ${of}${by === 'perCpuSecond' ? ' (per CPU-second)' : ''}`],
        ...[shown(reached, share), shown(share, share), mark(met)],
      ]),
    ),
  )
}

/** The page of `docs/benchmarks`. */
export function markdownOf(results: Results): string {
  const {
    measured,
    machine,
    plan,
    servers,
    rows = [],
    workers = [],
    postgres = [],
    starts = [],
    steady = [],
    curves = [],
    soak,
  } = results
  return `# Benchmarks

<!-- Written by \`npm run bench -- --publish\`. -->

Measured on ${measured}: ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; ${plan.connections} connections, ${plan.runs} runs of ${plan.seconds} s in turn, medians.
The server has one core, the load the other. Every answer was checked. With charts: [index.html](index.html). All figures: [results.json](results.json).
How it is measured, and how to repeat it: [bench](../../bench/README.md).

${requestsTable(results)}

${servers.map(({ name, note }) => `- **${name}**: ${note}`).join('\n')}

## Goals

${goalsMarkdown([...rows, ...workers, ...postgres])}

## At four fifths of the greatest load

${table(
  ['work', 'server', 'rate', 'p50', 'p99', 'p99.9', 'p99 / p50', `goal ${times(steadyGoal)}`],
  steady.map(result => {
    const { name, server, rate } = result
    const { p50, p99, p999, multiple, verdict } = steadinessOf(result)
    return [name, server, `${whole(rate)}/s`, ms(p50), ms(p99), ms(p999), times(multiple), verdict]
  }),
)}

## Start and idle memory

Goals: ${startGoal.ms} ms, ${megabytes(startGoal.rss)}.

${table(
  ['', 'listens after', 'idle'],
  starts.map(({ name, startMs, rss }) => [
    name,
    `${whole(spreadOf(startMs).median)} ms`,
    megabytes(spreadOf(rss).median),
  ]),
)}

## Growth

Tessera alone.

${table(
  ['', 'work', 'requests/s', 'per CPU-second', 'p50', 'p99', 'memory'],
  curves.flatMap(({ along, points }) =>
    points.map(({ at, work, runs }) => [
      `${whole(at)} ${along}`,
      work,
      whole(medianOf(runs, run => run.perSecond)),
      whole(medianOf(runs, run => run.perCpuSecond)),
      ms(medianOf(runs, run => run.p50)),
      ms(medianOf(runs, run => run.p99)),
      megabytes(medianOf(runs, run => run.rss)),
    ]),
  ),
)}

## Soak

${soak ? soakMarkdown(soak) : 'Not measured.'}
`
}

const soakMarkdown = ({ seconds, requests, settled, last, flat }: SoakResult): string =>
  `${whole(seconds)} seconds of every kind of token request, ${whole(requests)} answers: ${megabytes(settled)} in the second quarter, ${megabytes(last)} in the last (${flat ? 'flat' : 'it grows'}).
`
