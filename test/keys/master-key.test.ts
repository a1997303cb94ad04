/** The master key: found, created once, checked against the store. */

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createDerivedKeys, unlock } from '../../packages/server/src/keys/master-key.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { temporaryFolder } from '../contracts/stores/storage.ts'
import { createClock, localKey, masterKey } from './keys.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(() => folder.remove())

/** Unlocks a store; returns the derived secrets and the logged warnings. */
async function open(
  settings = createMemoryStores().settings,
  configured?: Uint8Array,
  storage: { kind: string; file?: string } = { kind: 'sqlite', file: folder.file },
) {
  const warned: string[] = []
  const log = {
    debug: () => {},
    info: () => {},
    error: () => {},
    warn: (event: string) => warned.push(event),
  }
  const { rootKeys } = await unlock({
    configured: configured && localKey(configured),
    storage,
    settings,
    log,
    clock: createClock(),
  })
  return { secret: Buffer.from(rootKeys.derived.derive('test')).toString('hex'), warned }
}

test('master key: each purpose has its own secret of 32 bytes, the same on every node [RFC 5869]', () => {
  const [one, same, other] = [masterKey(1), masterKey(1), masterKey(2)].map(createDerivedKeys)
  assert.equal(one!.derive('a').length, 32)
  assert.deepEqual(one!.derive('a'), same!.derive('a'))
  assert.notDeepEqual(one!.derive('a'), one!.derive('b'))
  assert.notDeepEqual(one!.derive('a'), other!.derive('a'))
  assert.notDeepEqual(one!.derive('a'), masterKey(1))
})

test('master key: the embedded store creates a file beside it, only for its owner, and finds it again', async () => {
  const { settings } = createMemoryStores()
  const first = await open(settings)
  assert.deepEqual(first.warned, ['master_key_made'])
  assert.equal((await stat(`${folder.file}.key`)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(dirname(folder.file)), ['tessera.db.key'])
  const second = await open(settings)
  assert.deepEqual(second, { secret: first.secret, warned: ['master_key_beside_database'] })
})

test('master key: a key file that others can read causes a warning', async () => {
  await open()
  for (const mode of [0o644, 0o640, 0o604, 0o620, 0o601]) {
    await chmod(`${folder.file}.key`, mode)
    assert.ok((await open()).warned.includes('master_key_file_readable_by_others'), mode.toString(8))
  }
  await chmod(`${folder.file}.key`, 0o600)
  assert.ok(!(await open()).warned.includes('master_key_file_readable_by_others'))
})

test('master key: a configured one creates no file and causes no warning', async () => {
  assert.deepEqual((await open(undefined, masterKey(1))).warned, [])
  assert.deepEqual(await readdir(dirname(folder.file)), [])
})

test('master key: one that does not match the store is refused', async () => {
  const { settings } = createMemoryStores()
  await open(settings, masterKey(1))
  await open(settings, masterKey(1))
  await assert.rejects(
    open(settings, masterKey(2)),
    /the master key is not the one that this store was created with/,
  )
})

test('master key: a lost key is not replaced', async () => {
  const { settings } = createMemoryStores()
  await open(settings)
  await rm(`${folder.file}.key`)
  await assert.rejects(open(settings), /the master key of .* is missing.*TESSERA_MASTER_KEY/)
  assert.deepEqual(await readdir(dirname(folder.file)), [])
})

test('master key: an invalid key file is refused and not changed', async () => {
  await writeFile(`${folder.file}.key`, 'bm90IGEga2V5\n')
  await assert.rejects(open(), /does not contain a master key of 32 bytes/)
  assert.equal(await readFile(`${folder.file}.key`, 'utf8'), 'bm90IGEga2V5\n')
})

test('master key: an existing one is used even if no other file could be created beside it', async () => {
  // The name of a temporary file would be longer than a file system allows.
  const file = join(dirname(folder.file), 'x'.repeat(240))
  await writeFile(`${file}.key`, `${Buffer.from(masterKey(3)).toString('base64url')}\n`, { mode: 0o600 })
  const settings = createMemoryStores().settings
  const found = await open(settings, undefined, { kind: 'sqlite', file })
  assert.equal(found.secret, (await open(settings, masterKey(3))).secret)
  assert.deepEqual(found.warned, ['master_key_beside_database'])
})

test('master key: if no file can be created, the operator gets an error with a fix', async () => {
  const storage = { kind: 'sqlite', file: join(folder.file, 'missing', 'tessera.db') }
  await assert.rejects(
    open(undefined, undefined, storage),
    /can't be written to .*ENOENT.*TESSERA_MASTER_KEY/,
  )
})

test('master key: a shared store creates none; a memory store has a new one each time', async () => {
  await assert.rejects(open(undefined, undefined, { kind: 'postgres' }), /set TESSERA_MASTER_KEY/)
  const memory = () => open(undefined, undefined, { kind: 'memory' })
  assert.notEqual((await memory()).secret, (await memory()).secret)
})

test('master key: three concurrent processes agree on one', async () => {
  const script = fileURLToPath(new URL('unlocking.ts', import.meta.url))
  const processes = [1, 2, 3].map(() => fork(script))
  try {
    await Promise.all(processes.map(child => once(child, 'message')))
    for (let round = 0; round < 40; round++) {
      const answers = processes.map(child => once(child, 'message'))
      for (const child of processes) child.send(`${folder.file}-${round}`)
      const secrets = (await Promise.all(answers)).map(([secret]) => secret)
      assert.match(secrets[0], /^[0-9a-f]{64}$/)
      assert.deepEqual(secrets, [secrets[0], secrets[0], secrets[0]])
    }
  } finally {
    for (const child of processes) child.disconnect()
  }
})
