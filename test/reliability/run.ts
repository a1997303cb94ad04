/**
 * `npm run reliability -- NAME… [--long]`: runs the experiments behind docs/reliability.md, each in `NAME.ts` of this
 * folder.
 * Prints one table for each, and exits 1 if a promise was broken.
 */

import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Experiment, Report } from './experiment.ts'

const names = ['late', 'overload', 'skew', 'log', 'workers', 'network'] as const

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { long: { type: 'boolean', default: false } },
})

const fileOf = (name: string): URL => new URL(`./${name}.ts`, import.meta.url)

const isKnown = (name: string): boolean =>
  (names as readonly string[]).includes(name) && existsSync(fileOf(name))

function print(name: string, { columns, rows, broken }: Report): void {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  console.log(`\n${name}\n`)
  console.log([line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n'))
  for (const promise of broken) console.error(`BROKEN: ${promise}`)
}

const asked = positionals.length > 0 ? positionals : names.filter(isKnown)
const unknown = asked.filter(name => !isKnown(name))
if (unknown.length > 0) {
  console.error(`no such experiment: ${unknown.join(', ')}; there are: ${names.filter(isKnown).join(', ')}`)
  process.exit(2)
}
for (const name of asked) {
  const { run } = (await import(fileOf(name).href)) as { readonly run: Experiment }
  const report = await run({ long: values.long })
  print(name, report)
  if (report.broken.length > 0) process.exitCode = 1
}
