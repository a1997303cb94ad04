/** Floods of slow work (argon2id, directories): they delay neither other networks nor other kinds of work. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { hash as argon2id } from '@node-rs/argon2'
import { createFairQueue, type FairQueueOptions } from '../../packages/server/src/runtime/async/fair-queue.ts'
import { networkPath } from '../../packages/server/src/runtime/network.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const cheap = { memoryCost: 1024, timeCost: 1, parallelism: 1 }
const slowClient = async (value = 'slow') => ({
  client_id: 'machine',
  client_secrets: [{ argon2id: await argon2id(value, cheap) }],
  grant_types: ['client_credentials'],
  scope: 'api1',
})
const slowUsers = async () => [
  { sub: 'a', username: 'argon', password_argon2id: await argon2id('pass', cheap), claims: {} },
]
const authenticate = (server: TestServer, value: string, from: string) =>
  server.token({ grant_type: 'client_credentials', scope: 'api1' }, { client: ['machine', value], from })
const signIn = (server: TestServer, password: string, from: string) =>
  server.token(
    { grant_type: 'password', username: 'argon', password, scope: 'api1' },
    { client: ['roclient', secret], from },
  )
const times = <Value>(count: number, make: (n: number) => Value): Value[] =>
  Array.from({ length: count }, (_, n) => make(n))

/** A queue whose work ends when the test says so. */
function held(bounds: FairQueueOptions) {
  const queue = createFairQueue(bounds)
  const begun: string[] = []
  const ends: (() => void)[] = []
  const outcomes: Record<string, string> = {}
  const ask = (from: string, name: string): void => {
    queue
      .run(from, () => {
        begun.push(name)
        return new Promise<void>(resolve => ends.push(resolve))
      })
      .then(
        () => {
          outcomes[name] = 'done'
        },
        error => {
          outcomes[name] = error.name
        },
      )
  }
  const finishOne = async () => {
    ends.shift()?.()
    await setImmediate()
  }
  return { ask, begun, outcomes, finishOne }
}

test('fair queue: networks alternate, however much each requests', async () => {
  const { ask, begun, finishOne } = held({ concurrent: 1, waiting: 64 })
  for (let n = 0; n < 10; n++) ask('flood', `flood ${n}`)
  ask('one', 'one 0')
  ask('two', 'two 0')
  ask('two', 'two 1')
  for (let n = 0; n < 13; n++) await finishOne()
  assert.deepEqual(begun.slice(0, 7), ['flood 0', 'flood 1', 'one 0', 'two 0', 'flood 2', 'two 1', 'flood 3'])
  assert.equal(begun.length, 13)
})

test('fair queue: when it is full, the newest work of the network with the most work is dropped for others', async () => {
  const { ask, begun, outcomes, finishOne } = held({ concurrent: 1, waiting: 4 })
  for (let n = 0; n < 6; n++) ask('flood', `flood ${n}`)
  await setImmediate()
  assert.deepEqual(outcomes, { 'flood 5': 'StoreUnavailable' })
  ask('one', 'one 0')
  ask('one', 'one 1')
  // Now no other network has two more waiting than this one.
  ask('one', 'one 2')
  ask('two', 'two 0')
  await setImmediate()
  assert.deepEqual(Object.keys(outcomes).toSorted(), ['flood 2', 'flood 3', 'flood 4', 'flood 5', 'one 2'])
  for (let n = 0; n < 5; n++) await finishOne()
  assert.deepEqual(begun.toSorted(), ['flood 0', 'flood 1', 'one 0', 'one 1', 'two 0'])
})

test('fair queue: the /64s of one /48 alternate among themselves, and the /48 has the share of one network', async () => {
  const { ask, begun, finishOne } = held({ concurrent: 1, waiting: 64, networksOf: networkPath })
  for (let n = 0; n < 8; n++) ask(`2001:db8:1:${n}`, `flood ${n}`)
  ask('192.0.2.1', 'one 0')
  ask('192.0.2.1', 'one 1')
  ask('2001:db8:2:1', 'two 0')
  ask('2001:db8:2:1', 'two 1')
  for (let n = 0; n < 12; n++) await finishOne()
  assert.deepEqual(begun.slice(0, 7), ['flood 0', 'flood 1', 'one 0', 'two 0', 'flood 2', 'one 1', 'two 1'])
  assert.equal(begun.length, 12)
})

test('fair queue: if the /64s of one /48 fill it, others take their places, and a neighbour one of the /64 with the most', async () => {
  const { ask, begun, outcomes, finishOne } = held({ concurrent: 1, waiting: 6, networksOf: networkPath })
  for (let n = 0; n < 7; n++) ask(`2001:db8:1:${(n % 2) << 8}`, `flood ${n}`)
  await setImmediate()
  assert.deepEqual(outcomes, {})
  ask('192.0.2.1', 'one 0')
  ask('192.0.2.1', 'one 1')
  await setImmediate()
  assert.deepEqual(Object.keys(outcomes), ['flood 5', 'flood 6'])
  ask('2001:db8:1:200', 'neighbour')
  await setImmediate()
  assert.deepEqual(Object.keys(outcomes).length, 3)
  // Now both have three waiting.
  ask('192.0.2.1', 'one 2')
  ask('192.0.2.1', 'one 3')
  await setImmediate()
  assert.equal(outcomes['one 3'], 'StoreUnavailable')
  for (let n = 0; n < 7; n++) await finishOne()
  for (const name of ['neighbour', 'one 0', 'one 1', 'one 2']) assert.ok(begun.includes(name), name)
  assert.equal(begun.length, 7)
})

test('fair queue: work that waited for the maximum time is rejected, in any lane', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { ask, begun, outcomes, finishOne } = held({
    ...{ concurrent: 1, waiting: 64, networksOf: networkPath, longest: 1000 },
  })
  ask('192.0.2.1', 'runs')
  for (let n = 0; n < 3; n++) ask(`2001:db8:1:${n % 2}`, `early ${n}`)
  t.mock.timers.tick(600)
  ask('2001:db8:1:0', 'late')
  ask('192.0.2.1', 'late 2')
  t.mock.timers.tick(400)
  await setImmediate()
  assert.deepEqual(Object.keys(outcomes).toSorted(), ['early 0', 'early 1', 'early 2'])
  for (let n = 0; n < 3; n++) await finishOne()
  assert.deepEqual(begun, ['runs', 'late', 'late 2'])
  t.mock.timers.tick(5000)
  ask('192.0.2.1', 'new')
  assert.deepEqual(begun.at(-1), 'new')
})

test('attack: wrong secrets for an argon2id client do not delay users', async () => {
  const server = await createTestServer({
    ...withClients(await slowClient()),
    users: [...world.users, ...(await slowUsers())],
  })
  const flood = times(500, n => authenticate(server, `wrong ${n}`, `192.0.2.${n % 250}`))
  const people = await Promise.all(times(20, n => signIn(server, 'pass', `198.51.100.${n}`)))
  assert.deepEqual(
    people.map(({ status }) => status),
    Array(20).fill(200),
  )
  await Promise.all(flood)
})

test('attack: wrong passwords from one network do not delay other networks', async () => {
  const server = await createTestServer({ ...world, users: [...world.users, ...(await slowUsers())] })
  const flood = times(300, n =>
    server.token(
      { grant_type: 'password', username: `nobody ${n}`, password: 'x', scope: 'api1' },
      { client: ['roclient', secret], from: '192.0.2.1' },
    ),
  )
  const people = await Promise.all(times(20, n => signIn(server, 'pass', `198.51.100.${n}`)))
  assert.deepEqual(
    people.map(({ status }) => status),
    Array(20).fill(200),
  )
  const answers = await Promise.all(flood)
  const refused = answers.filter(({ status }) => status === 503)
  assert.ok(refused.length > 0)
  assert.equal(refused[0]?.headers['retry-after'], '1')
})

test('attack: overload is logged once for many, without a stack', async () => {
  const server = await createTestServer({ ...world, users: [...world.users, ...(await slowUsers())] })
  await Promise.all(times(300, () => signIn(server, 'pass', '192.0.2.1')))
  assert.deepEqual(
    server.logged.filter(({ level }) => level === 'error'),
    [],
  )
  const overload = server.logged.filter(({ event }) => event === 'queue_full')
  assert.deepEqual(
    overload.map(({ level, queue, stack }) => ({ level, queue, stack })),
    [{ level: 'warn', queue: 'passwords', stack: undefined }],
  )
})

test('client authentication: a correct argon2id secret is hashed once, a wrong one each time', async () => {
  const server = await createTestServer(withClients(await slowClient()))
  assert.equal((await authenticate(server, 'slow', '192.0.2.1')).status, 200)
  // More at once than the queue accepts.
  const answers = await Promise.all(times(500, () => authenticate(server, 'slow', '192.0.2.1')))
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  assert.equal((await authenticate(server, 'wrong', '192.0.2.1')).status, 401)
  assert.equal(server.reason(), 'client_secret_wrong')
})

test('client authentication: a cached argon2id secret of one client is not accepted for another', async () => {
  const client = await slowClient()
  const other = { ...(await slowClient('other')), client_id: 'neighbour' }
  const server = await createTestServer(withClients(client, other))
  assert.equal((await authenticate(server, 'slow', '192.0.2.1')).status, 200)
  const asOther = (value: string) =>
    server.token({ grant_type: 'client_credentials', scope: 'api1' }, { client: ['neighbour', value] })
  assert.equal((await asOther('slow')).reason, 'client_secret_wrong')
  assert.equal((await asOther('other')).status, 200)
})

test('client authentication: a secret that expired in one entry is accepted by another entry with its hash', async () => {
  const { client_secrets, ...client } = await slowClient()
  const ended = { value: 'slow', expires_at: '2026-09-20T00:00:00Z' }
  const both = { ...client, client_secrets: [ended, ...client_secrets] }
  const server = await createTestServer(withClients(both))
  assert.equal((await authenticate(server, 'slow', '192.0.2.1')).status, 200)
  assert.equal((await authenticate(server, 'wrong', '192.0.2.1')).reason, 'client_secret_wrong')
  const [other] = (await slowClient('other')).client_secrets
  await server.reconfigure(withClients({ ...client, client_secrets: [ended, other] } as never))
  assert.equal((await authenticate(server, 'slow', '192.0.2.1')).reason, 'client_secret_expired')
})

test('client authentication: a cached argon2id secret is refused once it is changed or has expired', async () => {
  const client = await slowClient()
  const [kept] = client.client_secrets
  const expiring = { ...client, client_secrets: [{ ...kept, expires_at: '2026-09-22T00:00:00Z' }] }
  const server = await createTestServer(withClients(expiring))
  assert.equal((await authenticate(server, 'slow', '192.0.2.1')).status, 200)
  server.clock.advance(86_400)
  assert.equal((await authenticate(server, 'slow', '192.0.2.1')).status, 401)
  await server.reconfigure(withClients(client))
  assert.equal((await authenticate(server, 'slow', '192.0.2.1')).status, 200)
  await server.reconfigure(withClients(await slowClient('other')))
  assert.equal((await authenticate(server, 'slow', '192.0.2.1')).status, 401)
  assert.equal(server.reason(), 'client_secret_wrong')
})
