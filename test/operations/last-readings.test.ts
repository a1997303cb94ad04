/** Readings of the store, which other nodes' changes cause, that end when the server has closed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { createTestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { world } from '../support/world.ts'

/** Stores whose readings fail once `fail` is called, and how to announce changes by another node. */
async function createChangedStores() {
  const { main } = createMemoryTenantStores()
  const watchers: (() => void)[] = []
  const waiting: (() => void)[] = []
  let fails = false
  const watch = (changed: () => void) => {
    watchers.push(changed)
    return () => {}
  }
  const reading =
    <Value>(read: () => Value | Promise<Value>) =>
    async (): Promise<Value> => {
      if (!fails) return read()
      await new Promise<void>(resolve => void waiting.push(resolve))
      throw new Error('the database is closed')
    }
  return {
    stores: {
      ...main,
      keys: { ...main.keys, watch, all: reading(() => main.keys.all()) },
      principals: { ...main.principals, watch, disabled: reading(() => main.principals.disabled()) },
      entries: { ...main.entries, watch, revision: reading(() => main.entries.revision()) },
    },
    change() {
      fails = true
      for (const changed of watchers) changed()
    },
    waiting,
  }
}

for (const closes of [true, false])
  test(`last readings: one that fails is ${closes ? 'not logged after the server has closed' : 'logged while it runs'}`, async () => {
    const { stores, change, waiting } = await createChangedStores()
    const server = await createTestServer(world, { stores })
    change()
    await until('everything is read', () => waiting.length === 3)
    if (closes) await server.close()
    for (const end of waiting) end()
    await new Promise(resolve => setImmediate(resolve))
    const failed = server.logged.map(({ event }) => event).filter(event => event.endsWith('_refresh_failed'))
    assert.deepEqual(
      failed.toSorted(),
      closes ? [] : ['entries_refresh_failed', 'keys_refresh_failed', 'principals_refresh_failed'],
    )
  })
