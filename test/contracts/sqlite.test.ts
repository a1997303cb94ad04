/** Guarantees of stores on disk only: shared by processes, killed processes, and unusable files. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import type { Stores } from '../../packages/server/src/model/ports/stores.ts'
import { type Log, StoreUnavailable, silentLog } from '../../packages/server/src/runtime/ports.ts'
import { migrations } from '../../packages/server/src/storage/sqlite/schema.ts'
import { openSqliteStores, type SqliteOptions } from '../../packages/server/src/storage/sqlite/stores.ts'
import { createWriteQueue } from '../../packages/server/src/storage/sqlite/writer/queue.ts'
import { until } from '../support/until.ts'
import { issuedCode, sampleSession, tally } from './stores/samples.ts'
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
import { sampleMessage } from './stores/webhook-messages.ts'

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

/** Runs SQL on the file as another program would. */
const meddle = (sql: string): DatabaseSync => {
  const database = new DatabaseSync(folder.file)
  database.exec(sql)
  return database
}

test('sqlite: acknowledged writes are there when the store is opened again', async () => {
  const stores = await openStores()
  const { authorization, code } = await issuedCode(stores)
  await stores.close()
  // One that threw would leave rejections of earlier reads for the same `Promise.all` unhandled.
  await assert.rejects(
    Promise.all([Promise.reject(new StoreUnavailable('an earlier read')), stores.codes.find(code.hash)]),
    StoreUnavailable,
  )
  await assert.rejects(issuedCode(stores), StoreUnavailable)
  assert.equal(await stores.ready(), false)
  const again = await openStores()
  assert.deepEqual(await again.codes.find(code.hash), { code, authorization })
})

test('sqlite: of a write that fails after its first rows nothing is stored, and the others of its batch are', async () => {
  const { sessions } = await openStores()
  const message = sampleMessage()
  await sessions.create(sampleSession(), [message])
  const wrong = sampleSession()
  const right = Array.from({ length: 5 }, () => sampleSession())
  const [refused] = await Promise.allSettled([
    sessions.create(wrong, [sampleMessage(), message]),
    ...right.map(session => sessions.create(session)),
  ])
  assert.equal(refused.status, 'rejected')
  assert.equal(await sessions.find(wrong.hash), undefined)
  for (const { hash } of right) assert.ok(await sessions.find(hash))
})

test('sqlite: closing finishes pending writes', async () => {
  const stores = await openStores()
  const writes = Array.from({ length: 3000 }, () => issuedCode(stores))
  await Promise.all([stores.close(), ...writes])
  const again = await openStores()
  for (const write of writes) assert.ok(await again.codes.find((await write).code.hash))
})

test('sqlite: only their owner can read the database and its companion files', async () => {
  const stores = await openStores()
  await issuedCode(stores)
  for (const suffix of ['', '-wal', '-shm'])
    assert.equal((await stat(folder.file + suffix)).mode & 0o777, 0o600)
})

test('sqlite: an open store does not keep the process alive, but a running write does', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script('one-write'), folder.file])
  assert.equal(stdout, 'yes')
})

test('sqlite: reads of one event-loop tick see one snapshot; later ones see what others have written since', async () => {
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

test('sqlite: reads leave no transaction open that would prevent a checkpoint', async () => {
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

test('sqlite: every new file of a process has the tables that the migrations make, which contain no rows', async () => {
  const schemaOf = (database: DatabaseSync) =>
    database.prepare('select type, name, tbl_name, sql from sqlite_schema order by type, name').all()
  using migrated = new DatabaseSync(':memory:')
  for (const migration of migrations) migrated.exec(migration)
  for (const { type, name } of schemaOf(migrated))
    if (type === 'table') assert.equal(migrated.prepare(`select * from ${name} limit 1`).get(), undefined)
  for (const number of [1, 2, 3]) {
    const file = `${folder.file}.${number}`
    await (await openStores({ file })).close()
    using created = new DatabaseSync(file)
    assert.deepEqual(schemaOf(created), schemaOf(migrated))
    assert.equal(created.prepare('pragma user_version').get()?.user_version, migrations.length)
  }
})

test('sqlite: a file that is not a database is refused', async () => {
  await writeFile(folder.file, 'This is not a database, however long one looks at it.'.repeat(100))
  await assert.rejects(openStores())
})

test('sqlite: a corrupt database is unavailable, for reads and for writes', async () => {
  const stores = await openStores()
  const issued = await Promise.all(Array.from({ length: 2000 }, () => issuedCode(stores)))
  await stores.close()
  const file = await open(folder.file, 'r+')
  const { size } = await file.stat()
  // The first pages contain the schema and the roots of the trees; without them the file would not even open.
  const kept = 100 * 4096
  await file.write(Buffer.alloc(size - kept, 0x5a), 0, size - kept, kept)
  await file.close()
  const torn = await openStores()
  await assert.rejects(Promise.all(issued.map(({ code }) => torn.codes.find(code.hash))), StoreUnavailable)
  await assert.rejects(Promise.all(issued.map(() => issuedCode(torn))), StoreUnavailable)
})

test('sqlite: while another process holds the lock, writes are unavailable and reads continue', async () => {
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

/** Collects what is logged, by event. */
function listening() {
  const lines: [event: string, fields: Readonly<Record<string, unknown>>][] = []
  const keep = (event: string, fields = {}) => void lines.push([event, fields])
  const log: Log = { debug: () => {}, info: keep, warn: keep, error: keep }
  return { log, of: (event: string) => lines.filter(([name]) => name === event).map(([, fields]) => fields) }
}

/** How another program may damage the files of an open store; `back` undoes it. */
const meddling: readonly {
  readonly what: string
  readonly reason: RegExp
  /** How many writes precede; one by default. */
  readonly writes?: number
  readonly before: () => Promise<unknown>
  readonly back?: () => Promise<unknown>
}[] = [
  {
    what: 'with a file that was moved away',
    reason: /tessera\.db was removed while the server runs/,
    before: () => rename(folder.file, `${folder.file}.away`),
    back: () => rename(`${folder.file}.away`, folder.file),
  },
  {
    what: 'with a file that was replaced',
    reason: /tessera\.db was replaced while the server runs/,
    async before() {
      await copyFile(folder.file, `${folder.file}.copy`)
      await rename(`${folder.file}.copy`, folder.file)
    },
  },
  {
    what: 'whose write-ahead log was removed',
    reason: /tessera\.db-wal was removed while the server runs/,
    // After the writer has opened it: a writer that opens the file later creates a new one.
    writes: 20,
    before: () => rm(`${folder.file}-wal`),
  },
  {
    what: 'whose shared memory was removed',
    reason: /tessera\.db-shm was removed while the server runs/,
    writes: 20,
    before: () => rm(`${folder.file}-shm`),
  },
  {
    what: 'whose shared memory was replaced',
    reason: /tessera\.db-shm was replaced while the server runs/,
    writes: 20,
    async before() {
      await copyFile(`${folder.file}-shm`, `${folder.file}.copy`)
      await rename(`${folder.file}.copy`, `${folder.file}-shm`)
    },
  },
  {
    what: 'that a newer version of Tessera migrated',
    reason: /has schema 99, newer than/,
    before: async () => meddle('pragma user_version = 99').close(),
    back: async () => meddle(`pragma user_version = ${migrations.length}`).close(),
  },
]

for (const { what, reason, writes = 1, before, back } of meddling)
  test(`sqlite: a store ${what} acknowledges no writes, is not ready and reports why`, async () => {
    const { log, of } = listening()
    const stores = await openStores({ log })
    const { code } = await issuedCode(stores)
    for (let write = 1; write < writes; write++) await issuedCode(stores)
    await before()
    await assert.rejects(
      issuedCode(stores),
      error => error instanceof StoreUnavailable && reason.test(error.message),
    )
    assert.equal(await stores.ready(), false)
    await assert.rejects(
      Promise.resolve(stores.codes.find(code.hash)),
      error => error instanceof StoreUnavailable && reason.test(String(error.cause)),
    )
    assert.match(String(of('database_unusable')[0]?.error), reason)
    if (!back) return
    await back()
    assert.equal(await stores.ready(), true)
    await issuedCode(stores)
    assert.ok(await stores.codes.find(code.hash))
    assert.equal(of('database_usable').length, 1)
  })

for (const lost of ['missing', 'empty'] as const)
  test(`sqlite: a database that is ${lost} beside a used key is refused, and not created again`, async () => {
    await (await openStores()).close()
    await writeFile(`${folder.file}.key`, 'created by the first start')
    await (await openStores()).close()
    await rm(folder.file)
    if (lost === 'empty') await writeFile(folder.file, '')
    await assert.rejects(
      openStores(),
      /tessera\.db is missing or empty, but .*tessera\.db\.key was used with it/,
    )
  })

test('sqlite: the path of a database that can’t be opened is in the error', async () => {
  await assert.rejects(openStores({ file: join(dirname(folder.file), 'none', 'x.db') }), /none\/x\.db/)
  await mkdir(`${folder.file}.folder`)
  await assert.rejects(
    openStores({ file: `${folder.file}.folder` }),
    /tessera\.db\.folder: unable to open database file/,
  )
})

test('sqlite: writes that fail for the same reason are logged once, and counted', async () => {
  const { log, of } = listening()
  const stores = await openStores({ log })
  await issuedCode(stores)
  await rename(folder.file, `${folder.file}.away`)
  for (let count = 0; count < 50; count++) await assert.rejects(issuedCode(stores), StoreUnavailable)
  assert.equal(of('store_write_failed').length, 1)
})

test('sqlite: an upgrade of the schema is logged once, with both versions; a new file is not an upgrade', async () => {
  const lines: unknown[] = []
  const write = (event: string, fields?: object) => void lines.push({ event, ...fields })
  const log: Log = { debug: write, info: write, warn: write, error: write }
  const before = migrations.length - 1
  const old = meddle(migrations.slice(0, before).join(';'))
  old.exec(`pragma user_version = ${before}`)
  old.close()
  for (let start = 0; start < 2; start++) await (await openStores({ log })).close()
  assert.deepEqual(lines, [
    { event: 'schema_upgraded', store: folder.file, from: before, to: migrations.length },
  ])
  await (await openStores({ log, file: `${folder.file}.new` })).close()
  assert.equal(lines.length, 1)
})

test('sqlite: writes beyond the capacity are refused, the others are not lost', async () => {
  const stores = await openStores({ capacity: 10 })
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => issuedCode(stores)))
  assert.deepEqual(tally(outcomes.map(({ status }) => status)), { fulfilled: 10, rejected: 90 })
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof StoreUnavailable)
    else assert.ok(await stores.codes.find(outcome.value.code.hash))
})

test('sqlite: writes continue as soon as the writer can open the file, and until then the store is not ready', async () => {
  const stores = await openStores()
  meddle('pragma user_version = 99').close()
  for (let write = 0; write < 3; write++) await assert.rejects(issuedCode(stores), /schema 99, newer/)
  assert.equal(await stores.ready(), false)
  meddle(`pragma user_version = ${migrations.length}`).close()
  const { code } = await issuedCode(stores)
  assert.equal(await stores.ready(), true)
  assert.ok(await stores.codes.find(code.hash))
})

test('sqlite: when the writer thread ends, the batch in flight fails, and the writes behind it succeed', async () => {
  let sent = 0
  const queue = createWriteQueue({ send: () => void sent++, busy: () => {} }, { capacity: 10 })
  const first = queue.write('probe', [])
  await new Promise(setImmediate)
  const second = queue.write('probe', [])
  const firstRejects = assert.rejects(first, StoreUnavailable)
  queue.abandon()
  await firstRejects
  await new Promise(setImmediate)
  assert.deepEqual([sent, queue.isFailing()], [2, true])
  queue.settle(['written'])
  assert.equal(await second, 'written')
  assert.equal(queue.isFailing(), false)
})

test('sqlite: a writer thread that keeps ending is started again until it works', async t => {
  const lines: string[] = []
  const stores = await openStores({
    log: { ...silentLog, error: (event, { again_in_ms } = {}) => void lines.push(`${event} ${again_in_ms}`) },
  })
  let left = 4
  const end = (thread: Worker): void => void (left-- > 0 && thread.terminate())
  process.on('worker', end)
  t.after(() => process.off('worker', end))
  await assert.rejects(issuedCode(stores), StoreUnavailable)
  await until('a write succeeds', () =>
    issuedCode(stores).then(
      () => true,
      () => false,
    ),
  )
  assert.equal(await stores.ready(), true)
  const ends = [0, 100, 200, 400].map(pause => `store_writer_failed ${pause}`)
  assert.deepEqual(
    lines.filter(line => line.startsWith('store_writer_failed')),
    ends,
  )
})

test('sqlite: two processes that redeem the same credentials thousands of times succeed once in total', () =>
  contend(shared(), 1000))

test('sqlite: of two processes that deliver the same logout notices, each notice is claimed by one, once', () =>
  claimAtOnce(shared()))

test('sqlite: kill -9 loses no acknowledged write, and no code is redeemed twice', () =>
  killWhileWriting(shared(), [300, 2000, 5000]))

test('sqlite: after kill -9, the end of a user’s access is complete or absent', () =>
  killWhileChanging(shared(), [100, 1000]))

test('sqlite: while another process signs a user in, no session outlives the end of their access', () =>
  signInMeanwhile(shared(), 300))
