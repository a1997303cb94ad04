/** Fills an issuer's schema by SQL alone; indexes are created afterwards, which takes half of the time. */

import pg from 'pg'
import { openPostgresTenantStores } from '../../../packages/server/src/storage/postgres/stores.ts'
import { columnsOf, insertsOfSignIns, rowsOfSignIn } from './sign-ins.ts'

const tables = "'authorizations', 'codes', 'families', 'reference_tokens'"

/** @param rows The total of all tables. */
export async function fillPostgres(url: string, rows: number): Promise<void> {
  await (await openPostgresTenantStores({ url })).close()
  const signIns = Math.floor(rows / rowsOfSignIn)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(
    "set search_path = tessera; set synchronous_commit = off; set maintenance_work_mem = '512MB'",
  )
  const { rows: indexes } = await client.query(
    `select indexdef, indexname from pg_indexes join pg_class on relname = indexname
      join pg_index on indexrelid = pg_class.oid
    where schemaname = 'tessera' and tablename in (${tables}) and not indisprimary and not indisunique`,
  )
  for (const { indexname } of indexes) await client.query(`drop index "${indexname}"`)
  if (signIns > 0)
    for (const { into, values } of insertsOfSignIns({ padded: length => `lpad(i::text, ${length}, '0')` }))
      await client.query(
        `insert into ${into} select ${values} from (select ${columnsOf(signIns)} from generate_series(0, ${signIns - 1}::bigint) i) m`,
      )
  for (const { indexdef } of indexes) await client.query(indexdef)
  await client.query('vacuum analyze')
  await client.query('checkpoint')
  await client.end()
}
