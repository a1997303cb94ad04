/** Health: whether the process lives, and whether it can serve now. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStores } from '../support/storage.ts'
import { createTestServer } from '../support/tessera.ts'
import { world } from '../support/world.ts'

const statuses = async (server: Awaited<ReturnType<typeof createTestServer>>) =>
  [await server.send('GET', '/healthz'), await server.send('GET', '/readyz')].map(({ status, json }) => [
    status,
    json.status,
  ])

test('health: a server that is up is alive and ready, and no cache keeps the answer', async () => {
  const server = await createTestServer(world)
  assert.deepEqual(await statuses(server), [
    [200, 'alive'],
    [200, 'ready'],
  ])
  for (const path of ['/healthz', '/readyz'])
    assert.equal((await server.send('GET', path)).headers['cache-control'], 'no-store')
})

test('health: a server that drains is alive, but not ready', async () => {
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
