/** Renders the sections of the page: charts and tables for each part of the results. */

import type { CurveResult } from '../curves/curve.ts'
import type { Limit } from '../limits/script.ts'
import type { SoakResult } from '../soak.ts'
import { type Bar, barChart } from './bar-chart.ts'
import { mark, megabytes, ms, percent, times, whole } from './format.ts'
import { reachedBy, startGoal, steadinessOf, steadyGoal } from './goals.ts'
import { lineChart } from './line-chart.ts'
import { asText, tableOf } from './markup.ts'
import { formatRatio } from './print.ts'
import type { RowResult, StartResult, SteadyResult } from './results.ts'
import { medianOf, spreadOf } from './summary.ts'

const bounds: readonly string[] = ['bare server', 'Fastify + signature', 'driver alone']
const kindOf = (name: string): Bar['kind'] =>
  name.startsWith('Tessera') || name === 'two workers' ? 'own' : bounds.includes(name) ? 'bound' : 'peer'

export function rowSection(row: RowResult): string {
  const asked = row.servers.filter(({ runs }) => runs.length > 0)
  const bars = asked.map(({ name, runs }): Bar => {
    const value = spreadOf(runs.map(run => run.perSecond))
    return { name, value, label: `${whole(value.median)}/s`, kind: kindOf(name) }
  })
  const body = asked.map(({ name, runs }) => [
    name,
    whole(medianOf(runs, run => run.perSecond)),
    whole(medianOf(runs, run => run.perCpuSecond)),
    ms(medianOf(runs, run => run.p50)),
    ms(medianOf(runs, run => run.p99)),
    ms(medianOf(runs, run => run.p999)),
    megabytes(medianOf(runs, run => run.rss)),
  ])
  const head = ['Server', 'Requests/s', 'Per CPU second', 'p50', 'p99', 'p99.9', 'Memory']
  const left = row.servers.flatMap(({ name, leftOut }) => (leftOut ? [`${name} ${leftOut}.`] : []))
  return `<section><h3>${asText(row.name)}</h3>${barChart(row.name, bars)}<details><summary>Numbers</summary>${tableOf(head, body)}<p>${asText(left.join(' '))}</p></details></section>`
}

export function goalsTable(rows: readonly RowResult[]): string {
  const body = rows.flatMap(row =>
    reachedBy(row).map(({ own, of, by, share, reached, met }) => [
      row.name,
      `${own} / ${of}${by === 'perCpuSecond' ? ', per CPU second' : ''}`,
      formatRatio(reached, share),
      formatRatio(share, share),
      mark(met),
    ]),
  )
  return tableOf(['Work', 'Ratio', 'Result', 'Goal', 'Verdict'], body)
}

export function steadyTable(steady: readonly SteadyResult[]): string {
  const body = steady.map(result => {
    const { name, server, rate } = result
    const { p50, p99, p999, multiple, verdict } = steadinessOf(result)
    return [name, server, `${whole(rate)}/s`, ms(p50), ms(p99), ms(p999), times(multiple), verdict]
  })
  return tableOf(
    ['Work', 'Server', 'Rate', 'p50', 'p99', 'p99.9', 'p99 / p50', `Goal: ${times(steadyGoal)}`],
    body,
  )
}

export function startCharts(starts: readonly StartResult[]): string {
  const bars = (pick: (start: StartResult) => readonly number[], show: (value: number) => string): Bar[] =>
    starts.map(start => {
      const value = spreadOf(pick(start))
      return { name: start.name, value, label: show(value.median), kind: kindOf(start.name) }
    })
  const listens = barChart(
    'Milliseconds until the server listens',
    bars(
      ({ startMs }) => startMs,
      value => `${whole(value)} ms`,
    ),
  )
  const idle = barChart(
    'Idle memory',
    bars(({ rss }) => rss, megabytes),
  )
  return `<section><h3>Time to listen (goal: ${startGoal.ms} ms)</h3>${listens}</section><section><h3>Idle memory, one second after the start (goal: ${megabytes(startGoal.rss)})</h3>${idle}</section>`
}

export const limitsTable = (limits: readonly Limit[]): string =>
  tableOf(
    ['Part', 'CPU in µs', 'Per second'],
    limits.map(({ name, perCpuSecond, perSecond }) => [
      name,
      (1e6 / perCpuSecond).toFixed(1),
      whole(perSecond),
    ]),
  )

export function curveSection({ name, along, waited, points }: CurveResult): string {
  const works = [...new Set(points.map(({ work }) => work))]
  const lineOf = (pick: (point: CurveResult['points'][number]) => number) =>
    works.map(work => ({
      name: work,
      points: points.filter(point => point.work === work).map(point => [point.at, pick(point)] as const),
    }))
  const common = { along, showX: whole, logarithmic: true }
  const charts = [
    lineChart({
      ...{ ...common, title: `${name}: requests per second`, showY: value => `${whole(value)}/s` },
      lines: lineOf(({ runs }) => medianOf(runs, run => run.perSecond)),
    }),
    `<h4>Memory under load</h4>${lineChart({
      ...{ ...common, title: `${name}: memory`, showY: megabytes },
      lines: lineOf(({ runs }) => medianOf(runs, run => run.rss)),
    })}`,
  ]
  const waiting =
    waited === undefined ? [] : points.map(({ at, waitedMs = 0 }) => `${whole(at)}: ${whole(waitedMs)} ms`)
  const wait = waited === undefined ? '' : `<p>${asText(waited)}: ${asText(waiting.join(' · '))}</p>`
  return `<section><h3>${asText(name)}</h3>${charts.join('')}${wait}</section>`
}

export function soakSection({ seconds, requests, samples, settled, last, flat }: SoakResult): string {
  const chart = lineChart({
    ...{ title: 'Memory during the soak test', along: 'seconds', logarithmic: false },
    ...{ showX: whole, showY: megabytes },
    lines: [{ name: 'resident memory', points: samples.map(({ second, rss }) => [second, rss] as const) }],
  })
  const verdict = `${megabytes(settled)} in the second quarter, ${megabytes(last)} in the last (${percent(last / settled)}): ${flat ? 'flat' : 'growing'}.`
  return `<section><p>${whole(requests)} requests in ${whole(seconds)} seconds. Every response was checked. Memory: ${asText(verdict)}</p>${chart}</section>`
}
