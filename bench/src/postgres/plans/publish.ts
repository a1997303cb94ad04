/** `npm run bench -- --plans`: the plans as a page of `docs/benchmarks`. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { startPostgres } from '../database.ts'
import type { Explained } from './explain.ts'
import { filledRows, fillTables } from './fill.ts'
import { faultsOf, indexesOf } from './plan.ts'
import { takePlans, type WorkPlans } from './take.ts'

const folder = new URL('../../../../docs/benchmarks/', import.meta.url)

/** Of the shapes of `commit`, those that grants ask for most; the test looks at all. */
const usualCommits = new Set([
  'commit + referenceToken',
  'commit + authorization + family',
  'commit + assertion',
  'commit + authorization_code + family',
  'commit + authorization_code + family + referenceToken',
  'commit + device_code + family',
  'commit + refresh_rotation',
  'commit + refresh_rotation + referenceToken',
  'commit + refresh_retry',
  'commit + refresh_reuse',
])
const isUsual = ({ name }: WorkPlans): boolean => !name.startsWith('commit') || usualCommits.has(name)

export async function publishPlans(): Promise<void> {
  const postgres = await startPostgres()
  try {
    const url = await postgres.database('plans')
    await fillTables(url)
    const page = pageOf(await takePlans(url))
    mkdirSync(folder, { recursive: true })
    writeFileSync(new URL('postgresql-plans.md', folder), page)
    console.log(page)
  } finally {
    await postgres.stop()
  }
}

function pageOf(works: readonly WorkPlans[]): string {
  const faults = works.flatMap(({ statements }) =>
    statements.flatMap(({ plans }) => plans.flatMap(plan => faultsOf(plan))),
  )
  const usual = works
    .filter(isUsual)
    .flatMap(({ name, statements }) => statements.map(one => ({ name, one })))
  return `# Plans on PostgreSQL

<!-- Written by \`npm run bench -- --plans\`. -->

Each statement that requests and clean-up send often, with ${filledRows.toLocaleString('en')} rows in every table, nine in ten expired. The last column counts how often it
looked at a page of a table or an index; – is a part of a transaction, which is not tried by itself. A row of clean-up deletes up to 500.

Among all ${works.flatMap(({ statements }) => statements).length} statements, planned as the pool asks for it and as PostgreSQL comes, for the values asked and for any, so many read a table or an index
whole or sort more than 1,000 rows: ${faults.length}. [A test](../../test/contracts/postgres-plans.test.ts) holds this.

| asked | by | pages |
|---|---|---:|
${usual.map(({ name, one }) => rowOf(name, one)).join('\n')}

${usual.map(({ name, one }) => `## ${name}\n\n\`\`\`\n${one.told}\n\`\`\``).join('\n\n')}
`
}

const rowOf = (name: string, { plans: [plan], pages }: Explained): string =>
  `| ${name} | ${plan ? indexesOf(plan).join(', ') || 'inserts only' : ''} | ${pages ?? '–'} |`
