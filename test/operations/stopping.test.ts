/** An orderly stop: how long it waits for receivers, and what it still stores. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createEvents } from '../../packages/server/src/operations/events/events.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createRandom } from '../../packages/server/src/runtime/random.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { accountsWorld, addUser } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { webhookSecret } from '../support/events.ts'
import { endSessionPath, logoutWorld, signInAt } from '../support/logout-world.ts'
import { createTestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'

const { clients, ...world } = accountsWorld()

test('stopping: receivers that do not respond delay it by 5 s together, and log nothing afterwards', async t => {
  const responds = Promise.withResolvers<void>()
  // Also if an assertion fails, because the server is closed then.
  t.after(() => responds.resolve())
  const asked: string[] = []
  const server = await createTestServer(
    {
      ...world,
      clients: [...clients, ...logoutWorld.clients.slice(-2)],
      webhooks: [{ url: 'https://hook.example', secrets: [webhookSecret], events: ['session.ended'] }],
    },
    {
      tenantStores: createMemoryTenantStores(),
      async sendMail() {
        asked.push('mail')
        await responds.promise
      },
      async outbound(url) {
        asked.push(new URL(url).hostname)
        await responds.promise
        return { ok: true, status: 200, headers: {}, body: '' }
      },
    },
  )
  await addUser(server)
  const browser = createBrowser(server)
  await browser.submit(await browser.visit('/password/forgotten'), { username: 'dora' })
  const { shop } = await signInAt(server, browser, ['shop'])
  await browser.visit(endSessionPath({ id_token_hint: shop.id_token }))
  await until('all are asked', () => new Set(asked).size === 3)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let isClosed = false
  void server.close().then(() => {
    isClosed = true
  })
  let waited = -500
  for (; !isClosed && waited < 60_000; waited += 500) {
    t.mock.timers.tick(waited < 0 ? 0 : 500)
    for (let turns = 0; turns < 20; turns++) await setImmediate()
  }
  assert.equal(waited, 5000)
  const remove = () => Promise.reject(new Error('the store is closed'))
  const { logoutNotices, waitingMails, webhookMessages } = server.stores
  for (const queue of [logoutNotices, waitingMails, webhookMessages]) Object.assign(queue, { remove })
  responds.resolve()
  for (let turns = 0; turns < 20; turns++) await setImmediate()
  assert.deepEqual(
    server.logged.filter(({ level }) => level === 'error'),
    [],
  )
})

test('stopping: an event that happens while receivers are waited for is stored before the store closes', async () => {
  const stores = Promise.withResolvers<void>()
  const events = createEvents({
    issuer: 'https://id.example',
    callbacks: {},
    callbackLimit: 10,
    webhooks: [],
    audit: { takes: () => true, messagesOf: () => [{}] } as never,
    stores: { webhookMessages: { add: () => stores.promise } } as never,
    sealing: {} as never,
    outbound: () => assert.fail('nothing to send'),
    delivers: true,
    clock: { now: () => 0 },
    random: createRandom(),
    log: silentLog,
  })
  await events.close()
  events.emit('key.removed', { kid: 'old' })
  let isClosed = false
  const closed = events.close().then(() => {
    isClosed = true
  })
  await setImmediate()
  assert.equal(isClosed, false)
  stores.resolve()
  await closed
})
