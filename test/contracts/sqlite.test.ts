/** What only a store on disk can promise: processes that share it, that are killed, and files that can't be used. */

import assert from 'node:assert/strict'
import { type ChildProcess, execFile, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, stat, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { AuthorizationId, FamilyId } from '../../packages/server/src/core/authorization.ts'
import { type Log, StoreUnavailable, type TokenHash } from '../../packages/server/src/core/runtime.ts'
import type { Stores, Use } from '../../packages/server/src/core/stores.ts'
import { migrations } from '../../packages/server/src/stores/sqlite/schema.ts'
import { openSqliteStores, type SqliteOptions } from '../../packages/server/src/stores/sqlite/stores.ts'
import { accessEnding } from './stores/access.ts'
import type { Report, Task } from './stores/contender.ts'
import {
  approvedDevice,
  day,
  foundedFamily,
  issuedCode,
  newHash,
  now,
  sampleCommit,
  sampleSession,
  sampleUser,
  standing,
  tally,
} from './stores/samples.ts'
import { temporaryFolder } from './stores/storage.ts'

const script = (name: string): string => fileURLToPath(new URL(`./stores/${name}.ts`, import.meta.url))

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

const nextReport = async (child: ChildProcess): Promise<Report> => {
  const [report] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the process ended with ${code}`))),
  ])
  return report as Report
}

test('sqlite: of two processes that redeem the same credentials thousands of times, one succeeds once', async () => {
  // Both make the file at once, too.
  const children = [fork(script('contender'), [folder.file]), fork(script('contender'), [folder.file])]
  const settings = await Promise.all(children.map(nextReport))
  assert.deepEqual(settings[0], settings[1])

  const stores = await openStores()
  await standing(stores)
  const { code } = await issuedCode(stores)
  const { device } = await approvedDevice(stores)
  const { family } = await foundedFamily(stores)
  const uses: readonly Use[] = [
    { kind: 'authorization_code', hash: code.hash },
    { kind: 'device_code', hash: device.hash },
    { kind: 'refresh_rotation', family: family.id, generation: 1, idleExpiresAt: now + day },
    { kind: 'assertion', hash: newHash(), expires_at: now + day },
  ]
  const times = 3000
  const reports = children.map(child => {
    child.send({ uses, times } satisfies Task)
    return nextReport(child)
  })
  const [first, second] = await Promise.all(reports)
  assert.ok(first && second && 'tallies' in first && 'tallies' in second)
  for (const index of uses.keys()) {
    const sum = (outcome: string): number =>
      (first.tallies[index]?.[outcome] ?? 0) + (second.tallies[index]?.[outcome] ?? 0)
    assert.deepEqual([sum('committed'), sum('already_used')], [1, 2 * times - 1])
  }
  assert.equal((await stores.families.find(family.id))?.family.generation, 2)
})

test('sqlite: of two processes that deliver the same logout notices, each notice is claimed by one, once', async () => {
  const stores = await openStores()
  const expected: string[] = []
  for (let count = 0; count < 100; count++) {
    const session = sampleSession()
    await stores.sessions.create(session)
    await Promise.all(['api', 'shop', 'web'].map(client => stores.sessions.join(session.sid, client)))
    expected.push(...['api', 'shop', 'web'].map(client => `${session.sid} ${client}`))
    await stores.sessions.end(session.sid, { at: now, revokes: 'none', notices_until: now + day })
  }
  const children = [fork(script('claimer'), [folder.file]), fork(script('claimer'), [folder.file])]
  await Promise.all(children.map(child => once(child, 'message')))
  const claimed = await Promise.all(
    children.map(async child => {
      child.send('go')
      const [keys] = await once(child, 'message')
      return keys as readonly string[]
    }),
  )
  assert.deepEqual(claimed.flat().toSorted(), expected.toSorted())
})

/** Lets a process write until it has printed so many lines, kills it, and answers the whole lines. */
async function killedWhileWriting(lines: number, writer = 'endless-writer'): Promise<readonly string[]> {
  const child = spawn(process.execPath, [script(writer), folder.file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  let count = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    count += text.split('\n').length - 1
    if (count >= lines) child.kill('SIGKILL')
  })
  const [code, signal] = await once(child, 'close')
  assert.deepEqual([code, signal], [null, 'SIGKILL'])
  return printed.slice(0, printed.lastIndexOf('\n')).split('\n')
}

test('sqlite: kill -9 loses nothing that was acknowledged, and no code is redeemed twice', async () => {
  const prepared = await openStores()
  await standing(prepared)
  await prepared.close()
  for (const lines of [300, 2000, 5000]) {
    const printed = (await killedWhileWriting(lines)).map(line => line.split(' '))
    const stores = await openStores()
    const of = (word: string) => printed.filter(([first]) => first === word)
    const committed = new Set(of('committed').map(([, hash]) => hash))
    assert.ok(committed.size > 0)
    assert.equal(of('already_used').length + of('not_standing').length, 0)
    for (const [, hash] of of('issued')) assert.ok(await stores.codes.find(hash as TokenHash))
    for (const [, hash, family] of of('redeeming')) {
      const used = (await stores.codes.find(hash as TokenHash))?.code.used_at !== undefined
      const founded = (await stores.families.find(family as FamilyId)) !== undefined
      // Of an unacknowledged one both or neither is there; of an acknowledged one, both.
      assert.equal(used, founded)
      if (committed.has(hash)) assert.ok(used)
      const use = { kind: 'authorization_code', hash: hash as TokenHash } as const
      assert.equal(await stores.commit(sampleCommit({ use })), used ? 'already_used' : 'committed')
    }
    await stores.close()
  }
})

test('sqlite: kill -9 leaves of the end of a user’s access all or nothing', async () => {
  for (const lines of [100, 1000]) {
    const printed = (await killedWhileWriting(lines, 'account-changer')).map(line => line.split(' '))
    const stores = await openStores()
    const acknowledged = new Set(printed.flatMap(([word, sub]) => (word === 'changed' ? [sub] : [])))
    assert.ok(acknowledged.size > 0)
    const notices = await stores.logoutNotices.claim(now + day, now + 2 * day, 1_000_000)
    for (const [word, sub = '', pending, authorization] of printed) {
      if (word !== 'changing') continue
      const changed = (await stores.storedUsers.find(sub))?.version === 2
      if (acknowledged.has(sub)) assert.ok(changed)
      assert.equal((await stores.sessions.ofUser(sub)).length, changed ? 0 : 1)
      assert.equal((await stores.pendingSignIns.find(pending as TokenHash)) === undefined, changed)
      const found = await stores.authorizations.find(authorization as AuthorizationId)
      assert.equal(found?.revoked_at !== undefined, changed)
      assert.equal(notices.filter(notice => notice.sub === sub).length, changed ? 1 : 0)
    }
    for (const notice of notices) await stores.logoutNotices.remove(notice)
    await stores.close()
  }
})

test('sqlite: while another process signs a user in, no session outlives the end of their access', async () => {
  const stores = await openStores()
  let user = sampleUser()
  await stores.storedUsers.add(user)
  const child = fork(script('signer-in'), [folder.file, user.sub])
  await once(child, 'message')
  for (let count = 0; count < 300; count++) {
    user = { ...user, version: user.version + 1, epoch: user.epoch + 1 }
    const { outcome } = await stores.storedUsers.replace(user, accessEnding())
    assert.equal(outcome, 'replaced')
    const left = await stores.sessions.ofUser(user.sub)
    assert.deepEqual(
      left.map(({ epoch }) => epoch),
      left.map(() => user.epoch),
    )
  }
  child.send('stop')
  await once(child, 'exit')
  const left = await stores.sessions.ofUser(user.sub)
  assert.deepEqual(
    left.map(({ epoch }) => epoch),
    left.map(() => user.epoch),
  )
})
