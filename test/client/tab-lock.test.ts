import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TextStorage } from '@tessera/client'
import { tabLock, type WebLocks } from '@tessera/client/browser'
import { inTime, until } from '../support/until.ts'

function createStorage(): TextStorage & { readonly items: Map<string, string> } {
  const items = new Map<string, string>()
  return {
    items,
    getItem: key => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: key => void items.delete(key),
  }
}

const locks = (globalThis.navigator as { readonly locks?: WebLocks }).locks

/** Creates the locks of some tabs. */
const tabsWith: Readonly<Record<string, () => readonly ReturnType<typeof tabLock>[]>> = {
  'navigator.locks': () => [1, 2, 3].map(() => tabLock({ locks })),
  'an item in storage': () => {
    const storage = createStorage()
    return [1, 2, 3].map(() => tabLock({ locks: null, storage }))
  },
  'one tab without either': () => {
    const lock = tabLock({ locks: null, storage: null })
    return [lock, lock, lock]
  },
}

for (const [name, createTabs] of Object.entries(tabsWith))
  test(`tab lock: with ${name}, work runs one after another, also if it fails`, async () => {
    let running = 0
    const order: number[] = []
    const work = async (number: number): Promise<number> => {
      running += 1
      assert.equal(running, 1)
      await new Promise(resolve => setTimeout(resolve, 5))
      running -= 1
      order.push(number)
      if (number % 2 === 1) throw new Error(`failed ${number}`)
      return number
    }
    const tabs = createTabs()
    const results = await inTime(
      'all have had the lock',
      Promise.allSettled([0, 1, 2, 3, 4, 5].map(number => tabs[number % 3]!('a', () => work(number)))),
    )
    assert.deepEqual(order.toSorted(), [0, 1, 2, 3, 4, 5])
    for (const [number, result] of results.entries())
      if (number % 2 === 1)
        assert.match(`${(result as PromiseRejectedResult).reason}`, new RegExp(`failed ${number}$`))
      else assert.deepEqual(result, { status: 'fulfilled', value: number })
  })

test('tab lock: names are independent, and waiting ends', async () => {
  const storage = createStorage()
  for (const [first, second] of [
    [tabLock({ locks }), tabLock({ locks, timeout: 0.1 })],
    [tabLock({ locks: null, storage }), tabLock({ locks: null, storage, timeout: 0.1 })],
  ] as const)
    await first('a', async () => {
      assert.equal(await second('b', async () => 'other'), 'other')
      await assert.rejects(
        second('a', async () => 'same'),
        /"(?:tessera )?a" was not free within 0.1 s/,
      )
    })
})

test('tab lock: a call waits for one of the same tab as long as for other tabs, and the next call still waits', async () => {
  for (const storage of [null, createStorage()]) {
    const lock = tabLock({ locks: null, storage, timeout: 0.3 })
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    let running = 0
    const work = async (): Promise<number> => ++running
    const first = lock('a', async () => {
      running += 1
      await released
      running -= 1
    })
    await until('it runs', () => running === 1)
    await inTime('the wait ends', assert.rejects(lock('a', work), /was not free within 0.3 s/))
    const next = lock('a', work)
    release()
    await first
    assert.equal(await next, 1)
  }
})

test('tab lock: a tab that was frozen before it began takes the item again, so that no other tab can', async () => {
  const storage = createStorage()
  const key = 'tessera.lock a'
  const frozen = tabLock({ locks: null, storage })('a', () =>
    tabLock({ locks: null, storage, timeout: 0.1 })('a', async () => 'two owners'),
  )
  await until('the item is written', () => storage.items.has(key))
  // While it is frozen, the item expires.
  storage.setItem(key, `${storage.items.get(key)?.split(' ')[0]} ${Date.now() - 1}`)
  await assert.rejects(frozen, /was not free within 0.1 s/)
})

test('tab lock: storage that fails while work runs is no error of the page', async t => {
  const storage = createStorage()
  const work = async (): Promise<string> => {
    t.mock.method(storage, 'setItem', () => {
      throw new Error('QuotaExceededError')
    })
    t.mock.timers.tick(6000)
    return 'done'
  }
  t.mock.timers.enable({ apis: ['setInterval'] })
  assert.equal(await tabLock({ locks: null, storage })('a', work), 'done')
})

test('tab lock: an item in storage is removed afterwards, and one that expired is ignored', async () => {
  const storage = createStorage()
  const lock = tabLock({ locks: null, storage })
  await lock('a', async () => assert.equal(storage.items.size, 1))
  assert.equal(storage.items.size, 0)
  for (const end of [Date.now() - 1, Date.now() + 3_600_000, 'x']) {
    storage.items.set('tessera.lock a', `closed-tab ${end}`)
    assert.equal(await lock('a', async () => 'free'), 'free')
  }
})

test('tab lock: the default is that of the browser', async () => {
  if (!locks) return
  const lock = tabLock()
  await lock('a', async () => {
    await assert.rejects(tabLock({ locks, timeout: 0.05 })('a', async () => undefined))
  })
})
