/** When logout tokens are sent, and how many at once. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { LogoutNotice } from '../../packages/server/src/model/authorization.ts'
import type { Client } from '../../packages/server/src/model/client.ts'
import type { EndedSession, SessionEnding } from '../../packages/server/src/model/ports/stores.ts'
import type { Outbound } from '../../packages/server/src/outbound/outbound.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createLogoutDelivery } from '../../packages/server/src/sessions/logout-delivery.ts'
import { createEndings } from '../../packages/server/src/sessions/session-end.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables } from '../../packages/server/src/storage/memory/tables.ts'
import { inTime, until } from '../support/until.ts'

const now = 1_790_000_000
const clock = { now: () => now }

function endings(clients: readonly string[]) {
  let told = 0
  const logged: unknown[] = []
  const ended = { session: { sid: 'sid', sub: 'alice' }, clients } as unknown as EndedSession
  const made = createEndings({
    stores: {
      sessions: { end: async () => ended, endExpired: async () => (told === 0 ? [ended] : []) },
    } as never,
    clock,
    log: { ...silentLog, info: (event, fields) => void logged.push([event, fields?.cause]) },
    events: { emit: () => {} },
    endRevokes: undefined as never,
    onNotices: () => {
      told += 1
    },
  })
  return { ...made, told: () => told, logged }
}

test('session end: waiting clients are notified immediately, and nothing starts if there are none', async () => {
  for (const [clients, times] of [
    [['web', 'shop'], 1],
    [[], 0],
  ] as const) {
    const one = endings(clients)
    await one.endSession('sid', 'sign_out' as never)
    assert.equal(one.told(), times)
    assert.deepEqual(one.logged, [['session_ended', 'sign_out']])
    one.endingWithin.ended([{ session: { sid: 's', sub: 'a' }, clients } as never], 'password' as never)
    assert.equal(one.told(), 2 * times)
  }
})

test('session end: sessions end once their expiry has certainly passed, a hundred at a time', async () => {
  const asked: unknown[] = []
  const counts = [100, 100, 3]
  const { endExpired } = createEndings({
    stores: {
      sessions: {
        async endExpired({ at, notices_until }: SessionEnding, limit: number) {
          asked.push([at, notices_until, limit])
          const count = counts.shift() ?? 0
          return Array.from({ length: count }, () => ({ session: { sid: 's', sub: 'a' }, clients: [] }))
        },
      },
    } as never,
    clock: { now: () => now, passed: () => now - 1000 },
    events: { emit: () => {} },
    log: silentLog,
    endRevokes: 'online',
    onNotices: () => assert.fail('nobody to be notified'),
  })
  assert.equal(await endExpired(), 203)
  assert.deepEqual(asked, Array(3).fill([now - 1000, now + 86_400, 100]))
})

test('logout tokens: one process sends 64 at once, and 8 to one client', async () => {
  for (const [clientOf, expected] of [
    [(index: number) => `client-${index}`, 64],
    [() => 'one', 8],
  ] as const) {
    let waiting = Array.from({ length: 200 }, (_, index) => ({ client_id: clientOf(index), id: index }))
    let most = 0
    let underWay = 0
    const held: (() => void)[] = []
    const delivery = createLogoutDelivery({
      stores: {
        logoutNotices: {
          anyDue: async () => waiting.length > 0,
          async claim(_: number, __: number, limit: number, but: readonly string[] = []) {
            const claimed = waiting.filter(({ client_id }) => !but.includes(client_id)).slice(0, limit)
            waiting = waiting.filter(one => !claimed.includes(one))
            return claimed
          },
          remove: async () => {},
          postpone: async () => {},
        },
      } as never,
      clients: {
        find: (client_id: string) =>
          ({ client_id, enabled: true, backchannel_logout_uri: `https://${client_id}.example/` }) as Client,
      },
      logoutTokens: { make: () => 'token' },
      async outbound() {
        underWay += 1
        most = Math.max(most, underWay)
        await new Promise<void>(resolve => held.push(resolve))
        underWay -= 1
        return { ok: true, status: 200, headers: {}, body: '' }
      },
      clock,
      log: silentLog,
    })
    const done = delivery.deliver()
    for (let turns = 0; turns < 50; turns++) await new Promise(resolve => setImmediate(resolve))
    assert.equal(underWay, expected)
    for (let turns = 0; underWay > 0 || waiting.length > 0; turns++) {
      assert.ok(turns < 5000, `${underWay} in progress, ${waiting.length} waiting`)
      for (const go of held.splice(0)) go()
      await new Promise(resolve => setImmediate(resolve))
    }
    await done
    assert.equal(most, expected)
  }
})

test('logout tokens: closing waits for those in progress, and not for all that are due', async () => {
  let claimed = 0
  let removed = 0
  const delivery = createLogoutDelivery({
    stores: {
      logoutNotices: {
        anyDue: async () => true,
        claim: async () => [{ client_id: `client-${++claimed}`, attempts: 1 }],
        remove: async () => void removed++,
      },
    } as never,
    clients: {
      find: (client_id: string) =>
        ({ client_id, enabled: true, backchannel_logout_uri: `https://${client_id}.example/` }) as Client,
    },
    logoutTokens: { make: () => 'token' },
    async outbound() {
      await setTimeout(20)
      return { ok: true, status: 200, headers: {}, body: '' }
    },
    clock,
    log: silentLog,
  })
  void delivery.deliver()
  await inTime('closing ends', delivery.close())
  assert.ok(claimed > 64)
  assert.equal(removed, claimed)
})

test('logout tokens: a name that a stranger chose is looked up like any other', async () => {
  const strange = new Map<string, boolean>()
  const waiting = ['known', 'stranger'].map(client_id => ({ client_id, attempts: 1 }))
  const delivery = createLogoutDelivery({
    stores: {
      logoutNotices: {
        anyDue: async () => waiting.length > 0,
        claim: async () => waiting.splice(0),
        remove: async () => {},
      },
    } as never,
    clients: {
      find: (client_id: string) =>
        ({
          client_id,
          enabled: true,
          backchannel_logout_uri: `https://${client_id}.example/`,
          ...(client_id === 'stranger' && { registered: { trusted: false, version: 1 } }),
        }) as Client,
    },
    logoutTokens: { make: () => 'token' },
    async outbound(url, { stranger = false } = {}) {
      strange.set(new URL(url).hostname, stranger)
      return { ok: true, status: 200, headers: {}, body: '' }
    },
    clock,
    log: silentLog,
  })
  await delivery.deliver()
  assert.deepEqual(
    strange,
    new Map([
      ['known.example', false],
      ['stranger.example', true],
    ]),
  )
})

/** Deliveries of notices in memory; each client responds as the test says, with 200 by default. */
function deliveries(clients: Readonly<Record<string, Partial<Client>>>, passed = now) {
  const tables = emptyTables()
  const stores = createMemoryStores(tables)
  const told: string[] = []
  const logged: string[] = []
  const reasons: unknown[] = []
  const note = (event: string, fields: Readonly<Record<string, unknown>> = {}) => {
    logged.push(event)
    if (fields.reason !== undefined) reasons.push(fields.reason)
  }
  const stuck = Promise.withResolvers<void>()
  const answers = new Map<string, Awaited<ReturnType<Outbound>>>()
  const { deliver } = createLogoutDelivery({
    stores,
    clients: {
      find: async (client_id, how) => {
        const client = clients[client_id]
        if (client_id === 'unknown' && how !== 'at_hand')
          throw new Error('its document can not be fetched now')
        const backchannel_logout_uri = `https://${client_id}.example/`
        return client && ({ client_id, enabled: true, backchannel_logout_uri, ...client } as Client)
      },
    },
    logoutTokens: { make: () => 'token' } as never,
    async outbound(url) {
      const client = new URL(url).hostname.replace('.example', '')
      told.push(client)
      if (client.startsWith('stuck')) await stuck.promise
      return answers.get(client) ?? { ok: true, status: 200, headers: {}, body: '' }
    },
    clock: { now: () => now, passed: () => passed },
    log: { debug: note, info: note, warn: note, error: note },
  })
  let count = 0
  const wait = (client_id: string, fields: Partial<LogoutNotice> = {}) => {
    const notice = { sid: `sid-${++count}`, client_id, sub: 'alice', attempts: 0, due_at: now }
    tables.logoutNotices.put({ ...notice, expires_at: now + 86_400, ...fields })
  }
  return {
    deliver,
    wait,
    told,
    logged,
    reasons,
    answers,
    letGo: stuck.resolve,
    left: () => tables.logoutNotices.size,
  }
}

test('logout tokens: a client that is disabled, removed or without an address is not notified, and not waited for', async () => {
  const { deliver, wait, told, left } = deliveries({
    on: {},
    off: { enabled: false },
    mute: { backchannel_logout_uri: undefined } as never,
  })
  for (const client of ['on', 'off', 'mute', 'gone']) wait(client)
  await deliver()
  assert.deepEqual(told, ['on'])
  assert.equal(left(), 0)
})

test('logout tokens: a client that can’t be found now is tried again like one that does not respond, and given up', async () => {
  const { deliver, wait, told, logged, reasons, left } = deliveries({ web: {} })
  for (const client of ['unknown', 'web']) wait(client)
  await deliver()
  assert.deepEqual(told, ['web'])
  assert.deepEqual(logged.splice(0).toSorted(), ['logout_delivered', 'logout_delivery_delayed'])
  // It is not due again before its delay has passed.
  await deliver()
  assert.deepEqual([logged, left()], [[], 1])
  wait('unknown', { attempts: 8 })
  await deliver()
  assert.deepEqual([logged, left()], [['logout_undeliverable'], 1])
  assert.deepEqual(reasons, ['logout_token_not_made', 'logout_token_not_made'])
})

test('logout tokens: only 200 and 204 count as success [OpenID Connect Back-Channel Logout 1.0 §2.8]', async () => {
  const { deliver, wait, answers, logged } = deliveries({ web: {} })
  for (const [status, event] of [
    [200, 'logout_delivered'],
    [204, 'logout_delivered'],
    [201, 'logout_delivery_delayed'],
    [302, 'logout_delivery_delayed'],
    [400, 'logout_delivery_delayed'],
  ] as const) {
    answers.set('web', { ok: true, status, headers: {}, body: '' })
    wait('web')
    await deliver()
    assert.deepEqual(logged.splice(0), [event], String(status))
  }
})

test('logout tokens: a notice is given up if its next attempt would be at or after its expiry', async () => {
  const { deliver, wait, answers, logged, left } = deliveries({ web: {} })
  answers.set('web', { ok: true, status: 500, headers: {}, body: '' })
  wait('web', { expires_at: now + 10 })
  await deliver()
  assert.deepEqual([logged.splice(0), left()], [['logout_undeliverable'], 0])
  wait('web', { expires_at: now + 11 })
  await deliver()
  assert.deepEqual([logged, left()], [['logout_delivery_delayed'], 1])
})

test('logout tokens: a notice is not given up by a clock that may be ahead', async () => {
  const { deliver, wait, answers, logged } = deliveries({ web: {} }, now - 1000)
  answers.set('web', { ok: true, status: 500, headers: {}, body: '' })
  wait('web', { expires_at: now + 5 })
  await deliver()
  wait('web', { expires_at: now - 990 })
  await deliver()
  assert.deepEqual(logged, ['logout_delivery_delayed', 'logout_undeliverable'])
})

test('logout tokens: a client that did not respond is sent nothing else in that run; one that refused is', async () => {
  const { deliver, wait, answers, told } = deliveries({ silent: {}, refusing: {} })
  answers.set('silent', { ok: false, reason: 'outbound_timeout' })
  answers.set('refusing', { ok: true, status: 400, headers: {}, body: '' })
  for (let count = 0; count < 20; count++) for (const client of ['silent', 'refusing']) wait(client)
  await deliver()
  const times = (client: string) => told.filter(one => one === client).length
  assert.equal(times('refusing'), 20)
  assert.ok(times('silent') <= 8, String(times('silent')))
})

test('logout tokens: strangers that do not respond take half of the places at most, and a new one two if places are scarce', async () => {
  const stranger = { registered: { trusted: false, version: 1 } } as Partial<Client>
  const strangers = Array.from({ length: 100 }, (_, index) => [`stuck-${index}`, stranger] as const)
  const { deliver, wait, told, letGo } = deliveries({ ...Object.fromEntries(strangers), web: {} })
  for (const [client] of strangers) wait(client, { due_at: now - 10 })
  wait('web')
  const run = deliver()
  await until('the known client is notified', () => told.includes('web'))
  assert.ok(told.length - 1 <= 34, String(told.length))
  letGo()
  await run
  assert.equal(new Set(told).size, 101)
})

test('session end: the sessions of a revoked tenant are looked for once for each revocation', async () => {
  const asked: unknown[] = []
  const revoked = new Map([['acme', now]])
  const { endOfTenants } = createEndings({
    stores: {
      sessions: {
        async endOfTenant(tenant: string | undefined, before: number) {
          asked.push([tenant, before])
          return []
        },
      },
    } as never,
    clock,
    events: { emit: () => {} },
    log: silentLog,
    endRevokes: 'online',
    onNotices: () => assert.fail('nobody to be notified'),
    revokedTenants: () => revoked,
  })
  for (const at of [now, now, now + 1]) {
    revoked.set('acme', at)
    await endOfTenants()
  }
  assert.deepEqual(asked, [
    ['acme', now],
    ['acme', now + 1],
  ])
})
