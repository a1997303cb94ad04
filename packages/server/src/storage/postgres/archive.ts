/** Export and import of an issuer's schema in PostgreSQL. */

import { parseJsonObject } from '@tessera/protocol/json'
import { originsIn } from '../../model/registered-client.ts'
import { closingOnFailure } from '../../runtime/async/opened.ts'
import type {
  Added,
  ArchivedRow,
  ArchivedTable,
  ArchiveSource,
  Archives,
  ArchiveTarget,
  ColumnType,
} from '../tables/archive.ts'
import { allTables } from '../tables/tables.ts'
import type { Value } from './codecs.ts'
import { type Connection, openConnection, type PostgresOptions, quoted } from './connection.ts'
import { migrate } from './migration.ts'
import { mainSchema, schemaOf } from './names.ts'
import type { Run } from './statements.ts'

const batchSize = 500

export function createPostgresArchives(options: PostgresOptions): Archives {
  /** Returns the tenants that have a schema, whether or not the server's own exists. */
  const tenants = async (): Promise<readonly string[]> => {
    const connection = await openConnection(options)
    try {
      const [there] = (await connection.run('select to_regclass($1)::text', [`${mainSchema}.tenants`])).rows
      if (typeof there?.[0] !== 'string') return []
      const { rows } = await connection.run(`select name from ${mainSchema}.tenants order by name`, [])
      return rows.map(([name]) => String(name))
    } finally {
      await connection.close()
    }
  }
  /** Closes the connection if it can't be used as `open` does. */
  const connected = <Value>(
    schema: string,
    open: (connection: Connection) => Promise<Value>,
  ): Promise<Value> =>
    closingOnFailure(async opened => {
      const connection = await openConnection(options)
      opened.add(connection.close)
      await connection.script(`set search_path = ${quoted(schema)}`)
      return open(connection)
    })
  return {
    tenants,
    async source(tenant) {
      const schema = schemaOf(tenant)
      return connected(schema, async connection => {
        const there = await connection.run(
          `select to_regclass('settings') is not null from pg_namespace where nspname = $1`,
          [schema],
        )
        if (there.count === 0) throw new Error(`the database has no schema ${schema}`)
        if (there.rows[0]?.[0] !== true)
          throw new Error(`the schema ${schema} has no tables; the server creates them at its first start`)
        return openSource(connection)
      })
    },
    async target(tenant) {
      await migrate(options, mainSchema)
      const schema = schemaOf(tenant)
      if (tenant !== undefined) await migrate(options, schema)
      return connected(schema, async connection => {
        if (tenant !== undefined)
          await connection.run(
            `insert into ${mainSchema}.tenants (name, schema) values ($1, $2) on conflict do nothing`,
            [tenant, schema],
          )
        return openTarget(connection)
      })
    },
    close: async () => {},
  }
}

async function openSource({ run, script, close }: Connection): Promise<ArchiveSource> {
  // A snapshot as of the first read. Rows are read in the order of the table file, which is roughly the order of
  // insertion.
  await script(`begin isolation level repeatable read read only; set synchronize_seqscans = off;
    set local statement_timeout = 0; select 1 from settings`)
  const tables = await tablesIn(run)
  return {
    tables: async () => tables,
    count: async table =>
      Number((await run(`select count(*) from ${known(tables, table)}`, [])).rows[0]?.[0]),
    async *read({ name, columns }) {
      const order = placed.has(name) ? 'order by place' : ''
      await script(
        `declare rows no scroll cursor for select ${Object.keys(columns)} from ${known(tables, name)} ${order}`,
      )
      for (;;) {
        const { rows } = await run(`fetch ${batchSize} from rows`, [])
        if (rows.length > 0) yield rows as readonly ArchivedRow[]
        if (rows.length < batchSize) break
      }
      await script('close rows')
    },
    setting: settingIn(run),
    close,
  }
}

async function openTarget({ run, script, close }: Connection): Promise<ArchiveTarget> {
  const tables = await tablesIn(run)
  return {
    tables: async () => tables,
    async holdsAny(names) {
      for (const name of names)
        if ((await run(`select 1 from ${known(tables, name)} limit 1`, [])).count > 0) return true
      return false
    },
    async empty(names) {
      if (names.length > 0) await script(`truncate ${names.map(name => known(tables, name)).join(', ')}`)
    },
    add: (table, rows) => add({ run, tables }, table, rows),
    setting: settingIn(run),
    async set(name, value) {
      if (value === undefined) await run('delete from settings where name = $1', [name])
      else
        await run(
          `insert into settings (name, value) values ($1, $2)
          on conflict (name) do update set value = excluded.value`,
          [name, value],
        )
    },
    close,
  }
}

const types = { text: 'text', integer: 'bigint', bytes: 'bytea' } as const satisfies Record<
  ColumnType,
  string
>

/** Statements that enable imported users and clients. */
const consequences: Readonly<Record<string, string>> = {
  stored_users: `insert into standing (kind, id, stands)
    select 'stored_user', sub, case when disabled_at is null then 1 else 0 end
    from stored_users where sub = any ($1::text[]) on conflict do nothing`,
  registered_clients: `insert into standing (kind, id, stands)
    select 'stored_client', client_id, 1
    from registered_clients where client_id = any ($1::text[]) on conflict do nothing`,
  entries: `insert into standing (kind, id, stands)
    select 'stored_client', id, enabled
    from entries where kind = 'clients' and kind = any ($1::text[]) on conflict do nothing`,
}

async function add(
  { run, tables }: { readonly run: Run; readonly tables: readonly ArchivedTable[] },
  { name, columns }: ArchivedTable,
  rows: readonly ArchivedRow[],
): Promise<Added> {
  const there = tables.find(table => table.name === known(tables, name))
  for (const column of Object.keys(columns)) {
    if (there && !Object.hasOwn(there.columns, column))
      throw new Error(`unknown column ${column} in table ${name}; was this exported by a newer version?`)
  }
  const names = Object.keys(columns)
  const lists = names.map((_, index) => rows.map(row => row[index])) as unknown as readonly Value[]
  const given = `unnest(${Object.values(columns)
    .map((kind, index) => `$${index + 1}::${types[kind]}[]`)
    .join(', ')}) as given (${names})`
  const countEqual = async (): Promise<number> => {
    const equal = names.map(column => `held.${column} is not distinct from given.${column}`).join(' and ')
    const keys = (await keyOf(run, name)).map(column => `held.${column} = given.${column}`).join(' and ')
    return (await run(`select 1 from ${given} join ${name} held on ${keys} where ${equal}`, lists)).count
  }
  const { count: added } = await run(
    `insert into ${name} (${names}) select ${names} from ${given} on conflict do nothing`,
    lists,
  )
  const same = added === rows.length ? 0 : (await countEqual()) - added
  const consequence = consequences[name]
  if (consequence) await run(consequence, [lists[0] ?? []])
  if (name === 'registered_clients') await addOrigins(run, names, rows)
  return { added, same, other: rows.length - added - same }
}

async function addOrigins(run: Run, names: readonly string[], rows: readonly ArchivedRow[]): Promise<void> {
  const [id, metadata] = [names.indexOf('client_id'), names.indexOf('metadata')]
  const pairs = rows.flatMap(row => {
    const origins = originsIn(parseJsonObject(String(row[metadata])) ?? {})
    return origins.map(origin => [origin, String(row[id])] as const)
  })
  await run(
    `insert into registered_origins (origin, client_id)
    select origin, client_id from unnest($1::text[], $2::text[]) as given (origin, client_id)
    where exists (select 1 from registered_clients c where c.client_id = given.client_id) on conflict do nothing`,
    [pairs.map(([origin]) => origin), pairs.map(([, client]) => client)],
  )
}

/** Tables that don't belong to a single store. */
const own: ReadonlySet<string> = new Set(['tessera_schema', 'tenants'])
const placed: ReadonlySet<string> = new Set(
  allTables.flatMap(([, { name, placed }]) => (placed ? [name] : [])),
)
/** Columns that SQLite does not have. They have defaults. */
const unshared: ReadonlySet<string> = new Set(
  allTables.flatMap(([, { name, placed, expiry }]) => [
    ...(placed ? [`${name}.place`] : []),
    ...(expiry?.cleanAt === 'postgres' ? [`${name}.clean_at`] : []),
  ]),
)

const kinds: Readonly<Record<string, ColumnType>> = { text: 'text', bigint: 'integer', bytea: 'bytes' }

/** Returns the tables that the migrations created. Names come from the database itself, never from a file. */
async function tablesIn(run: Run): Promise<readonly ArchivedTable[]> {
  const { rows } = await run(
    `select table_name::text, column_name::text, data_type::text from information_schema.columns
    where table_schema = current_schema() order by table_name, ordinal_position`,
    [],
  )
  const tables = new Map<string, Record<string, ColumnType>>()
  for (const [table, column, type] of rows.map(row => row.map(String)) as [string, string, string][]) {
    if (own.has(table) || unshared.has(`${table}.${column}`)) continue
    const kind = kinds[type]
    if (!kind) throw new Error(`a column of type ${type} can't be exported`)
    tables.set(table, { ...tables.get(table), [column]: kind })
  }
  return [...tables].map(([name, columns]) => ({ name, columns }))
}

const keyOf = async (run: Run, table: string): Promise<readonly string[]> =>
  (
    await run(
      `select a.attname::text from pg_index i
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
      where i.indrelid = $1::text::regclass and i.indisprimary`,
      [table],
    )
  ).rows.map(([column]) => String(column))

function known(tables: readonly ArchivedTable[], name: string): string {
  if (tables.some(table => table.name === name)) return name
  throw new Error(`unknown table ${name}; was this exported by a newer version?`)
}

const settingIn =
  (run: Run) =>
  async (name: string): Promise<string | undefined> =>
    (await run('select value from settings where name = $1', [name])).rows[0]?.[0] as string | undefined
