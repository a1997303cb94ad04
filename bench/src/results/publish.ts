/** Writes `docs/benchmarks`: results.json and the pages rendered from it. Parts that were not measured are kept. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { markdownOf, requestsTable } from './markdown.ts'
import { pageOf } from './page.ts'
import type { Results } from './results.ts'

const root = new URL('../../../', import.meta.url)
const folder = new URL('docs/benchmarks/', root)
const file = new URL('results.json', folder)
const readme = new URL('README.md', root)

export const readPublished = (): Results => JSON.parse(readFileSync(file, 'utf8'))

export function publish(results: Results): void {
  mkdirSync(folder, { recursive: true })
  const whole: Results = { ...(existsSync(file) ? readPublished() : {}), ...results }
  writeFileSync(file, `${JSON.stringify(whole, null, 2)}\n`)
  render(whole)
}

/** Renders the pages and the table in the README. */
export function render(results: Results): void {
  writeFileSync(new URL('index.html', folder), pageOf(results))
  writeFileSync(new URL('README.md', folder), markdownOf(results))
  const text = readFileSync(readme, 'utf8')
  const table = `<!-- bench -->\n\n${requestsTable(results)}\n\n<!-- /bench -->`
  writeFileSync(
    readme,
    text.replace(/<!-- bench -->[\s\S]*?<!-- \/bench -->/, () => table),
  )
}
