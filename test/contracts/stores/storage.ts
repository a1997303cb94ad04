/** The stores that the contract applies to, and how to open each of them. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { createMemoryStores } from '../../../packages/server/src/storage/memory/stores.ts'
import { inspectSchema } from '../../../packages/server/src/storage/postgres/inspect.ts'
import { type Migration, migrations } from '../../../packages/server/src/storage/postgres/schema.ts'
import { openPostgresTenantStores } from '../../../packages/server/src/storage/postgres/stores.ts'
import {
  openSqliteStores,
  openSqliteTenantStores,
} from '../../../packages/server/src/storage/sqlite/stores.ts'
import { providePostgres } from '../../support/postgres.ts'

/** An open, empty store; `end` closes it and removes its files. */
export type Opened = { readonly stores: Stores; readonly end: () => Promise<void> }

const postgres = providePostgres()

/** On a busy machine, thousands of concurrent commits take longer than a server would wait. */
const timeouts = { connection: 120_000, statement: 120_000, lock: 120_000 }

/** Adds a column to every table, as a later version may while nodes of this version write. */
const later = `do $$ declare found text; begin
  for found in select tablename from pg_tables where schemaname = current_schema() and tablename <> 'tessera_schema' loop
    execute format('alter table %I add column later text', found);
  end loop;
end $$`

export async function openPostgres(applied: readonly Migration[] = migrations) {
  const server = await postgres()
  const url = await server.database()
  const tenantStores = await openPostgresTenantStores({ url, timeouts, migrations: applied })
  const inspect = (tenant?: string) => inspectSchema({ url }, tenant)
  return { tenantStores, inspect, end: () => tenantStores.close().then(() => server.giveBack(url)) }
}

export const storages: readonly { readonly name: string; readonly open: () => Promise<Opened> }[] = [
  {
    name: 'memory',
    open: async () => {
      const stores = createMemoryStores()
      return { stores, end: stores.close }
    },
  },
  {
    name: 'sqlite',
    open: async () => {
      const folder = await temporaryFolder()
      const stores = await openSqliteStores({ file: folder.file })
      return { stores, end: () => stores.close().then(folder.remove) }
    },
  },
  {
    name: 'a tenant’s, sqlite',
    open: async () => {
      const folder = await temporaryFolder()
      const tenantStores = await openSqliteTenantStores({ file: folder.file })
      return {
        stores: await tenantStores.forTenant('acme'),
        end: () => tenantStores.close().then(folder.remove),
      }
    },
  },
  {
    name: 'postgres',
    open: async () => {
      const { tenantStores, end } = await openPostgres([...migrations, later])
      return { stores: tenantStores.main, end }
    },
  },
  {
    name: 'a tenant’s, postgres',
    open: async () => {
      const { tenantStores, end } = await openPostgres([...migrations, later])
      return { stores: await tenantStores.forTenant('acme'), end }
    },
  },
]

/** Returns a new folder and the path of a database in it. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'tessera-stores-'))
  return { file: join(path, 'tessera.db'), remove: () => rm(path, { recursive: true, force: true }) }
}
