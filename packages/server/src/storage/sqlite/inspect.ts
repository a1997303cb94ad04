/** Reads the state of a database file. Neither creates nor migrates it. */

import { existsSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { StoreState } from '../../model/store-state.ts'
import { named } from './database.ts'
import { migrations } from './schema.ts'
import { fileOfTenant } from './tenant-files.ts'

/** An empty file is one that was not created completely. */
export const fileExists = (file: string): boolean => existsSync(file) && statSync(file).size > 0

/** Throws if the file does not exist or is not a database. */
export function inspectFile(main: string, tenant?: string): StoreState {
  const file = tenant === undefined ? main : fileOfTenant(main, tenant)
  if (!existsSync(file)) throw new Error(`${file} does not exist`)
  return named(file, () => stateOf(new DatabaseSync(file, { readOnly: true, timeout: 5000 })))
}

/** Closes the database. */
function stateOf(database: DatabaseSync): StoreState {
  try {
    const schema = Number(database.prepare('pragma user_version').get()?.user_version)
    const rows = schema === 0 ? [] : database.prepare('select alg, active_from from keys').all()
    return {
      schema,
      knownSchema: migrations.length,
      keys: rows.map(({ alg, active_from }) => ({ alg: String(alg), active_from: Number(active_from) })),
    }
  } finally {
    database.close()
  }
}
