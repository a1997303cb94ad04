/** The page with the charts: one file without scripts, that loads nothing. */

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
      'Each figure is a share of another in the same run.',
      rows && goalsTable([...rows, ...(workers ?? []), ...(postgres ?? [])]),
    ),
    section('Requests', 'Bars are medians, the thin line the range of the runs.', rows?.map(rowSection)),
    section(
      'At four fifths of the greatest load',
      'Requests at a steady rate; waiting for a free connection counts.',
      steady && steadyTable(steady),
    ),
    section(
      'PostgreSQL',
      'Every commit on disk. The database shares its core with the load.',
      postgres?.map(rowSection),
    ),
    section(
      'Two workers',
      'By requests for a second of CPU: the load has one of the two cores.',
      workers?.map(rowSection),
    ),
    section('Start and memory', '', starts && startCharts(starts)),
    section('Growth', 'Tessera alone.', curves?.map(curveSection)),
    section('Soak', '', soak && soakSection(soak)),
    section(
      'Limits',
      'The parts of a request alone on one core, the other core as busy as under load.',
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
  const how = `Measured on ${measured}: ${cpu}, ${cores} cores, Node ${node}; ${plan.connections} connections, ${plan.runs} runs of ${plan.seconds} s in turn. ${pinned ? 'The server has one core, the load the other.' : 'Nothing was pinned: the figures are rough.'} Every answer was checked.`
  const whom = servers.map(({ name, note }) => `<li><b>${asText(name)}</b>: ${asText(note)}</li>`)
  const total = (all: Results['rows'] = []): number =>
    all.flatMap(row => row.servers.flatMap(({ runs }) => runs)).reduce((sum, run) => sum + run.requests, 0)
  return `<p>${asText(how)} ${whole(total(rows))} of them in the table. To repeat it: <code>npm run bench</code>, on a machine that does nothing else.</p><ul>${whom.join('')}</ul>`
}
