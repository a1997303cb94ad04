/** Export and import of SQLite files. */

import { existsSync } from 'node:fs'
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type {
  Added,
  ArchivedRow,
  ArchivedTable,
  ArchiveSource,
  Archives,
  ArchiveTarget,
  ColumnType,
} from '../tables/archive.ts'
import { openDatabase } from './database.ts'
import { all, change, inTransaction, one } from './statements.ts'
import { fileOfTenant, placeOfTenant, tenantsBeside } from './tenant-files.ts'

/** How long a statement waits for the lock of a running server, in milliseconds. */
const busyTimeout = 30_000
const batchSize = 500

export function createSqliteArchives(file: string): Archives {
  return {
    tenants: async () => tenantsBeside(file),
    async source(tenant) {
      const place = tenant === undefined ? file : fileOfTenant(file, tenant)
      if (!existsSync(place)) throw new Error(`the database ${place} does not exist`)
      return openSource(openDatabase({ file: place, busyTimeout }))
    },
    async target(tenant) {
      const place = tenant === undefined ? file : placeOfTenant(file, tenant)
      return openTarget(openDatabase({ file: place, busyTimeout, toFill: true }))
    },
    close: async () => {},
  }
}

function openSource(database: DatabaseSync): ArchiveSource {
  // In WAL mode, a read transaction sees a snapshot as of its first read, and writers don't wait for it.
  database.exec('begin; select 1 from settings')
  return {
    tables: async () => tablesIn(database),
    count: async table => Number(one(database, `select count(*) from ${table}`)()?.[0]),
    async *read({ name, columns }) {
      const order = hasRowId(database, name) ? 'rowid' : keyOf(database, name).join(', ')
      const statement = database.prepare(`select ${Object.keys(columns)} from ${name} order by ${order}`)
      statement.setReturnArrays(true)
      let batch: ArchivedRow[] = []
      for (const row of statement.iterate()) {
        batch.push(row as unknown as ArchivedRow)
        if (batch.length < batchSize) continue
        yield batch
        batch = []
      }
      if (batch.length > 0) yield batch
    },
    setting: settingIn(database),
    async close() {
      database.close()
    },
  }
}

function openTarget(database: DatabaseSync): ArchiveTarget {
  const tables = tablesIn(database)
  const known = (name: string): ArchivedTable => {
    const table = tables.find(one => one.name === name)
    if (table) return table
    throw new Error(`unknown table ${name}; was this exported by a newer version?`)
  }
  const holds = (name: string): boolean =>
    one(database, `select 1 from ${known(name).name} limit 1`)() !== undefined
  /** Created once for all batches of a table. */
  const adders = new WeakMap<ArchivedTable, (rows: readonly ArchivedRow[]) => Added>()
  const adderOf = (table: ArchivedTable) => {
    const adder = adders.get(table) ?? createAdd(database, known(table.name), table)
    adders.set(table, adder)
    return adder
  }
  return {
    tables: async () => tables,
    holdsAny: async names => names.some(holds),
    async empty(names) {
      inTransaction(database, () => {
        for (const name of names) database.exec(`delete from ${known(name).name}`)
      })
    },
    async add(table, rows) {
      const adder = adderOf(table)
      return inTransaction(database, () => adder(rows))
    },
    setting: settingIn(database),
    async set(name, value) {
      if (value === undefined) change(database, 'delete from settings where name = ?')(name)
      else change(database, 'insert or replace into settings (name, value) values (?, ?)')(name, value)
    },
    async close() {
      database.close()
    },
  }
}

function createAdd(
  database: DatabaseSync,
  { name, columns: there }: ArchivedTable,
  { columns }: ArchivedTable,
): (rows: readonly ArchivedRow[]) => Added {
  const names = Object.keys(columns)
  for (const column of names) {
    if (!Object.hasOwn(there, column))
      throw new Error(`unknown column ${column} in table ${name}; was this exported by a newer version?`)
  }
  const placeholders = names.map(() => '?').join(', ')
  const insert = change(
    database,
    `insert into ${name} (${names}) values (${placeholders}) on conflict do nothing`,
  )
  const find = one(
    database,
    `select 1 from ${name} where ${names.map(column => `${column} is ?`).join(' and ')}`,
  )
  return rows => {
    const sum = { added: 0, same: 0, other: 0 }
    for (const row of rows as readonly SQLInputValue[][]) {
      if (insert(...row) === 1) sum.added++
      else if (find(...row)) sum.same++
      else sum.other++
    }
    return sum
  }
}

/** Returns the tables that the migrations created. Names come from the database itself, never from a file. */
function tablesIn(database: DatabaseSync): readonly ArchivedTable[] {
  const names = all(database, `select name from pragma_table_list where schema = 'main' and type = 'table'`)()
  return names.flatMap(([name]) => {
    const table = String(name)
    if (table.startsWith('sqlite_')) return []
    const columns = all(database, 'select name, type from pragma_table_info(?)')(table)
    return {
      name: table,
      columns: Object.fromEntries(columns.map(([column, type]) => [column, kindOf(type)])),
    }
  })
}

const kinds: Readonly<Record<string, ColumnType>> = { text: 'text', integer: 'integer', blob: 'bytes' }

/** The tables are strict, so there are no other types. */
function kindOf(type: unknown): ColumnType {
  const kind = kinds[String(type).toLowerCase()]
  if (kind) return kind
  throw new Error(`a column of type ${String(type)} can't be exported`)
}

const settingIn =
  (database: DatabaseSync) =>
  async (name: string): Promise<string | undefined> =>
    one(database, 'select value from settings where name = ?')(name)?.[0] as string | undefined

const hasRowId = (database: DatabaseSync, table: string): boolean =>
  one(database, 'select wr from pragma_table_list where name = ?')(table)?.[0] === 0

const keyOf = (database: DatabaseSync, table: string): readonly string[] =>
  all(
    database,
    'select name from pragma_table_info(?) where pk > 0 order by pk',
  )(table).map(([name]) => String(name))
