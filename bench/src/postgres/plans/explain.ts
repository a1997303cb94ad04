/** Explains statements as the server would run them: for their values and for any, with the pool's settings and without. */

import type pg from 'pg'
import type { PlanNode } from './plan.ts'
import type { Sent } from './recording.ts'

export const modes = [
  { name: 'as the pool sets it, for these values', seqscan: 'off', values: true },
  { name: 'as the pool sets it, for any values', seqscan: 'off', values: false },
  { name: 'as PostgreSQL comes, for these values', seqscan: 'on', values: true },
  { name: 'as PostgreSQL comes, for any values', seqscan: 'on', values: false },
] as const

export type Explained = {
  readonly text: string
  /** One for each mode. */
  readonly plans: readonly PlanNode[]
  /**
   * Pages that it reads and writes, all of them in memory; not measured for a statement that is a part of a
   * transaction.
   */
  readonly pages?: number
  /** In text format, in the first mode. */
  readonly planText: string
}

export async function explain(client: pg.Client, { text, values, alone }: Sent): Promise<Explained> {
  const parameters = values.map(value =>
    value instanceof Uint8Array ? Buffer.from(value) : value,
  ) as unknown[]
  const ask = async (options: string, given: boolean) => {
    const { rows } = await client.query(`explain (${options}) ${text}`, given ? parameters : [])
    return rows.map(row => row['QUERY PLAN'])
  }
  const plans: PlanNode[] = []
  for (const mode of modes) {
    for (const setting of ['seqscan', 'hashjoin', 'mergejoin', 'material'])
      await client.query(`set enable_${setting} = ${mode.seqscan}`)
    const [answer] = await ask(`format json, generic_plan ${!mode.values}`, mode.values)
    plans.push(answer[0].Plan)
  }
  await client.query('set enable_seqscan = off')
  const planText = (await ask('costs off, generic_plan', false)).join('\n')
  return { text, plans, planText, ...(alone && { pages: await pagesOf(client, text, parameters) }) }
}

/** Runs it, and rolls back. */
async function pagesOf(client: pg.Client, text: string, values: unknown[]): Promise<number> {
  const analyze = `explain (analyze, buffers, timing off, format json) ${text}`
  await client.query('begin')
  try {
    // Once before: the preparation of a connection's first access to a table does not count.
    await client.query('savepoint before')
    await client.query(analyze, values)
    await client.query('rollback to before')
    const { rows } = await client.query(analyze, values)
    const { Plan } = rows[0]['QUERY PLAN'][0] as { readonly Plan: PlanNode }
    return (Plan['Shared Hit Blocks'] ?? 0) + (Plan['Shared Read Blocks'] ?? 0)
  } finally {
    await client.query('rollback')
  }
}
