/** How PostgreSQL reaches the rows of each hot statement, on tables with many; and what its updates leave behind. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { modes } from '../../bench/src/postgres/plans/explain.ts'
import { hotWork } from '../../bench/src/postgres/plans/hot-work.ts'
import { faultsOf, indexesOf } from '../../bench/src/postgres/plans/plan.ts'
import { takePlans, type WorkPlans } from '../../bench/src/postgres/plans/take.ts'
import { providePostgres } from '../support/postgres.ts'

const postgres = providePostgres()
let works: readonly WorkPlans[] = []
before(async () => {
  works = await takePlans(await (await postgres()).database())
})

test('postgres: every hot statement finds its rows by an index, and neither reads nor sorts a table', () => {
  const faults: string[] = []
  let explained = 0
  for (const { name, statements } of works)
    for (const { text, plans } of statements) {
      explained += 1
      for (const [index, plan] of plans.entries())
        for (const fault of faultsOf(plan)) faults.push(`${name} ${fault}, ${modes[index]?.name}:\n${text}`)
    }
  assert.deepEqual(faults, [])
  assert.ok(explained > hotWork.length, `only ${explained} statements`)
})
