import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fileLock, fileStore } from '@tessera/client/node'
import { inTime, until } from '../support/until.ts'

let root: string
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-lock-'))
})
after(() => rm(root, { recursive: true, force: true }))

let folders = 0
const newFolder = (): string => join(root, `${++folders}`)

const program = fileURLToPath(new URL('file-lock-process.ts', import.meta.url))

/** Starts a process that works with the lock of a folder; see there. */
function startProcess(...args: readonly string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    printed += text
  })
  return { child, printed: () => printed, exit: once(child, 'exit') }
}

test('file lock: work runs one after another, also if it fails', async () => {
  const folder = newFolder()
  const locks = [fileLock(folder), fileLock(folder)]
  let running = 0
  const work = async (fails: boolean): Promise<string> => {
    running += 1
    assert.equal(running, 1)
    await new Promise(resolve => setTimeout(resolve, 5))
    running -= 1
    if (fails) throw new Error('failed')
    return 'done'
  }
  const results = await Promise.allSettled(
    Array.from({ length: 12 }, (_, index) => locks[index % 2]!('a', () => work(index % 3 === 0))),
  )
  assert.deepEqual(
    results.map(({ status }) => status),
    Array.from({ length: 12 }, (_, index) => (index % 3 === 0 ? 'rejected' : 'fulfilled')),
  )
  assert.ok((await readdir(folder)).length <= 4)
})

test('file lock: processes increment a number in a file without losing one', async () => {
  const folder = newFolder()
  const counter = join(root, 'counter')
  await writeFile(counter, '0')
  const processes = [1, 2, 3].map(() => startProcess('count', folder, counter, '40'))
  for (const { exit } of processes) assert.deepEqual(await exit, [0, null])
  assert.equal(await readFile(counter, 'utf8'), '120')
})

test('file lock: the lock of a killed process is taken over', async () => {
  const folder = newFolder()
  const { child, printed, exit } = startProcess('hold', folder)
  await until('the process holds the lock', () => printed().includes('held'))
  let entered = false
  const waiting = fileLock(folder)('a', async () => {
    entered = true
  })
  await new Promise(resolve => setTimeout(resolve, 200))
  assert.equal(entered, false)
  child.kill('SIGKILL')
  await exit
  await waiting
  assert.equal(entered, true)
})

test('file lock: processes that are killed at any time never leave two owners or a lock that stays', async () => {
  const folder = newFolder()
  const counter = join(root, 'killed')
  await writeFile(counter, '0')
  const processes = [1, 2, 3, 4].map(() => startProcess('count', folder, counter, '100000'))
  for (const { child, printed, exit } of processes) {
    // The lock is not fair: on a busy machine, one process may get it rarely.
    await until('the process has worked', () => printed().length > 5, { within: 60_000 })
    child.kill('SIGKILL')
    await exit
  }
  assert.doesNotMatch(processes.map(({ printed }) => printed()).join(''), /two owners/)
  assert.equal(await fileLock(folder)('a', async () => 'free'), 'free')
})

test('file lock: the owner on another machine keeps it until it shows no sign of life', async () => {
  const folder = newFolder()
  await fileLock(folder)('a', async () => undefined)
  const [name = ''] = await readdir(folder)
  const next = join(folder, name.replace(/\d+$/, '2'))
  // Its process id is not that of a process here, but that means nothing.
  await writeFile(next, JSON.stringify({ pid: 2 ** 22 + 1, machine: 'elsewhere' }))
  await assert.rejects(
    fileLock(folder, { timeout: 0.2 })('a', async () => undefined),
    /was not free within 0.2 s/,
  )
  let touched = 0
  const alive = setInterval(() => {
    touched += 1
    void utimes(next, new Date(), touched)
  }, 20)
  const waiting = fileLock(folder, { staleAfter: 0.5 })('a', async () => touched)
  await until('the owner has shown signs of life', () => touched > 20)
  clearInterval(alive)
  assert.ok((await waiting) > 20)
})

const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')

test('file lock: a machine with the same host name, on a common file system, is another machine', {
  skip: bootId === '',
}, async () => {
  const folder = newFolder()
  const { child, printed, exit } = startProcess('hold', folder)
  await until('the process holds the lock', () => printed().includes('held'))
  child.kill('SIGKILL')
  await exit
  const [name = ''] = await readdir(folder)
  const path = join(folder, name)
  // As the other machine wrote it: no process here has the id, but it is running there.
  await writeFile(path, (await readFile(path, 'utf8')).replaceAll(bootId.trim(), randomUUID()))
  await assert.rejects(
    fileLock(folder, { timeout: 0.2 })('a', async () => undefined),
    /was not free within 0.2 s/,
  )
})

test('file lock: a call waits for one of the same process as long as for others, and the next call still waits', async () => {
  const lock = fileLock(newFolder(), { timeout: 0.2 })
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  let running = 0
  const work = async (): Promise<number> => ++running
  const first = lock('a', async () => {
    running += 1
    await released
    running -= 1
  })
  await until('it runs', () => running === 1)
  await inTime('the wait ends', assert.rejects(lock('a', work), /was not free within 0.2 s/))
  const next = lock('a', work)
  release()
  await first
  assert.equal(await next, 1)
})

test('file lock: the owner shows signs of life while it works', async () => {
  const folder = newFolder()
  await fileLock(folder, { staleAfter: 0.1 })('a', async () => {
    const [name = ''] = await readdir(folder)
    const { mtimeMs } = await stat(join(folder, name))
    await until('the file was touched', async () => (await stat(join(folder, name))).mtimeMs > mtimeMs)
  })
})

test('file lock: an owner that was killed before it wrote its name is taken over, too', async () => {
  const folder = newFolder()
  await fileLock(folder)('a', async () => undefined)
  const [name = ''] = await readdir(folder)
  await writeFile(join(folder, name.replace(/\d+$/, '2')), '')
  assert.equal(await fileLock(folder, { staleAfter: 0.1 })('a', async () => 'free'), 'free')
})

test('file lock: a process that can’t write its name, as on a full disk, leaves no lock behind', async () => {
  const folder = newFolder()
  // No file that this process creates can have content.
  const full = spawn(
    'sh',
    ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, program, 'take', folder],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let printed = ''
  full.stdout.setEncoding('utf8').on('data', text => {
    printed += text
  })
  await once(full, 'close')
  assert.equal(printed, 'EFBIG')
  assert.deepEqual(await readdir(folder), [])
  assert.equal(await fileLock(folder, { timeout: 1 })('a', async () => 'free'), 'free')
})

test('file lock: work ends as usual although others have taken the lock over several times', async () => {
  const folder = newFolder()
  const done = fileLock(folder)('a', async () => {
    const [name = ''] = await readdir(folder)
    await rm(join(folder, name))
    await writeFile(join(folder, name.replace(/\d+$/, '5')), '')
    return 'done'
  })
  assert.equal(await done, 'done')
})

const tokens = { id: 'i', access_token: 'a', token_type: 'Bearer', refresh_token: 'r' }

test('file store: only its owner can read it, and nothing else is left', async () => {
  const path = join(newFolder(), 'deep', 'tokens.json')
  const store = fileStore(path)
  assert.equal(await store.load(), undefined)
  await store.save(tokens)
  await store.save({ ...tokens, access_token: 'b' })
  assert.equal((await store.load())?.access_token, 'b')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(join(path, '..')), ['tokens.json'])
  // One that a killed process has left, and one that a running process writes.
  await writeFile(`${path}.${2 ** 22 + 1}.tmp`, 'x')
  await writeFile(`${path}.${process.ppid}.tmp`, 'x')
  await store.clear()
  assert.deepEqual(await readdir(join(path, '..')), [`tokens.json.${process.ppid}.tmp`])
  assert.equal(await store.load(), undefined)
})

test('file store: the folder is synchronized after the file has its name, and after it is removed', async t => {
  const path = join(newFolder(), 'tokens.json')
  const store = fileStore(path)
  await store.save(tokens)
  const file = await open(path)
  const handle = Object.getPrototypeOf(file) as FileHandle
  await file.close()
  const { sync } = handle
  const synced: string[] = []
  let problem: string | undefined
  t.mock.method(handle, 'sync', async function (this: FileHandle) {
    const isFolder = (await this.stat()).isDirectory()
    const saved = JSON.parse(await readFile(path, 'utf8').catch(() => '{}')).access_token
    synced.push(`${isFolder ? 'folder' : 'file'} ${saved}`)
    if (isFolder && problem) throw Object.assign(new Error(problem), { code: problem })
    await sync.call(this)
  })
  await store.save({ ...tokens, access_token: 'b' })
  await store.clear()
  assert.deepEqual(synced, ['file a', 'folder b', 'folder undefined'])
  for (problem of ['EPERM', 'EISDIR']) await store.save(tokens)
  assert.equal((await store.load())?.access_token, 'a')
  problem = 'EIO'
  await assert.rejects(async () => store.save(tokens), { code: 'EIO' })
})

test('file store: saves at the same time leave one of the sessions as a whole, and nothing else', async () => {
  const path = join(newFolder(), 'tokens.json')
  const sessions = Array.from({ length: 20 }, (_, index) => ({
    ...tokens,
    access_token: `${index}`.repeat(10_000),
  }))
  await Promise.all(sessions.map(async one => fileStore(path).save(one)))
  const left = await fileStore(path).load()
  assert.ok(sessions.some(({ access_token }) => access_token === left?.access_token))
  assert.deepEqual(await readdir(join(path, '..')), ['tokens.json'])
})

test('file store: a link that others have prepared in the folder is not written to', async () => {
  const folder = newFolder()
  const path = join(folder, 'tokens.json')
  const target = join(root, 'of-someone-else')
  await mkdir(folder)
  await writeFile(target, '')
  await symlink(target, `${path}.${process.pid}.tmp`)
  await fileStore(path).save(tokens)
  assert.equal(await readFile(target, 'utf8'), '')
})

test('file store: a save that fails leaves no tokens behind', async () => {
  const folder = newFolder()
  const path = join(folder, 'tokens.json')
  // A folder in its place can't be replaced by a file.
  await mkdir(join(path, 'x'), { recursive: true })
  await assert.rejects(async () => fileStore(path).save(tokens))
  assert.deepEqual(await readdir(folder), ['tokens.json'])
})

test('file store: a file with anything else is no session', async () => {
  const path = join(root, 'damaged.json')
  for (const text of ['', '{"id":', 'null', '{"id":"i"}']) {
    await writeFile(path, text)
    assert.equal(await fileStore(path).load(), undefined)
  }
})
