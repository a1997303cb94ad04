/**
 * Guesses at secrets of clients and APIs (RFC 6749 §2.3.1): limited by network, without locking out clients elsewhere.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { beginShared } from '../support/storage.ts'
import { type Answer, basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

type Guess = (server: TestServer, client: string, value: string, from: string) => Promise<Answer>

const atToken: Guess = (server, client, value, from) =>
  server.token({ grant_type: 'client_credentials', scope: 'api1' }, { client: [client, value], from })
const at =
  (path: string, form: Record<string, string>): Guess =>
  (server, client, value, from) =>
    server.send('POST', path, { form, headers: basic(client, value), from })
const inBody: Guess = (server, client_id, client_secret, from) =>
  server.token({ grant_type: 'client_credentials', client_id, client_secret, scope: 'api1' }, { from })
const atIntrospection = at('/connect/introspect', { token: 'x' })

const [here, elsewhere] = ['192.0.2.1', '198.51.100.7']

/** Guesses until the server responds 429; returns how many guesses were checked. */
async function guesses(
  server: TestServer,
  guess: Guess,
  name: (n: number) => string,
  most: number,
  from = here,
) {
  for (let count = 0; count < most; count++) {
    const { status } = await guess(server, name(count), `wrong-${count}`, from)
    if (status === 429) return count
    assert.equal(status, 401)
  }
  return most
}

function assertWaits(server: TestServer, answer: Answer): void {
  assert.equal(answer.status, 429)
  assert.equal(answer.json.error, 'invalid_client')
  assert.ok(Number(answer.headers['retry-after']) > 0)
  assert.equal(server.reason(), 'client_guessed_too_often')
}

const ways: readonly (readonly [string, Guess])[] = [
  ['token, Basic', atToken],
  ['token, form', inBody],
  ['introspection', atIntrospection],
  ['revocation', at('/connect/revocation', { token: 'x' })],
  ['pushed requests', at('/connect/par', { response_type: 'code' })],
  ['device authorization', at('/connect/deviceauthorization', { scope: 'api1' })],
  [
    'token, assertion',
    (server, client, value, from) =>
      server.token(
        {
          grant_type: 'client_credentials',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: `e30.${Buffer.from(JSON.stringify({ sub: client })).toString('base64url')}.${value}`,
        },
        { from },
      ),
  ],
]

for (const [name, guess] of ways)
  test(`attack: ${name}: a network can try a hundred secrets of a client, and other networks are unaffected`, async () => {
    const server = await createTestServer(world)
    assert.equal(await guesses(server, guess, () => 'client', 101), 100)
    assertWaits(server, await guess(server, 'client', secret, here))
    // At every endpoint, and only from this network and for this client.
    assertWaits(server, await atToken(server, 'client', secret, here))
    assert.equal((await atToken(server, 'client', secret, elsewhere)).status, 200)
    assert.equal((await atIntrospection(server, 'roclient', secret, here)).status, 200)
    server.clock.advance(600)
    assert.equal((await atToken(server, 'client', secret, here)).status, 200)
  })

for (const api of ['urn:api', 'urn%3Aapi'])
  test(`attack: a network can try a hundred secrets of an API (${api})`, async () => {
    const server = await createTestServer(world)
    const raw: Guess = (server, name, value, from) =>
      server.send('POST', '/connect/introspect', {
        form: { token: 'x' },
        headers: { authorization: `Basic ${Buffer.from(`${name}:${value}`).toString('base64')}` },
        from,
      })
    assert.equal((await raw(server, api, 'api-secret', here)).status, 200)
    assert.equal(await guesses(server, raw, () => api, 101), 100)
    assertWaits(server, await raw(server, api, 'api-secret', here))
    assert.equal((await raw(server, api, 'api-secret', elsewhere)).status, 200)
    assert.equal((await raw(server, 'urn:other', 'other-secret', here)).status, 200)
  })

test('attack: a network can try a thousand secrets, including of unknown clients; clients that authenticated there within a day are unaffected', async () => {
  const server = await createTestServer(world, { earlierAttempts: { most: 1000, left: 20 } })
  assert.equal((await atToken(server, 'client', secret, here)).status, 200)
  assert.equal(await guesses(server, atToken, n => `nobody-${n}`, 21), 20)
  assertWaits(server, await atToken(server, 'exchanger', secret, here))
  assertWaits(server, await atToken(server, 'nobody', secret, here))
  assert.equal((await atToken(server, 'client', secret, here)).status, 200)
  assert.equal((await atToken(server, 'exchanger', secret, elsewhere)).status !== 429, true)
  // A day later it is a client like any other.
  server.clock.advance(86_400)
  assert.equal(await guesses(server, atToken, n => `nobody-${n}`, 21), 20)
  assertWaits(server, await atToken(server, 'client', secret, here))
})

test('attack: a client that fails from a network does not block other clients there', async () => {
  const server = await createTestServer(world)
  for (let count = 0; count < 1001; count++) await atToken(server, 'empty', 'old-secret', here)
  assert.equal((await atToken(server, 'client', secret, here)).status, 200)
})

test('attack: of a thousand concurrent secrets a hundred are checked, and a correct one after them is refused', async () => {
  const server = await createTestServer(world)
  const answers = await Promise.all(
    Array.from({ length: 1000 }, (_, n) => atToken(server, 'client', n === 800 ? secret : `${n}`, here)),
  )
  assert.equal(answers.filter(({ status }) => status === 401).length, 100)
  assert.equal(answers.filter(({ status }) => status === 200).length, 0)
})

test('attack: an IPv6 network is a /64, however its addresses are written', async () => {
  const server = await createTestServer(world)
  const addresses = ['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::ffff:1']
  for (let count = 0; count < 100; count++)
    await atToken(server, 'client', `${count}`, addresses[count % 3] ?? here)
  assertWaits(server, await atToken(server, 'client', secret, '2001:db8:1:2:9::'))
  assert.equal((await atToken(server, 'client', secret, '2001:db8:1:3::1')).status, 200)
})

test('attack: the /64s of one /48 together have four thousand guesses', async () => {
  const server = await createTestServer(world, { earlierAttempts: { most: 4000, left: 40 } })
  let checked = 0
  for (let n = 0; n < 6; n++)
    checked += await guesses(server, atToken, m => `nobody-${m}`, 10, `2001:db8:1:${n << 8}::1`)
  assert.equal(checked, 40)
  assertWaits(server, await atToken(server, 'client', secret, '2001:db8:1:ffff::1'))
  assert.equal((await atToken(server, 'client', secret, '2001:db8:2::1')).status, 200)
})

test('attack: two processes on one store share failure counts and known clients', async () => {
  const { open } = await beginShared()
  const [one, two] = (await Promise.all(
    [await open(), await open()].map(tenantStores => createTestServer(world, { tenantStores })),
  )) as [TestServer, TestServer]
  assert.equal(await guesses(one, atToken, () => 'client', 100), 100)
  // The second process reads the counts after its own first failure.
  assert.equal(await guesses(two, atToken, () => 'client', 2), 0)
  assertWaits(two, await atToken(two, 'client', secret, here))

  assert.equal((await atToken(one, 'client', secret, elsewhere)).status, 200)
  assert.equal(await guesses(one, atToken, n => `nobody-${n}`, 1001, elsewhere), 1000)
  assert.equal(await guesses(two, atToken, n => `nobody-${n}`, 2, elsewhere), 0)
  assertWaits(two, await atToken(two, 'exchanger', secret, elsewhere))
  assert.equal((await atToken(two, 'client', secret, elsewhere)).status, 200)
})

test('client authentication: a correct secret reads and writes no counter', async () => {
  const tenantStores = createMemoryTenantStores()
  const calls: string[] = []
  const { count, wait, forgive } = tenantStores.main.attempts
  const noting =
    <Values extends readonly unknown[], Answer>(name: string, call: (...values: Values) => Answer) =>
    (...values: Values): Answer => {
      calls.push(name)
      return call(...values)
    }
  const attempts = {
    ...{ count: noting('count', count), wait: noting('wait', wait), forgive: noting('forgive', forgive) },
  }
  const server = await createTestServer(world, {
    tenantStores: { ...tenantStores, main: { ...tenantStores.main, attempts } },
  })
  for (let count = 0; count < 5; count++) {
    assert.equal((await atToken(server, 'client', secret, here)).status, 200)
    assert.equal((await atIntrospection(server, 'urn:api', 'api-secret', here)).status, 200)
  }
  assert.deepEqual(calls, [])
  assert.equal((await atToken(server, 'client', 'wrong', here)).status, 401)
  assert.ok(calls.length > 0)
})

test('client authentication: while the store is unreachable, each process limits guesses by itself', async () => {
  const tenantStores = createMemoryTenantStores()
  const attempts = { ...tenantStores.main.attempts, count: () => Promise.reject(new Error('away')) }
  const server = await createTestServer(world, {
    tenantStores: { ...tenantStores, main: { ...tenantStores.main, attempts } },
  })
  assert.equal(await guesses(server, atToken, () => 'client', 101), 100)
  assertWaits(server, await atToken(server, 'client', secret, here))
})

test('client authentication: guesses from their network do not block public clients', async () => {
  const server = await createTestServer(world)
  assert.equal(await guesses(server, atToken, n => `nobody-${n}`, 1001), 1000)
  const { status } = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: 'device', scope: 'api1' },
    from: here,
  })
  assert.equal(status, 200)
})
