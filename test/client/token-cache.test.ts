import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  type ClientOptions,
  clientCredentials,
  clientSecretBasic,
  createClient,
  createTokenCache,
  type TokenCacheOptions,
} from '@tessera/client'
import { until } from '../support/until.ts'
import { createFaultyNetwork, faults, timeoutFor } from './faulty-network.ts'
import { startTessera } from './servers.ts'

const lifetime = 3600

async function startWorker(options: TokenCacheOptions = {}, secret = 'secret', timeout = 60) {
  const world = await startTessera({
    clients: [
      {
        ...{ client_id: 'worker', client_secrets: [{ value: 'secret' }], scope: 'api1 api2' },
        grant_types: ['client_credentials'],
      },
    ],
    api_scopes: [{ name: 'api1' }, { name: 'api2' }],
    api_resources: [
      { name: 'urn:one', scopes: ['api1', 'api2'] },
      { name: 'urn:two', scopes: ['api1', 'api2'] },
    ],
  })
  const network = createFaultyNetwork(world.fetch)
  let failures = 0
  const given: ClientOptions = {
    ...{ issuer: world.issuer, client_id: 'worker', fetch: network.fetch, now: world.server.clock.now },
    authentication: clientSecretBasic(secret),
    timeout,
    hooks: {
      exchanged({ error }) {
        if (error) failures += 1
      },
    },
  }
  const client = createClient(given)
  const cache = createTokenCache(client, options)
  return { ...world, clock: world.server.clock, network, client, cache, failures: () => failures }
}

const tokenOf = async (result: ReturnType<ReturnType<typeof createTokenCache>['token']>): Promise<string> => {
  const tokens = await result
  if (!tokens.ok) throw tokens.error
  return tokens.value.access_token
}

test('token cache: callers at the same time share one request, and later ones its token', async () => {
  const { cache, network } = await startWorker()
  const tokens = await Promise.all([cache.token(), cache.token(), cache.token()].map(tokenOf))
  assert.equal(new Set([...tokens, await tokenOf(cache.token())]).size, 1)
  assert.equal(network.requests(), 1)
})

test('token cache: a token is for one scope, resource, audience and set of parameters', async () => {
  const { cache, network } = await startWorker()
  const different = [
    {},
    { scope: 'api1' },
    { scope: 'api1 api2' },
    { resource: 'urn:one' },
    { resource: 'urn:two' },
    { audience: 'urn:one' },
    { parameters: { a: 'b' } },
  ]
  const tokens = await Promise.all(different.map(options => tokenOf(cache.token(options))))
  assert.equal(new Set(tokens).size, different.length)
  assert.equal(await tokenOf(cache.token({ scope: 'api2  api1' })), tokens[2])
  assert.equal(await tokenOf(cache.token({ resource: ['urn:one'] })), tokens[3])
  assert.equal(network.requests(), different.length)
})

test('token cache: shortly before it expires, a token is returned while a newer one is requested', async () => {
  const { cache, network, clock } = await startWorker({ random: () => 0 })
  const first = await tokenOf(cache.token())
  clock.advance(lifetime - 10 - 300 - 1)
  assert.equal(await tokenOf(cache.token()), first)
  assert.equal(network.requests(), 1)
  clock.advance(1)
  assert.equal(await tokenOf(cache.token()), first)
  const second = await until('the token is renewed', async () => {
    const token = await tokenOf(cache.token())
    return token !== first && token
  })
  assert.notEqual(second, first)
  assert.equal(network.requests(), 2)
})

test('token cache: processes whose tokens were issued together renew them at different times', async () => {
  const early = await startWorker({ random: () => 0 })
  const late = await startWorker({ random: () => 0.99 })
  for (const { cache, clock } of [early, late]) {
    await tokenOf(cache.token())
    clock.advance(lifetime - 10 - 200)
    await tokenOf(cache.token())
  }
  assert.equal(early.network.requests(), 2)
  assert.equal(late.network.requests(), 1)
})

test('token cache: an expired token is never returned', async () => {
  const { cache, clock } = await startWorker()
  const first = await tokenOf(cache.token())
  clock.advance(lifetime - 5)
  assert.notEqual(await tokenOf(cache.token()), first)
})

test('token cache: if an early renewal fails, the token is used until it expires', async () => {
  const { cache, network, clock, failures } = await startWorker({ random: () => 0 })
  const first = await tokenOf(cache.token())
  network.next.push('after', 'after', 'after')
  clock.advance(lifetime - 300)
  assert.equal(await tokenOf(cache.token()), first)
  await until('the renewal has failed', () => failures() === 1)
  await setImmediate()
  // The next attempt is not at once.
  for (let call = 0; call < 20; call++) {
    assert.equal(await tokenOf(cache.token()), first)
    await setImmediate()
  }
  assert.equal(network.requests(), 2)
  clock.advance(11)
  assert.equal(await tokenOf(cache.token()), first)
  await until('the second renewal has failed', () => failures() === 2)
  await setImmediate()
  clock.advance(300)
  const refused = await cache.token()
  assert.ok(!refused.ok)
  assert.equal(refused.error.code, 'network_error')
  assert.notEqual(await tokenOf(cache.token()), first)
})

for (const fault of faults)
  test(`token cache: after a fault (${fault}) the next call requests a token`, async () => {
    const { cache, network } = await startWorker({}, 'secret', timeoutFor(fault))
    network.next.push(fault)
    const failed = await cache.token()
    assert.ok(!failed.ok)
    assert.equal(failed.error.mayHaveSucceeded, true)
    assert.match(await tokenOf(cache.token()), /./)
    assert.equal(network.requests(), 2)
  })

test('token cache: an error of the server is returned to all callers, and not cached', async () => {
  const { cache, network, server } = await startWorker({}, 'wrong')
  const results = await Promise.all([cache.token(), cache.token()])
  for (const result of results) assert.ok(!result.ok && result.error.code === 'invalid_client')
  assert.equal(server.reason(), 'client_secret_wrong')
  assert.equal(network.requests(), 1)
  await cache.token()
  assert.equal(network.requests(), 2)
})

test('token cache: the token that was not used for longest makes room for a new one', async () => {
  const { cache, network } = await startWorker({ maxTokens: 2 })
  const [one, two, both] = [{ scope: 'api1' }, { scope: 'api2' }, { scope: 'api1 api2' }]
  for (const options of [one, two, one, both, one]) await tokenOf(cache.token(options))
  assert.equal(network.requests(), 3)
  await tokenOf(cache.token(two))
  assert.equal(network.requests(), 4)
})

test('token cache: a token that an API refused is dropped, and only that one', async () => {
  const { cache, network } = await startWorker()
  const refused = await tokenOf(cache.token({ scope: 'api1' }))
  const other = await tokenOf(cache.token({ scope: 'api2' }))
  cache.drop(refused)
  assert.notEqual(await tokenOf(cache.token({ scope: 'api1' })), refused)
  assert.equal(await tokenOf(cache.token({ scope: 'api2' })), other)
  assert.equal(network.requests(), 3)
})

test('token cache: a caller that aborts stops waiting, and others get the token', async () => {
  const { cache, network } = await startWorker()
  const stop = new AbortController()
  const [aborted, token] = [cache.token({ signal: stop.signal }), cache.token()]
  stop.abort()
  const result = await aborted
  assert.ok(!result.ok)
  assert.equal(result.error.kind, 'aborted')
  assert.match(await tokenOf(token), /./)
  assert.equal(network.requests(), 1)
})

test('token cache: a token without lifetime is used for the assumed one, and one without any not at all', async () => {
  for (const [expires_in, requests] of [
    [undefined, 1],
    [0, 2],
  ] as const) {
    const { client, clock } = await startWorker()
    let requested = 0
    const cache = createTokenCache(client, {
      assumedLifetime: 100,
      async request(given, options) {
        requested += 1
        const tokens = await clientCredentials(given, options)
        if (!tokens.ok) return tokens
        const { access_token, token_type, members } = tokens.value
        return {
          ok: true,
          value: {
            access_token,
            token_type,
            members,
            ...(expires_in === 0 && { expires_in, expires_at: clock.now() }),
          },
        }
      },
    })
    await tokenOf(cache.token())
    await tokenOf(cache.token())
    assert.equal(requested, requests)
    clock.advance(100)
    await tokenOf(cache.token())
    assert.equal(requested, requests + 1)
  }
})
