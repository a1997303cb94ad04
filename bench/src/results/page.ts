/** Renders the page with the charts: one file without scripts that loads nothing. */

import { whole } from './format.ts'
import { asText } from './markup.ts'
import type { Results } from './results.ts'
import {
  curveSection,
  goalsTable,
  limitsTable,
  rowSection,
  soakSection,
  startCharts,
  steadyTable,
} from './sections.ts'
import { style } from './style.ts'

export function pageOf(results: Results): string {
  const { rows, steady, limits, starts, workers, postgres, curves, soak } = results
  const sections = [
    section(
      'Goals',
      'Each result is a ratio of two values from the same run.',
      rows && goalsTable([...rows, ...(workers ?? []), ...(postgres ?? [])]),
    ),
    section('Requests', 'Bars are medians. Thin lines are the range of the runs.', rows?.map(rowSection)),
    section(
      'Latency at 80 % of the maximum load',
      'Requests at a constant rate. Latency includes waiting for a free connection.',
      steady && steadyTable(steady),
    ),
    section(
      'PostgreSQL',
      'Every commit is on disk. The database shares a core with the load generator.',
      postgres?.map(rowSection),
    ),
    section(
      'Two workers',
      'Compared by requests per CPU second, because the load generator uses one of the two cores.',
      workers?.map(rowSection),
    ),
    section('Startup time and memory', '', starts && startCharts(starts)),
    section('Scaling', 'Tessera only.', curves?.map(curveSection)),
    section('Soak', '', soak && soakSection(soak)),
    section(
      'Limits',
      'The parts of a request by themselves on one core, while the other core is as busy as under load.',
      limits && limitsTable(limits),
    ),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tessera: benchmarks</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Benchmarks</h1>
${aboutOf(results)}
${sections.join('\n')}
</main>
</body>
</html>
`
}

function section(title: string, about: string, content: string | readonly string[] | undefined): string {
  if (content === undefined || content.length === 0) return ''
  return `<h2>${asText(title)}</h2><p>${asText(about)}</p>${typeof content === 'string' ? content : content.join('\n')}`
}

function aboutOf({ measured, machine, plan, servers, rows }: Results): string {
  const { cpu, cores, node, pinned } = machine
  const how = `Measured on ${measured} with ${cpu}, ${cores} cores and Node ${node}: ${plan.runs} interleaved runs of ${plan.seconds} s with ${plan.connections} connections. ${pinned ? 'The server and the load generator have one core each.' : 'Processes were not pinned to cores, so the results are rough.'}`
  const list = servers.map(({ name, note }) => `<li><b>${asText(name)}</b>: ${asText(note)}</li>`)
  const total = (all: Results['rows'] = []): number =>
    all.flatMap(row => row.servers.flatMap(({ runs }) => runs)).reduce((sum, run) => sum + run.requests, 0)
  return `<p>${asText(how)} All ${whole(total(rows))} responses in the table were checked. To repeat the benchmark, run <code>npm run bench</code> on an otherwise idle machine.</p><ul>${list.join('')}</ul>`
}
