/** Fills every table of an issuer's schema, so that the plan of each statement shows whether it scans one. */

import { mainSchema } from '../../../../packages/server/src/storage/postgres/names.ts'
import { openPostgresTenantStores } from '../../../../packages/server/src/storage/postgres/stores.ts'
import { allTables } from '../../../../packages/server/src/storage/tables/tables.ts'
import { connected } from './connection.ts'

/** Rows in each table. */
export const filledRows = 10_000
/** The time at which one row in ten is valid, and the others have expired. */
export const filledAt = 1_790_000_000
const day = 86_400

/** The key of the n-th valid row, in every table: rows with the same number belong together. */
export const livingKey = (n: number): string => keyOf(10 * n)
const keyOf = (index: number): string => String(1_000_000 + index)

/** Columns that are not simply a key, a time or null. */
const special: Readonly<Record<string, string>> = {
  kind: `case when i % 2 = 0 then 'client' else 'user' end`,
  ...{ stands: '1', epoch: '0', generation: '1', attempts: '0', count: '1', status: `'approved'` },
  // Ended sessions have logout notices; active ones have none.
  'logout_notices.sid': `'ended ' || i`,
  // A number from 1 without gaps.
  'audit_records.seq': 'i + 1',
  ...{ scope: `'["openid","offline_access"]'`, amr: `'["pwd"]'` },
}
/** Columns that contain JSON, by its kind. */
const json: Readonly<Record<string, string>> = { list: `'[]'`, object: `'{}'`, flag: `'true'` }
/** Nullable columns with their own index. */
const filled = [
  'sid',
  'upstream',
  'upstream_sid',
  'tenant',
  'email_key',
  'email_verified_at',
  'authorization_id',
]

type Column = {
  readonly table_name: string
  readonly name: string
  readonly type: string
  readonly nullable: boolean
}

const columns = `
  select table_name, column_name as name, data_type as type, is_nullable = 'YES' as nullable
  from information_schema.columns join pg_tables on tablename = table_name and schemaname = table_schema
  where table_schema = $1 and table_name <> 'tessera_schema' and is_identity = 'NO' order by ordinal_position`

function expressionOf({ table_name, name, type, nullable }: Column): string {
  const own = special[`${table_name}.${name}`] ?? special[name]
  if (own !== undefined) return own
  if (nullable && !filled.includes(name)) return 'null'
  const kind = allTables.find(([, table]) => table.name === table_name)?.[1].columns[name]
  if (kind !== undefined && kind in json) return json[kind]!
  if (type === 'bytea') return `'\\x00'`
  if (type === 'text') return '(1000000 + i)::text'
  return /_at$|_time$|until$/.test(name)
    ? `${filledAt} + case when i % 10 = 0 then ${day} else -${day} - i end`
    : '0'
}

/** @param url The address of an empty database. */
export async function fillTables(url: string): Promise<void> {
  await (await openPostgresTenantStores({ url })).close()
  await connected(url, async client => {
    const { rows } = await client.query<Column>(columns, [mainSchema])
    await client.query('set synchronous_commit = off')
    for (const [table, of] of Map.groupBy(rows, row => row.table_name)) {
      const names = of.map(({ name }) => name).join(', ')
      await client.query(
        `insert into ${table} (${names}) select ${of.map(expressionOf).join(', ')} from generate_series(0, ${filledRows - 1}) i`,
      )
    }
    await client.query('vacuum analyze')
  })
}
