/** Replacing the master key: everything that was sealed or derived before still works, during and after it. */

import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { createDerivedKeys, localMasterKey } from '../../packages/server/src/keys/master-key.ts'
import { mastersOf, openRootKeys, rootKeysSetting } from '../../packages/server/src/keys/root-key-set.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { type Opened, storages } from '../contracts/stores/storage.ts'
import { createClock, masterKey } from './keys.ts'
import {
  assertComplete,
  fill,
  grace,
  handle,
  rotate,
  startNode,
  type TestStores,
  totp,
  unlockWith,
} from './rotation-world.ts'

const [oldKey, newKey, thirdKey] = [masterKey(1), masterKey(2), masterKey(3)]
for (const storage of storages)
  describe(`master key rotation, ${storage.name}`, () => {
    let opened: Opened
    beforeEach(async () => {
      opened = await storage.open()
    })
    afterEach(() => opened.end())

    test('master key rotation: running nodes learn of the new root key before it is used, and everything stays valid', async () => {
      const world = { stores: opened.stores, clock: createClock() }
      const filled = await fill(world, oldKey)
      const node = await startNode(world, oldKey)
      const first = await rotate(world, [newKey, oldKey], {
        async during() {
          await node.refresh()
          assert.equal(node.derived.version(), 1)
          // One whose clock is ahead may use it already.
          const early = createDerivedKeys(oldKey)
          assert.ok(node.derived.ofVersion(2, 'x'))
          assert.notDeepEqual(node.derived.ofVersion(2, 'x'), early.derive('x'))
        },
      })
      assert.deepEqual(first, {
        ...{ rewrapped: false, finished: false },
        retires_at: world.clock.now() + grace,
      })
      // The node of the old master key makes new tokens, and a node of the new one accepts both.
      assert.equal(node.derived.version(), 2)
      const issued = node.refreshTokens.format(handle)
      assert.notEqual(issued, filled.token)
      await assertComplete(world, filled, newKey)
      await assertComplete(world, { ...filled, token: issued }, newKey)
      await assertComplete(world, { ...filled, token: issued }, oldKey)

      assert.equal((await rotate(world, [newKey], { finish: true })).finished, true)
      await assert.rejects(unlockWith(opened.stores, world.clock, oldKey), /master key was replaced/)
      await assertComplete(world, filled, newKey)
      // The running node of the old master key continues, and says what to do.
      await node.refresh()
      assert.deepEqual([node.fault(), node.errors], [undefined, ['master_key_replaced']])
      assert.deepEqual(node.refreshTokens.parse(filled.token), handle)

      world.clock.advance(grace)
      const later = await startNode(world, newKey)
      assert.deepEqual(
        [later.refreshTokens.parse(filled.token), later.refreshTokens.parse(issued)],
        [undefined, handle],
      )
      assert.throws(
        () => totp(later.derived).open(totp(createDerivedKeys(oldKey)).seal('x', 'y'), 'y'),
        /the root key 1 is not known here, or is retired/,
      )
    })
  })

test('master key rotation: an interruption before or after any write is completed by the next run', async () => {
  let writes = 0
  // The first run is not interrupted, and counts the writes.
  for (let at = -1; at < writes * 2; at++) {
    const world = { stores: createMemoryStores() as TestStores, clock: createClock() }
    const filled = await fill(world, oldKey)
    const damaged = { sub: 'bob', sealed: new Uint8Array(60).fill(1), last_step: 0, created_at: 0 }
    await world.stores.totpSecrets.add(damaged)
    let count = 0
    /** Fails before the write or after it. */
    const failing =
      <Given extends unknown[], Value>(write: (...given: Given) => Promise<Value>) =>
      async (...given: Given): Promise<Value> => {
        const place = count++
        if (place * 2 === at) throw new Error('interrupted')
        const value = await write(...given)
        if (place * 2 + 1 === at) throw new Error('interrupted')
        return value
      }
    const { settings, keys, totpSecrets, entries } = world.stores
    const stores = {
      ...world.stores,
      settings: { ...settings, initialise: failing(settings.initialise), replace: failing(settings.replace) },
      keys: { ...keys, reseal: failing(keys.reseal) },
      totpSecrets: { ...totpSecrets, reseal: failing(totpSecrets.reseal) },
      entries: { ...entries, put: failing(entries.put) },
    }
    await assert.rejects(async () => {
      await rotate({ ...world, stores }, [newKey, oldKey])
      await rotate({ ...world, stores }, [newKey, oldKey], { finish: true })
      writes = count
      throw new Error('interrupted')
    }, /interrupted/)
    // Whatever was written, a process with both keys starts.
    await startNode(world, newKey, oldKey)
    const end = await rotate(world, [newKey, oldKey], { finish: true })
    assert.equal(end.finished, true)
    await assertComplete(world, filled, newKey)
    assert.equal((await startNode(world, newKey)).derived.version(), 2)
    assert.deepEqual(await world.stores.totpSecrets.find('bob'), damaged)
  }
  assert.ok(writes >= 6, `${writes} writes`)
})

test('master key rotation: an entry that is changed while its secret is sealed again keeps the change', async () => {
  const world = { stores: createMemoryStores() as TestStores, clock: createClock() }
  const filled = await fill(world, oldKey)
  const { entries } = world.stores
  let changed = false
  const find: typeof entries.find = async (kind, id) => {
    const found = await entries.find(kind, id)
    if (found && !changed) {
      changed = true
      const entry = { ...found.entry, scopes: ['openid', 'email'] }
      await entries.put({ ...found, version: 2, entry }, await entries.revision())
    }
    return found
  }
  await rotate({ ...world, stores: { ...world.stores, entries: { ...entries, find } } }, [newKey, oldKey])
  const stored = await entries.find('identity_providers', 'corp')
  assert.deepEqual([stored?.version, stored?.entry.scopes], [2, ['openid', 'email']])
  await assertComplete(world, filled, newKey)
})

test('master key rotation: two commands at the same time agree on one root key', async () => {
  const world = { stores: createMemoryStores() as TestStores, clock: createClock() }
  const filled = await fill(world, oldKey)
  await Promise.all([rotate(world, [newKey, oldKey]), rotate(world, [newKey, oldKey])])
  const stored = String(await world.stores.settings.get(rootKeysSetting))
  assert.equal((await openRootKeys(stored, [localMasterKey(newKey)]))?.length, 2)
  await assertComplete(world, filled, newKey)
  // Without the previous key, an unfinished rotation must be finished explicitly.
  assert.deepEqual(mastersOf(stored).length, 2)
})

test('master key rotation: what can’t be rotated is refused, and changes nothing', async () => {
  const world = { stores: createMemoryStores() as TestStores, clock: createClock() }
  await fill(world, oldKey)
  await assert.rejects(rotate(world, [oldKey]), /this is the master key that the store was created with/)
  await assert.rejects(rotate(world, [newKey]), /set it as TESSERA_MASTER_KEY_PREVIOUS/)
  await assert.rejects(rotate(world, [newKey, thirdKey]), /not the one that this store was created with/)
  assert.equal(await world.stores.settings.get(rootKeysSetting), undefined)
  await rotate(world, [newKey, oldKey])
  await assert.rejects(rotate(world, [thirdKey, newKey]), /an earlier rotation is not finished/)
  await rotate(world, [newKey], { finish: true })
  assert.equal((await rotate(world, [newKey])).finished, true)
  await rotate(world, [thirdKey, newKey], { finish: true })
  assert.equal((await startNode(world, thirdKey)).derived.version(), 3)
})

test('master key rotation: a node that can’t open the newest root key is not ready', async () => {
  const world = { stores: createMemoryStores() as TestStores, clock: createClock() }
  await fill(world, oldKey)
  const node = await startNode(world, oldKey)
  await rotate(world, [newKey, oldKey], { finish: true })
  await node.refresh()
  assert.deepEqual(node.fault(), { error: 'master_key_replaced' })
})

test('master key rotation: a stored set is bound to its master keys and can’t be changed', async () => {
  const world = { stores: createMemoryStores() as TestStores, clock: createClock() }
  await fill(world, oldKey)
  await rotate(world, [newKey, oldKey])
  const stored = String(await world.stores.settings.get(rootKeysSetting))
  assert.ok(!stored.includes(Buffer.from(oldKey).toString('base64url')))
  assert.equal(await openRootKeys(stored, [localMasterKey(thirdKey)]), undefined)
  const parsed = JSON.parse(stored)
  const claimed = { ...parsed, wraps: [{ ...parsed.wraps[0], master: localMasterKey(thirdKey).id }] }
  await assert.rejects(openRootKeys(JSON.stringify(claimed), [localMasterKey(thirdKey)]), /can't be opened/)
  const sealed = Buffer.from(parsed.sealed, 'base64url')
  sealed[20]! ^= 1
  const changed = { ...parsed, sealed: sealed.toString('base64url') }
  await assert.rejects(openRootKeys(JSON.stringify(changed), [localMasterKey(newKey)]), /can't be opened/)
})
