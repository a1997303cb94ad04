/** Health: whether the process is alive, and whether it is ready to serve. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreUnavailable } from '../../packages/server/src/runtime/ports.ts'
import { openStores } from '../support/storage.ts'
import { createTestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const statuses = async (server: Awaited<ReturnType<typeof createTestServer>>) =>
  [await server.send('GET', '/healthz'), await server.send('GET', '/readyz')].map(({ status, json }) => [
    status,
    json.status,
  ])

test('health: a running server is alive and ready, and the responses are not cached', async () => {
  const server = await createTestServer(world)
  assert.deepEqual(await statuses(server), [
    [200, 'alive'],
    [200, 'ready'],
  ])
  for (const path of ['/healthz', '/readyz'])
    assert.equal((await server.send('GET', path)).headers['cache-control'], 'no-store')
})

test('health: a draining server is alive, but not ready', async () => {
  const server = await createTestServer(world)
  server.drain()
  assert.deepEqual(await statuses(server), [
    [200, 'alive'],
    [503, 'draining'],
  ])
})

for (const [name, ready] of [
  ['is not ready', () => false],
  ['is not ready yet, as it turns out', async () => false],
  ['throws', () => assert.fail('no connection')],
  ['rejects', () => Promise.reject(new Error('no connection'))],
] as const)
  test(`health: while the store ${name} the server is alive, but not ready`, async () => {
    const server = await createTestServer(world, { stores: { ...(await openStores()), ready } })
    assert.deepEqual(await statuses(server), [
      [200, 'alive'],
      [503, 'not_ready'],
    ])
  })

test('health: an unreachable store is logged in one line that counts the requests, without a stack', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const away = async () => {
    throw new StoreUnavailable('the database can not be reached', { cause: new Error('ECONNREFUSED') })
  }
  const server = await createTestServer(world, { stores: { ...(await openStores()), commit: away } })
  const ask = () =>
    server.token(
      { grant_type: 'password', username: 'bob', password: 'bob', scope: 'openid api1' },
      { client: ['roclient', secret] },
    )
  for (let count = 0; count < 5; count++) {
    const { status, headers } = await ask()
    assert.deepEqual([status, headers['retry-after']], [503, '1'])
  }
  const lines = () => server.logged.filter(({ event }) => event === 'store_unavailable')
  assert.deepEqual(
    lines().map(({ level, network, requests, error, reason, stack }) => ({
      ...{ level, network, requests, error, reason, stack },
    })),
    [
      {
        level: 'error',
        network: '127.0.0.1',
        requests: 1,
        error: 'the database can not be reached',
        reason: 'ECONNREFUSED',
        stack: undefined,
      },
    ],
  )
  t.mock.timers.tick(10_000)
  assert.deepEqual(
    lines().map(({ requests }) => requests),
    [1, 4],
  )
  t.mock.timers.tick(60_000)
  assert.equal(lines().length, 2)
})
