/** Two nodes on one store with different clocks: everything works as if they agreed, and nothing is lost. */

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { openPostgresTenantStores } from '../../packages/server/src/storage/postgres/stores.ts'
import { createBrowser } from '../support/browser.ts'
import { beyond, createTime, type Machine, tolerated } from '../support/clocks.ts'
import type { EarlierAttempts } from '../support/earlier-attempts.ts'
import { approveDevice, issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { providePostgres } from '../support/postgres.ts'
import { assertRefused } from '../support/refused.ts'
import { authorizePath, callback, pagesWorld, redeem, signIn } from '../support/sign-in.ts'
import { type Answer, basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

/** `right`: its clock agrees with the store's; `wrong`: it does not. */
type Nodes = {
  readonly right: TestServer
  readonly wrong: TestServer
  readonly machine: Machine
  readonly advance: (seconds: number) => void
}

const postgres = providePostgres()
const opened: TenantStores[] = []
after(() => Promise.all(opened.map(tenantStores => tenantStores.close())))

/** Stores that two nodes share: memory with its own clock, as a database has, or PostgreSQL. */
const shared = {
  memory: async () => {
    const tenantStores = createMemoryTenantStores()
    return async () => tenantStores
  },
  postgres: async () => {
    const url = await (await postgres()).database()
    return () => openPostgresTenantStores({ url })
  },
}

async function nodesWith(skew: number, store: keyof typeof shared, input: object): Promise<Nodes> {
  const time = createTime()
  const open = await shared[store]()
  const machine = time.machine(skew)
  const start = async (of: Machine, given: { readonly earlierAttempts?: EarlierAttempts } = {}) => {
    const tenantStores = await open()
    opened.push(tenantStores)
    const server = await createTestServer(input, {
      ...{ ...given, machine: of },
      tenantStores: time.sharing(tenantStores),
    })
    // For rows that tests create: a moment that both nodes agree on.
    return { ...server, clock: time }
  }
  return {
    // Its store is the one of both, so guesses at either count from there.
    right: await start(time.machine(), { earlierAttempts: { most: 100, left: 10 } }),
    wrong: await start(machine),
    machine,
    advance: time.advance,
  }
}

const input = {
  ...world,
  clients: world.clients.map(client =>
    client.client_id === 'roclient'
      ? { ...client, refresh_token_retry_window: 30 }
      : client.client_id === 'onlypassword'
        ? { ...client, access_token_type: 'reference' }
        : client,
  ),
}
const roclient = ['roclient', secret] as const
const password = (server: TestServer, typed = 'bob'): Promise<Answer> =>
  server.token(
    { grant_type: 'password', username: 'bob', password: typed, scope: 'openid api1 offline_access' },
    { client: roclient },
  )
const refresh = (server: TestServer, refresh_token: string): Promise<Answer> =>
  server.token({ grant_type: 'refresh_token', refresh_token }, { client: roclient })
const introspect = async (server: TestServer, token: string): Promise<boolean> =>
  (
    await server.send('POST', '/connect/introspect', {
      form: { token },
      headers: basic('urn:api', 'api-secret'),
    })
  ).json.active
const redeemCode = (server: TestServer, code: string): Promise<Answer> =>
  server.token(
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
    { client: ['web', secret] },
  )
const device_grant = 'urn:ietf:params:oauth:grant-type:device_code'
const poll = (server: TestServer, device_code: string): Promise<Answer> =>
  server.token({ grant_type: device_grant, client_id: 'device', device_code })

/** Operations of two nodes on one store, run in both directions. */
const works: Readonly<Record<string, (one: TestServer, other: TestServer, nodes: Nodes) => Promise<void>>> = {
  async 'a lost response is fetched again, and an old token is a replay'(one, other, { advance }) {
    const first = (await password(one)).json.refresh_token
    advance(100)
    const second = await refresh(one, first)
    assert.equal(second.status, 200)
    advance(20)
    const retried = await refresh(other, first)
    assert.deepEqual([retried.status, retried.json.refresh_token], [200, second.json.refresh_token])
    advance(15)
    assertRefused(await refresh(other, first), 'invalid_grant', 'refresh_token_reused')
    assertRefused(await refresh(one, second.json.refresh_token), 'invalid_grant', 'authorization_revoked')
  },
  async 'codes live as long as they were given'(one, other, { advance }) {
    const [early, late] = [await issueCode(one), await issueCode(one)]
    advance(299)
    assert.equal((await redeemCode(other, early)).status, 200)
    assertRefused(await redeemCode(one, early), 'invalid_grant', 'code_replayed')
    advance(1)
    assertRefused(await redeemCode(other, late), 'invalid_grant', 'code_expired')
  },
  async 'an access token lives as long as it was given, and its revocation counts'(one, other, { advance }) {
    const [{ json: kept }, { json: revoked }] = [await password(one), await password(one)]
    advance(3590)
    assert.equal(await introspect(other, kept.access_token), true)
    assert.equal(await introspect(other, revoked.access_token), true)
    const headers = basic(...roclient)
    const form = { token: revoked.access_token }
    assert.equal((await other.send('POST', '/connect/revocation', { form, headers })).status, 200)
    assert.equal(await introspect(one, revoked.access_token), false)
    assert.equal(await introspect(other, revoked.access_token), false)
    advance(10)
    assert.equal(await introspect(other, kept.access_token), false)
    assert.equal(await introspect(one, kept.access_token), false)
  },
  async 'a device that polls is asked to slow down only if it is too fast, and gets a lost response again'(
    one,
    other,
    { advance },
  ) {
    const form = { client_id: 'device' }
    const { device_code } = (await one.send('POST', '/connect/deviceauthorization', { form })).json
    const { hashHandle } = await import('../../packages/server/src/model/handle.ts')
    const found = await one.stores.devices.find(hashHandle(device_code))
    assert.equal((await poll(one, device_code)).json.error, 'authorization_pending')
    advance(5)
    assert.equal((await poll(other, device_code)).json.error, 'authorization_pending')
    advance(3)
    assert.equal((await poll(other, device_code)).json.error, 'slow_down')
    advance(10)
    await approveDevice(other, found!.device.user_code_hash as never, { scope: ['api1', 'offline_access'] })
    const { status, json } = await poll(one, device_code)
    assert.equal(status, 200)
    advance(10)
    assert.equal((await poll(other, device_code)).json.refresh_token, json.refresh_token)
    advance(1)
    assertRefused(await poll(other, device_code), 'invalid_grant', 'device_code_used')
  },
  async 'guesses are counted together, for their span'(one, other, { advance }) {
    const refused: unknown[] = []
    for (let guess = 0; guess < 120 && refused.at(-1) !== 'password_guessed_too_often'; guess++)
      refused.push((await password(guess % 2 ? other : one, 'wrong')).reason)
    assert.equal(refused.at(-1), 'password_guessed_too_often')
    assert.equal((await password(other)).reason, 'password_guessed_too_often')
    advance(86_400)
    assert.equal((await password(other)).status, 200)
  },
}

/** The same in both directions: one node begins, the other continues. */
for (const [name, skew] of Object.entries({ ...tolerated, ...beyond }))
  test(`time: a node whose clock is ${name} off agrees with the others`, { timeout: 60_000 }, async t => {
    const nodes = await nodesWith(skew, 'memory', input)
    for (const [work, run] of Object.entries(works))
      for (const [direction, one, other] of [
        ['from the right one', nodes.right, nodes.wrong],
        ['from the wrong one', nodes.wrong, nodes.right],
      ] as const)
        await t.test(`${work} (${direction})`, () => run(one, other, nodes))
  })

for (const [name, skew] of Object.entries({ ...tolerated, ...beyond }).filter(([, skew]) => skew > 0))
  test(`time: on PostgreSQL a node whose clock is ${name} off agrees with the others`, {
    timeout: 60_000,
  }, async t => {
    const nodes = await nodesWith(skew, 'postgres', input)
    for (const [work, run] of Object.entries(works))
      for (const [direction, one, other] of [
        ['from the right one', nodes.right, nodes.wrong],
        ['from the wrong one', nodes.wrong, nodes.right],
      ] as const)
        await t.test(`${work} (${direction})`, () => run(one, other, nodes))
  })

for (const [name, skew] of Object.entries({ ...tolerated, ...beyond }))
  test(`time: a session of one node is valid at one whose clock is ${name} off, until it ends`, async () => {
    const { right, wrong, advance } = await nodesWith(skew, 'memory', pagesWorld)
    let current = right
    const browser = createBrowser({ send: (...request) => current.send(...request) })
    const claims = await redeem(wrong, await signIn(browser, authorizePath()))
    assert.equal(claims.sub, '1')
    current = wrong
    advance(3600)
    assert.ok((await browser.visit(authorizePath())).location?.startsWith(callback), 'the session lives')
    const [session] = await right.stores.sessions.ofUser('1')
    await wrong.endSession(session!.sid, 'signed_out')
    current = right
    assert.equal((await browser.visit(authorizePath())).location, undefined)
  })

for (const store of ['memory', 'postgres'] as const)
  for (const [name, skew] of Object.entries(beyond))
    test(`time: clean-up by a node whose clock is ${name} off deletes no valid rows (${store})`, async () => {
      const { right, wrong } = await nodesWith(skew, store, input)
      const { json } = await password(right)
      const code = await issueCode(right)
      const reference = (
        await right.token(
          { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1' },
          { client: ['onlypassword', secret] },
        )
      ).json.access_token
      await wrong.runCleanUp()
      await wrong.runLogouts()
      assert.equal(await introspect(right, reference), true)
      assert.equal((await redeemCode(right, code)).status, 200)
      assert.equal((await refresh(right, json.refresh_token)).status, 200)
    })

test('time: a node is unready beyond the accepted skew, logs why, and recovers automatically', async () => {
  for (const [name, skew] of Object.entries(tolerated)) {
    const { wrong } = await nodesWith(skew, 'memory', world)
    assert.equal((await wrong.send('GET', '/readyz')).status, 200, name)
  }
  for (const skew of Object.values(beyond)) {
    const { right, wrong, machine } = await nodesWith(skew, 'memory', world)
    assert.equal((await right.send('GET', '/readyz')).status, 200)
    const unready = await wrong.send('GET', '/readyz')
    assert.equal(unready.status, 503)
    assert.deepEqual(unready.json, {
      status: 'not_ready',
      reason: 'clock_skewed',
      skew_seconds: skew,
      tolerated_seconds: 300,
    })
    const warning = wrong.logged.find(({ event }) => event === 'clock_skewed')
    assert.deepEqual([warning?.level, warning?.skew_seconds], ['warn', skew])
    assert.equal((await wrong.send('GET', '/healthz')).status, 200)
    machine.skew = 0
    assert.equal((await wrong.send('GET', '/readyz')).status, 200)
  }
})

test('time: a node whose clock leaps while it runs follows the database, and is unready', async () => {
  const { right, wrong, machine, advance } = await nodesWith(0, 'memory', input)
  const { json } = await password(right)
  machine.skew = 3_024_000
  advance(5)
  assert.equal((await wrong.send('GET', '/readyz')).json.reason, 'clock_skewed')
  const next = await refresh(wrong, json.refresh_token)
  assert.equal(next.status, 200)
  await wrong.runCleanUp()
  assert.equal(await introspect(right, next.json.access_token), true)
})

test('time: a database whose clock leaps ahead makes no node delete valid rows', async () => {
  const time = createTime()
  const tenantStores = createMemoryTenantStores()
  let ahead = 0
  const server = await createTestServer(input, {
    machine: time.machine(),
    tenantStores: { ...tenantStores, now: async () => (time.now() + ahead) * 1000 },
  })
  const { json } = await password(server)
  ahead = 3_024_000
  const failedOver = await createTestServer(input, {
    machine: time.machine(),
    tenantStores: { ...tenantStores, now: async () => (time.now() + ahead) * 1000 },
  })
  await failedOver.runCleanUp()
  assert.equal((await failedOver.send('GET', '/readyz')).json.skew_seconds, -ahead)
  assert.equal((await refresh(server, json.refresh_token)).status, 200)
})
