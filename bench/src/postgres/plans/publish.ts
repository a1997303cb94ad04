/** `npm run bench -- --plans`: writes the plans to a page of `docs/benchmarks`. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { startPostgres } from '../database.ts'
import type { Explained } from './explain.ts'
import { filledRows, fillTables } from './fill.ts'
import { faultsOf, indexesOf } from './plan.ts'
import { takePlans, type WorkPlans } from './take.ts'

const folder = new URL('../../../../docs/benchmarks/', import.meta.url)

/** The most frequent commits of grants. The test checks all of them. */
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

This page lists the statements that requests and clean-up send frequently, with their plans. Every table has ${filledRows.toLocaleString('en')} rows, 90 % of them expired. A clean-up statement
deletes up to 500 rows.

A table or index read in full, or a sort of more than 1,000 rows, counts as a defect. Plans were checked with the settings of the pool and with PostgreSQL's defaults, for
specific and for generic parameters. Among ${works.flatMap(({ statements }) => statements).length} statements, ${faults.length} plans have defects. [A test](../../test/contracts/postgres-plans.test.ts) checks this.

"Pages" counts accesses to pages of tables and indexes. – marks a part of a transaction, which is not executed by itself.

| Operation | Indexes | Pages |
|---|---|---:|
${usual.map(({ name, one }) => rowOf(name, one)).join('\n')}

${usual.map(({ name, one }) => `## ${name}\n\n\`\`\`\n${one.planText}\n\`\`\``).join('\n\n')}
`
}

const rowOf = (name: string, { plans: [plan], pages }: Explained): string =>
  `| ${name} | ${plan ? indexesOf(plan).join(', ') || 'inserts only' : ''} | ${pages ?? '–'} |`
