/** A process must notice changes that another process makes while it starts. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Settings } from '../../packages/server/src/model/ports/stores.ts'
import { createChanges } from '../../packages/server/src/operations/changes.ts'
import { createPrincipalWatch, writePrincipals } from '../../packages/server/src/operations/principals.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createRandom } from '../../packages/server/src/runtime/random.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { until } from '../support/until.ts'
import { openRing, publishedBy } from './keys.ts'

const common = { random: createRandom(), log: silentLog }

/** Returns a `Changes` whose first look waits for `release`. */
function createDelayedChanges(settings: Settings) {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const delayed: Settings = {
    ...settings,
    async get(name) {
      await released
      return settings.get(name)
    },
  }
  return { changes: createChanges({ settings: delayed, ...common }), release }
}

test('changes: a client that is disabled between the load and the first look is disabled after that look', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { settings, principals } = createMemoryStores()
  const { changes, release } = createDelayedChanges(settings)
  const watch = createPrincipalWatch({ principals, changes, log: silentLog })
  t.after(() => watch.stop())
  await watch.begin()
  assert.equal(watch.isDisabledClient('web'), false)
  const elsewhere = createChanges({ settings, ...common })
  await writePrincipals(
    { clients: [{ id: 'web', enabled: false }], users: [] },
    { principals, changes: elsewhere },
  )
  assert.equal(watch.isDisabledClient('web'), false)
  release()
  await until('the client is disabled', () => watch.isDisabledClient('web'))
})

test('changes: a process whose configuration another one overrules says so, but not during a reload', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { settings, principals } = createMemoryStores()
  const changes = createChanges({ settings, ...common })
  const warned: unknown[] = []
  const log = { ...silentLog, warn: (...line: unknown[]) => void warned.push(line) }
  const watch = createPrincipalWatch({ principals, changes, log })
  t.after(() => watch.stop())
  const [web, ann] = [
    { id: 'web', enabled: true },
    { id: 'ann', enabled: true },
  ]
  const apply = (clients: readonly (typeof web)[]) =>
    writePrincipals({ clients, users: [ann] }, { principals, changes })
  await watch.begin({ clients: [web], users: [ann] })
  await apply([])
  await watch.refresh()
  await apply([web])
  await watch.refresh()
  assert.deepEqual(warned, [])
  await apply([])
  for (let reading = 0; reading < 3; reading++) await watch.refresh()
  const advice = 'give all processes the same configuration'
  assert.deepEqual(warned, [['configuration_overruled', { clients: 1, users: 0, advice }]])
})

test('changes: a key that is added between the load and the first look is published after that look', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { settings, keys } = createMemoryStores()
  const { changes, release } = createDelayedChanges(settings)
  const one = await openRing({ keys, changes: createChanges({ settings, ...common }) })
  const other = await openRing({ keys, changes })
  t.after(() => [one, other].forEach(ring => void ring.stop()))
  await one.rotate({ now: true })
  assert.equal(publishedBy(other).length, 1)
  release()
  await until('the key is published', () => publishedBy(other).length === 2)
})

test('changes: a key that is added while the ring loads is published, even if the change is noticed meanwhile', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { settings, keys } = createMemoryStores()
  const one = await openRing({ keys, changes: createChanges({ settings, ...common }) })
  const changes = createChanges({ settings, ...common })
  let looks = 0
  t.after(changes.watch(() => void looks++))
  await until('the first look', () => looks === 1)
  let loads = 0
  const other = await openRing({
    changes,
    keys: {
      ...keys,
      async all() {
        const before = await keys.all()
        if (++loads > 1) return before
        await one.rotate({ now: true })
        t.mock.timers.tick(1000)
        await until('the change is noticed', () => looks === 2)
        return before
      },
    },
  })
  t.after(() => [one, other].forEach(ring => void ring.stop()))
  await until('the key is published', () => publishedBy(other).length === 2)
})
