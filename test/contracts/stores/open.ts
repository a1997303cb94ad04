/** Opens the store that a program's first argument names: an address of PostgreSQL, or a file. */

import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { openPostgresTenantStores } from '../../../packages/server/src/storage/postgres/stores.ts'
import { openSqliteStores } from '../../../packages/server/src/storage/sqlite/stores.ts'

export async function openNamed(storage = process.argv[2] ?? ''): Promise<Stores> {
  if (!storage.startsWith('postgres:')) return openSqliteStores({ file: storage })
  return (await openPostgresTenantStores({ url: storage })).main
}
