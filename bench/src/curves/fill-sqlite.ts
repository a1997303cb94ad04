/** Fills a database file by SQL alone: millions of rows in seconds. */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { database as fileName, openDatabase } from '../servers/tessera.ts'
import { columnsOf, insertsOfSignIns, rowsOfSignIn } from './sign-ins.ts'

/** @param rows The total of all tables. */
export async function fillSqlite(directory: string, rows: number): Promise<void> {
  await (await openDatabase(directory)).close()
  const signIns = Math.floor(rows / rowsOfSignIn)
  if (signIns === 0) return
  const database = new DatabaseSync(join(directory, fileName))
  database.exec('pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -1000000; begin')
  for (const { into, values } of insertsOfSignIns({ padded: length => `printf('%0${length}d', i)` }))
    database.exec(`
      with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < ${signIns}),
        m as (select ${columnsOf(signIns)} from n)
      insert into ${into} select ${values} from m`)
  database.exec('commit; pragma journal_mode = wal')
  database.close()
}
