/** What only a store on disk can promise: processes that share it, that are killed, and files that can't be used. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { open, stat, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { promisify } from 'node:util'
import { type Log, StoreUnavailable } from '../../packages/server/src/core/runtime.ts'
import type { Stores } from '../../packages/server/src/core/stores.ts'
import { migrations } from '../../packages/server/src/stores/sqlite/schema.ts'
import { openSqliteStores, type SqliteOptions } from '../../packages/server/src/stores/sqlite/stores.ts'
import { issuedCode, tally } from './stores/samples.ts'
import {
  claimAtOnce,
  contend,
  killWhileChanging,
  killWhileWriting,
  type Shared,
  script,
  signInMeanwhile,
} from './stores/sharing.ts'
import { temporaryFolder } from './stores/storage.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let opened: Stores[]
beforeEach(async () => {
  folder = await temporaryFolder()
  opened = []
})
afterEach(async () => {
  await Promise.all(opened.map(stores => stores.close()))
  await folder.remove()
})
const openStores = async (options: Partial<SqliteOptions> = {}): Promise<Stores> => {
  const stores = await openSqliteStores({ file: folder.file, ...options })
  opened.push(stores)
  return stores
}

const shared = (): Shared => ({ storage: folder.file, open: () => openStores() })

/** Does this to the file as another program would. */
const meddle = (sql: string): DatabaseSync => {
  const database = new DatabaseSync(folder.file)
  database.exec(sql)
  return database
}

test('sqlite: what was acknowledged is there when the store is opened again', async () => {
  const stores = await openStores()
  const { authorization, code } = await issuedCode(stores)
  await stores.close()
  await assert.rejects(async () => stores.codes.find(code.hash), StoreUnavailable)
  await assert.rejects(issuedCode(stores), StoreUnavailable)
  assert.equal(await stores.ready(), false)
  const again = await openStores()
  assert.deepEqual(await again.codes.find(code.hash), { code, authorization })
})

test('sqlite: closing finishes the writes that wait', async () => {
  const stores = await openStores()
  const writes = Array.from({ length: 3000 }, () => issuedCode(stores))
  await Promise.all([stores.close(), ...writes])
  const again = await openStores()
  for (const write of writes) assert.ok(await again.codes.find((await write).code.hash))
})

test('sqlite: the database and its companions are readable by their owner only', async () => {
  const stores = await openStores()
  await issuedCode(stores)
  for (const suffix of ['', '-wal', '-shm'])
    assert.equal((await stat(folder.file + suffix)).mode & 0o777, 0o600)
})

test('sqlite: an open store does not keep the process alive, but a write under way does', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script('one-write'), folder.file])
  assert.equal(stdout, 'yes')
})

test('sqlite: reads of one turn see one moment; later ones see what others have written since', async () => {
  const [reader, writer] = [await openStores(), await openStores()]
  const { code } = await issuedCode(writer)
  const other = meddle('')
  const before = await reader.codes.find(code.hash)
  other.exec('update codes set used_at = 1')
  assert.deepEqual(await reader.codes.find(code.hash), before)
  await new Promise(setImmediate)
  assert.equal((await reader.codes.find(code.hash))?.code.used_at, 1)
  other.close()
})

test('sqlite: reads leave no transaction that would keep the log from being emptied', async () => {
  const stores = await openStores()
  const { code } = await issuedCode(stores)
  await stores.codes.find(code.hash)
  await new Promise(setImmediate)
  const other = meddle('')
  assert.equal(other.prepare('pragma wal_checkpoint(truncate)').get()?.busy, 0)
  other.close()
})

test('sqlite: a database with a newer schema is refused', async () => {
  await (await openStores()).close()
  meddle('pragma user_version = 99').close()
  await assert.rejects(openStores(), /schema 99, newer/)
})

test('sqlite: a file that is no database is refused', async () => {
  await writeFile(folder.file, 'This is not a database, however long one looks at it.'.repeat(100))
  await assert.rejects(openStores())
})

test('sqlite: a torn database is unavailable, for reads and for writes', async () => {
  const stores = await openStores()
  const issued = await Promise.all(Array.from({ length: 2000 }, () => issuedCode(stores)))
  await stores.close()
  const file = await open(folder.file, 'r+')
  const { size } = await file.stat()
  // The first pages hold the schema and the roots of the trees; without them it would not even open.
  const kept = 100 * 4096
  await file.write(Buffer.alloc(size - kept, 0x5a), 0, size - kept, kept)
  await file.close()
  const torn = await openStores()
  await assert.rejects(async () => issued.map(({ code }) => torn.codes.find(code.hash)), StoreUnavailable)
  await assert.rejects(Promise.all(issued.map(() => issuedCode(torn))), StoreUnavailable)
})

test('sqlite: while another process holds the lock, writes are unavailable and reads go on', async () => {
  const stores = await openStores({ busyTimeout: 50 })
  const { code } = await issuedCode(stores)
  const holder = meddle('begin immediate')
  await assert.rejects(issuedCode(stores), StoreUnavailable)
  assert.ok(await stores.codes.find(code.hash))
  assert.equal(await stores.ready(), false)
  holder.close()
  assert.equal(await stores.ready(), true)
  await issuedCode(stores)
})

test('sqlite: writes beyond the capacity are refused, the others are not lost', async () => {
  const stores = await openStores({ capacity: 10 })
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => issuedCode(stores)))
  assert.deepEqual(tally(outcomes.map(({ status }) => status)), { fulfilled: 10, rejected: 90 })
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof StoreUnavailable)
    else assert.ok(await stores.codes.find(outcome.value.code.hash))
})

/** The writer thread opens the file on its own, a little later; a newer schema makes it fail. */
const writerFails = (onFailure: () => void): { log: Log; failures: () => number } => {
  let failures = 0
  const ignore = () => {}
  const error = (event: string) => {
    if (event !== 'store_writer_failed') return
    failures++
    onFailure()
  }
  return { log: { debug: ignore, info: ignore, warn: ignore, error }, failures: () => failures }
}

test('sqlite: a writer thread that fails is started once more, and the store goes on', async () => {
  const { log, failures } = writerFails(() => meddle(`pragma user_version = ${migrations.length}`).close())
  const stores = await openStores({ log })
  meddle('pragma user_version = 99').close()
  await assert.rejects(issuedCode(stores), StoreUnavailable)
  const { code } = await issuedCode(stores)
  assert.ok(await stores.codes.find(code.hash))
  assert.equal(failures(), 1)
  assert.equal(await stores.ready(), true)
})

test('sqlite: without a writer thread the store is not ready and writes are unavailable', async () => {
  const { log, failures } = writerFails(() => {})
  const stores = await openStores({ log })
  meddle('pragma user_version = 99').close()
  for (let write = 0; write < 3; write++) await assert.rejects(issuedCode(stores), StoreUnavailable)
  assert.equal(failures(), 2)
  assert.equal(await stores.ready(), false)
})

test('sqlite: of two processes that redeem the same credentials thousands of times, one succeeds once', () =>
  contend(shared(), 3000))

test('sqlite: of two processes that deliver the same logout notices, each notice is claimed by one, once', () =>
  claimAtOnce(shared()))

test('sqlite: kill -9 loses nothing that was acknowledged, and no code is redeemed twice', () =>
  killWhileWriting(shared(), [300, 2000, 5000]))

test('sqlite: kill -9 leaves of the end of a user’s access all or nothing', () =>
  killWhileChanging(shared(), [100, 1000]))

test('sqlite: while another process signs a user in, no session outlives the end of their access', () =>
  signInMeanwhile(shared(), 300))
