/** Reads the state of the server's own schema in PostgreSQL, or of a tenant's. Neither creates nor migrates it. */

import type { StoreState } from '../../model/store-state.ts'
import { openConnection, type PostgresOptions, quoted } from './connection.ts'
import { schemaOf } from './names.ts'
import { migrations } from './schema.ts'

/** Rejects if the database can't be reached. */
export async function inspectSchema(options: PostgresOptions, tenant?: string): Promise<StoreState> {
  const schema = quoted(schemaOf(tenant))
  const { run, close } = await openConnection(options)
  try {
    const [settings] = (
      await run(
        "select current_setting('fsync'), current_setting('full_page_writes'), to_regclass($1)::text",
        [`${schema}.tessera_schema`],
      )
    ).rows
    const [fsync, pages, table] = settings ?? []
    const off = [fsync === 'off' && 'fsync', pages === 'off' && 'full_page_writes'].filter(Boolean).join(', ')
    const unsafe = off === '' ? {} : { unsafe: `the database server has ${off} = off` }
    const knownSchema = migrations.length
    if (typeof table !== 'string') return { schema: 0, knownSchema, keys: [], ...unsafe }
    const [newest] = (await run(`select max(version)::text from ${table}`, [])).rows
    const { rows } = await run(`select alg, active_from::text from ${schema}.keys`, [])
    return {
      schema: Number(newest?.[0]),
      knownSchema,
      keys: rows.map(([alg, from]) => ({ alg: String(alg), active_from: Number(from) })),
      ...unsafe,
    }
  } finally {
    await close()
  }
}
