/** Stores as the previous version of Tessera left them, for tests of upgrades. */

import { DatabaseSync } from 'node:sqlite'
import { migrations } from '../../packages/server/src/storage/sqlite/schema.ts'

export const previousVersion = migrations.length - 1

/** Creates a file with the previous schema, and the rows of another file as far as that schema has tables and columns for them. */
export function createPreviousFile(file: string, from: string): void {
  const database = new DatabaseSync(file)
  try {
    database.exec('pragma journal_mode = wal')
    for (const migration of migrations.slice(0, previousVersion)) database.exec(migration)
    database.exec(`pragma user_version = ${previousVersion}; attach '${from}' as newer`)
    for (const { name } of database
      .prepare("select name from main.sqlite_schema where type = 'table'")
      .all()) {
      const columns = columnsOf(database, 'main', String(name)).filter(column =>
        columnsOf(database, 'newer', String(name)).includes(column),
      )
      const list = columns.map(column => `"${column}"`).join(', ')
      // Triggers have written some rows already.
      database.exec(`insert or replace into main."${name}" (${list}) select ${list} from newer."${name}"`)
    }
  } finally {
    database.close()
  }
}

const columnsOf = (database: DatabaseSync, schema: string, table: string): readonly string[] =>
  database
    .prepare('select name from pragma_table_info(?, ?)')
    .all(table, schema)
    .map(({ name }) => String(name))

/** A process of the previous version: it writes only while the schema is its own, as decision 0033 requires. */
export function openPreviousWriter(file: string) {
  const database = new DatabaseSync(file, { timeout: 5000 })
  let count = 0
  return {
    /** Resolves to whether the write was acknowledged. */
    write(): boolean {
      database.exec('begin immediate')
      const version = Number(database.prepare('pragma user_version').get()?.user_version)
      if (version !== previousVersion) {
        database.exec('rollback')
        return false
      }
      database.prepare('insert into settings (name, value) values (?, ?)').run(`old-${++count}`, 'x')
      database.exec('commit')
      return true
    },
    /** How many of its writes the file contains. */
    found: (): number =>
      Number(database.prepare("select count(*) as n from settings where name like 'old-%'").get()?.n),
    close: () => database.close(),
  }
}
