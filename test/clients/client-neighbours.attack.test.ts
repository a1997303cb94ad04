/**
 * Networks with too many wrong client secrets: clients that authenticated there within a day continue, at any process,
 * and at no cost.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const here = '192.0.2.1'

const authenticate = (server: TestServer, client = 'client', value = secret) =>
  server.token({ grant_type: 'client_credentials', scope: 'api1' }, { client: [client, value], from: here })

/** Sends wrong secrets until the network is over its limit at this process. */
async function fill(server: TestServer): Promise<void> {
  for (let count = 0; count < 1001; count++)
    if ((await authenticate(server, `nobody-${count}`, 'wrong')).status === 429) return
  assert.fail('the network never reached its limit')
}

async function assertHeld(server: TestServer, client = 'client'): Promise<void> {
  const { status, reason } = await authenticate(server, client)
  assert.deepEqual([status, reason], [429, 'client_guessed_too_often'])
}

/** A server, and the number of times it read a mark from the store. */
async function countingServer() {
  const opened = createMemoryTenantStores()
  const looks = { count: 0 }
  const { wait } = opened.main.attempts
  const attempts = {
    ...opened.main.attempts,
    wait: (...given: Parameters<typeof wait>) => {
      looks.count += 1
      return wait(...given)
    },
  }
  const tenantStores = { ...opened, main: { ...opened.main, attempts } }
  return { server: await createTestServer(world, { tenantStores }), looks }
}

test('client authentication: over the network limit, a client that this process has seen there continues without a read of the store', async () => {
  const { server, looks } = await countingServer()
  assert.equal((await authenticate(server)).status, 200)
  await fill(server)
  const before = looks.count
  assert.equal((await authenticate(server)).status, 200)
  assert.equal(looks.count, before)
})

test('client authentication: over the network limit, an unknown client is read from the store once in ten minutes', async () => {
  const { server, looks } = await countingServer()
  await fill(server)
  const before = looks.count
  for (let count = 0; count < 5; count++) await assertHeld(server)
  assert.equal(looks.count, before + 1)
})

test('client authentication: one wrong secret does not block a client that continued over the network limit', async () => {
  const server = await createTestServer(world)
  await authenticate(server)
  await fill(server)
  const { status, reason } = await authenticate(server, 'client', 'wrong')
  assert.deepEqual([status, reason], [401, 'client_secret_wrong'])
  assert.equal((await authenticate(server)).status, 200)
})

test('client authentication: a client that authenticates every day is exempt for a day after the last time, not the first', async () => {
  const server = await createTestServer(world)
  await authenticate(server)
  server.clock.advance(80_000)
  await authenticate(server)
  server.clock.advance(80_000)
  await fill(server)
  assert.equal((await authenticate(server)).status, 200)
})

/** Two processes on one store, each with its own memory. */
async function twoProcesses() {
  const tenantStores = createMemoryTenantStores()
  const [one, two] = [
    await createTestServer(world, { tenantStores }),
    await createTestServer(world, { tenantStores }),
  ]
  const advance = (seconds: number): void => {
    for (const server of [one, two]) server.clock.advance(seconds)
  }
  return { one, two, advance }
}

test('client authentication: another process knows which clients authenticated in the last half day', async () => {
  const { one, two, advance } = await twoProcesses()
  await authenticate(one)
  await authenticate(one, 'nobody', 'wrong')
  advance(43_200)
  await fill(two)
  assert.equal((await authenticate(two)).status, 200)
  await assertHeld(two, 'exchanger')
})

test('client authentication: a client that was not found is read again ten minutes later', async () => {
  const { one, two, advance } = await twoProcesses()
  await fill(two)
  await assertHeld(two)
  assert.equal((await authenticate(one)).status, 200)
  await authenticate(one, 'nobody', 'wrong')
  await assertHeld(two)
  advance(600)
  await fill(two)
  assert.equal((await authenticate(two)).status, 200)
})

test('client authentication: another process forgets a client that authenticated more than a day and a half ago', async () => {
  const { one, two, advance } = await twoProcesses()
  await authenticate(one)
  advance(43_200)
  // The mark is renewed only for clients that authenticated within half a day.
  await authenticate(one, 'nobody', 'wrong')
  advance(43_200)
  await fill(two)
  await assertHeld(two)
})
