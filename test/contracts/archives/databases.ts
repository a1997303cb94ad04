/** The kinds of stores that are exported and imported, and rows for them. */

import type { TenantStores } from '../../../packages/server/src/model/ports/stores.ts'
import { createPostgresArchives } from '../../../packages/server/src/storage/postgres/archive.ts'
import { openPostgresTenantStores } from '../../../packages/server/src/storage/postgres/stores.ts'
import { createSqliteArchives } from '../../../packages/server/src/storage/sqlite/archive.ts'
import { openSqliteTenantStores } from '../../../packages/server/src/storage/sqlite/stores.ts'
import {
  type ArchivedRow,
  type ArchivedTable,
  type ArchiveSource,
  type Archives,
  allKinds,
  tablesOf,
} from '../../../packages/server/src/storage/tables/archive.ts'
import type { ColumnKind } from '../../../packages/server/src/storage/tables/table.ts'
import { allTables } from '../../../packages/server/src/storage/tables/tables.ts'
import { providePostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../stores/storage.ts'

const postgres = providePostgres()

export type OpenedArchives = {
  readonly archives: Archives
  /** Opens the stores of a server on this database. The caller closes them. */
  readonly stores: () => Promise<TenantStores>
  readonly end: () => Promise<void>
}

export const databases: readonly { readonly name: string; readonly open: () => Promise<OpenedArchives> }[] = [
  {
    name: 'sqlite',
    async open() {
      const { file, remove } = await temporaryFolder()
      const archives = createSqliteArchives(file)
      await (await archives.target()).close()
      return {
        archives,
        stores: () => openSqliteTenantStores({ file }),
        end: () => archives.close().then(remove),
      }
    },
  },
  {
    name: 'postgres',
    async open() {
      const server = await postgres()
      const url = await server.database()
      const archives = createPostgresArchives({ url })
      await (await archives.target()).close()
      return {
        archives,
        stores: () => openPostgresTenantStores({ url }),
        end: () => server.giveBack(url),
      }
    },
  },
]

/** All values of a table differ, except flags. A text is JSON too, because that is harder to keep as it is. */
const sampleOf: Readonly<Record<ColumnKind, (column: string, row: number) => string | number | Uint8Array>> =
  {
    text: (column, row) => JSON.stringify({ [column]: `${row} äß\n\u0000` }),
    list: (column, row) => JSON.stringify([column, `${row} äß\n\u0000`]),
    object: (column, row) => JSON.stringify({ [column]: `${row} äß\n\u0000` }),
    flag: (_column, row) => String(row % 2 === 0),
    integer: (_column, row) => Number.MAX_SAFE_INTEGER - row,
    bytes: (_column, row) => new Uint8Array([0, 255, row % 256, row >> 8]),
  }

const sampleHash = (row: number): string => `{SSHA}${Buffer.alloc(28, row).toString('base64')}`

export function sampleRows({ name, columns }: ArchivedTable, count: number): readonly ArchivedRow[] {
  const declared = allTables.find(([, table]) => table.name === name)?.[1].columns ?? {}
  return Array.from({ length: count }, (_, row) =>
    // An import refuses text that is no password hash.
    Object.entries(columns).map(([column, type]) =>
      column === 'password' ? sampleHash(row) : sampleOf[declared[column] ?? type](column, row),
    ),
  )
}

/** Tables that the store fills itself from other tables. */
const derived = ['registered_origins', 'standing']

/** Rows in every table of the server's issuer and of these tenants'. */
export async function fillArchives(archives: Archives, tenants: readonly string[], count = 3): Promise<void> {
  for (const tenant of [undefined, ...tenants]) {
    const target = await archives.target(tenant)
    const tables = new Map((await target.tables()).map(table => [table.name, table]))
    for (const name of tablesOf(allKinds)) {
      const table = tables.get(name)
      if (table && !derived.includes(name)) await target.add(table, sampleRows(table, count))
    }
    await target.close()
  }
}

export async function collect<Item>(items: AsyncIterable<readonly Item[]>): Promise<readonly Item[]> {
  const all: Item[] = []
  for await (const batch of items) all.push(...batch)
  return all
}

/** Every row of a store, by table. */
export async function contentOf(archives: Archives, tenant?: string) {
  const source: ArchiveSource = await archives.source(tenant)
  const content: Record<string, readonly ArchivedRow[]> = {}
  for (const table of await source.tables()) content[table.name] = await collect(source.read(table))
  await source.close()
  return content
}
