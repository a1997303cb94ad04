/** Renders the results as Markdown. */

import type { CurveResult } from '../curves/curve.ts'
import type { SoakResult } from '../soak.ts'
import { mark, megabytes, ms, times, whole } from './format.ts'
import { reachedBy, startGoal, steadinessOf, steadyGoal } from './goals.ts'
import { formatRatio } from './print.ts'
import type { Results, RowResult } from './results.ts'
import { medianOf, spreadOf } from './summary.ts'

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], body: readonly (readonly string[])[]): string =>
  [
    line(head),
    `|${head.map((_, index) => (index === 0 ? '---' : '---:')).join('|')}|`,
    ...body.map(line),
  ].join('\n')

type RowOf = RowResult['servers'][number]

/** Returns the table with the requests of each server per second of CPU time: the range of the times it was measured. */
export const requestsTable = (results: Results): string =>
  serversTable(results, 'requests per second of CPU', ({ runs, medians }) => {
    const { least, most } = spreadOf(medians ?? [medianOf(runs, run => run.perCpuSecond)])
    return whole(least) === whole(most) ? whole(most) : `${whole(least)}–${whole(most)}`
  })

function serversTable(
  { rows = [], servers }: Results,
  heading: string,
  figure: (server: RowOf) => string,
): string {
  const names = servers.map(({ name }) => name)
  const cell = (row: RowResult, name: string): string => {
    const server = row.servers.find(server => server.name === name)
    return server && server.runs.length > 0 ? figure(server) : '–'
  }
  return table(
    [heading, ...names],
    rows.map(row => [row.name, ...names.map(name => cell(row, name))]),
  )
}

function goalsMarkdown(rows: readonly RowResult[]): string {
  return table(
    ['Work', 'Ratio', 'Result', 'Goal', 'Verdict'],
    rows.flatMap(row =>
      reachedBy(row).map(({ own, of, by, share, reached, met }) => [
        ...[row.name, `${own} / ${of}${by === 'perCpuSecond' ? ' (per CPU second)' : ''}`],
        ...[formatRatio(reached, share), formatRatio(share, share), mark(met)],
      ]),
    ),
  )
}

/** Returns `docs/benchmarks/README.md`. */
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

Measured on ${measured} with ${machine.cpu}, ${machine.cores} cores and Node ${machine.node}. Values are medians of ${plan.runs} interleaved runs of ${plan.seconds} s with ${plan.connections} connections. The server and
the load generator have one core each. Every response was checked.

- [Method, and how to repeat the benchmark](../../bench/README.md)
- [Charts](index.html)
- [Raw results](results.json)
- [Measurements behind the decision records](decisions.md)
- [Query plans on PostgreSQL](postgresql-plans.md)

## Requests per second of CPU time

The table was measured ${plan.times ?? 1} times, with new processes each time. A cell contains the range of the medians. On a shared machine,
these figures vary less than those per second.

${requestsTable(results)}

## Requests per second

The last time.

${serversTable(results, 'requests per second', ({ runs }) => whole(medianOf(runs, run => run.perSecond)))}

${servers.map(({ name, note }) => `- **${name}**: ${note}`).join('\n')}

## Goals

${goalsMarkdown([...rows, ...workers, ...postgres])}

## Latency at 80 % of the maximum load

${table(
  ['Work', 'Server', 'Rate', 'p50', 'p99', 'p99.9', 'p99 / p50', `Goal: ${times(steadyGoal)}`],
  steady.map(result => {
    const { name, server, rate } = result
    const { p50, p99, p999, multiple, verdict } = steadinessOf(result)
    return [name, server, `${whole(rate)}/s`, ms(p50), ms(p99), ms(p999), times(multiple), verdict]
  }),
)}

## Startup time and idle memory

Goals: ${startGoal.ms} ms, ${megabytes(startGoal.rss)}.

${table(
  ['Server', 'Time to listen', 'Idle memory'],
  starts.map(({ name, startMs, rss }) => [
    name,
    `${whole(spreadOf(startMs).median)} ms`,
    megabytes(spreadOf(rss).median),
  ]),
)}

## Scaling

Tessera only.

${curves.map(curveMarkdown).join('\n\n')}

## Soak

${soak ? soakMarkdown(soak) : 'Not measured.'}
`
}

const curveMarkdown = ({ name, along, points }: CurveResult): string => `### ${capitalized(name)}

${table(
  [capitalized(along), 'Work', 'Requests/s', 'Per CPU second', 'p50', 'p99', 'Memory'],
  points.map(({ at, work, runs }) => [
    whole(at),
    work,
    whole(medianOf(runs, run => run.perSecond)),
    whole(medianOf(runs, run => run.perCpuSecond)),
    ms(medianOf(runs, run => run.p50)),
    ms(medianOf(runs, run => run.p99)),
    megabytes(medianOf(runs, run => run.rss)),
  ]),
)}`

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const soakMarkdown = ({ seconds, requests, settled, last, flat }: SoakResult): string =>
  `${whole(requests)} token requests of all kinds in ${whole(seconds)} seconds. Memory: ${megabytes(settled)} in the second quarter, ${megabytes(last)} in the last (${flat ? 'flat' : 'growing'}).
`
