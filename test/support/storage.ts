/**
 * The stores of the servers under test: in memory, or selected by `TESSERA_TEST_STORAGE`, so that every flow and attack
 * can run on every store. A store that a test opens is closed when the test ends; one that its file opens, when the
 * file ends.
 */

import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, getTestContext } from 'node:test'
import type { Stores, TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { openPostgresTenantStores } from '../../packages/server/src/storage/postgres/stores.ts'
import { openSqliteTenantStores } from '../../packages/server/src/storage/sqlite/stores.ts'
import { type Databases, databasesAt, providePostgres } from './postgres.ts'

/** `postgres` starts a server for each file; an address uses a running one. */
const named = process.env.TESSERA_TEST_STORAGE || 'memory'
const kinds = ['memory', 'sqlite', 'postgres'] as const
const kind = kinds.find(one => named === one || named.startsWith(`${one}://`))
if (!kind) throw new Error(`TESSERA_TEST_STORAGE is ${named}: it must be one of ${kinds.join(', ')}`)

/** A place for rows, and how to open it: any number of times, as that many nodes would. */
type Place = {
  /** Its address in a configuration. */
  readonly storage: string
  readonly open: () => Promise<TenantStores>
  readonly remove: () => Promise<void>
}

let emptyFile: Promise<string> | undefined

/** Creates a file with the schema and no rows. Copying it takes a tenth of the time of creating the schema again. */
async function createEmptyFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-storage-'))
  ofFile.push(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'tessera.db')
  await (await openSqliteTenantStores({ file })).close()
  return file
}

async function beginFile(): Promise<Place> {
  emptyFile ??= createEmptyFile()
  const folder = await mkdtemp(join(tmpdir(), 'tessera-storage-'))
  const file = join(folder, 'tessera.db')
  await copyFile(await emptyFile, file)
  return {
    storage: `sqlite:${file}`,
    open: () => openSqliteTenantStores({ file }),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

// In this order: the file's stores, the databases, the server.
const ofFile: (() => Promise<void>)[] = []
let databases: Databases | undefined
after(async () => {
  for (const end of ofFile) await end()
  await databases?.drop()
})
const ownPostgres = named === 'postgres' ? providePostgres() : undefined

/** Ends with the test or suite that started it, or with the file. */
function atEnd(end: () => Promise<void>): void {
  const context = getTestContext()
  if (context && 'after' in context && context.name !== '<root>') context.after(end)
  else ofFile.push(end)
}

async function beginDatabase(): Promise<Place> {
  databases ??= ownPostgres ? await ownPostgres() : databasesAt(named)
  const { database, giveBack } = databases
  const url = await database()
  // A store that processes share has no key file beside it.
  process.env.TESSERA_MASTER_KEY ??= Buffer.alloc(32, 7).toString('base64')
  return {
    storage: url,
    open: () => openPostgresTenantStores({ url }),
    remove: () => giveBack(url),
  }
}

const beginPlace = kind === 'postgres' ? beginDatabase : beginFile

/** Empty stores, for one server and its successors. */
export async function openTenantStores(): Promise<TenantStores> {
  if (kind === 'memory') return createMemoryTenantStores()
  return (await beginShared()).open()
}

/** An empty store, for one server and its successors. */
export const openStores = async (): Promise<Stores> => (await openTenantStores()).main

/**
 * An empty place that several servers each open themselves, as processes would, or reopen. Memory can't be shared in
 * this way, so a file is used instead.
 */
export async function beginShared(): Promise<Pick<Place, 'storage' | 'open'>> {
  const { storage, open, remove } = await beginPlace()
  const opened: TenantStores[] = []
  atEnd(async () => {
    for (const tenantStores of opened) await tenantStores.close()
    await remove()
  })
  return {
    storage,
    async open() {
      const tenantStores = await open()
      opened.push(tenantStores)
      return tenantStores
    },
  }
}
