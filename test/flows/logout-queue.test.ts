/** When logout tokens are sent, and how many at once. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Client } from '../../packages/server/src/model/client.ts'
import type { EndedSession } from '../../packages/server/src/model/ports/stores.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createLogoutDelivery } from '../../packages/server/src/sessions/logout-delivery.ts'
import { createEndings } from '../../packages/server/src/sessions/session-end.ts'
import { inTime } from '../support/until.ts'

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
    endRevokes: undefined as never,
    onNotices: () => {
      told += 1
    },
  })
  return { ...made, told: () => told, logged }
}

test('session end: clients that wait to be told are told at once, and nothing is begun where there are none', async () => {
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
      assert.ok(turns < 5000, `${underWay} under way, ${waiting.length} waiting`)
      for (const go of held.splice(0)) go()
      await new Promise(resolve => setImmediate(resolve))
    }
    await done
    assert.equal(most, expected)
  }
})

test('logout tokens: the end waits for those that are under way, and not for all that is due', async () => {
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
  await inTime('the end', delivery.close())
  assert.ok(claimed > 64)
  assert.equal(removed, claimed)
})

test('logout tokens: a name that a stranger chose is looked up as such', async () => {
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
          ...(client_id === 'stranger' && { registered: { vouched: false, version: 1 } }),
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
