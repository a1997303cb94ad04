/** Webhooks: signed as Standard Webhooks 1.0 describes, and delivered to receivers that are slow, down, redirecting or private. */

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { createAdmission, webhookLimits } from '../../packages/server/src/operations/events/admission.ts'
import { webhookHeaders } from '../../packages/server/src/operations/events/signature.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { webhookSecret } from '../support/events.ts'
import { type Receiver, startReceiver, status } from '../support/receiver.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'

const world = {
  clients: [
    {
      client_id: 'machine',
      client_secrets: [{ value: 's' }],
      grant_types: ['client_credentials'],
      scope: 'api1',
    },
  ],
  api_scopes: [{ name: 'api1' }],
  outbound: { allowed_private_networks: ['127.0.0.1'] },
}

const issued = ['token.issued']
const webhookFor = ({ url }: Pick<Receiver, 'url'>, changes: object = {}) => ({
  ...{ url, secrets: [webhookSecret], events: issued },
  ...changes,
})

const startWith = (webhooks: readonly object[], surroundings: Parameters<typeof createTestServer>[1] = {}) =>
  createTestServer({ ...world, webhooks }, surroundings)

/** Causes one event. */
async function issue(server: TestServer): Promise<void> {
  const { status } = await server.token({ grant_type: 'client_credentials' }, { client: ['machine', 's'] })
  assert.equal(status, 200)
}

const refuse = (server: TestServer) =>
  server.token({ grant_type: 'client_credentials' }, { client: ['machine', 'wrong'] })

const linesOf = ({ logged }: TestServer, event: string) => logged.filter(line => line.event === event)

test('webhooks: the signature is that of the specification’s libraries [Standard Webhooks 1.0]', () => {
  const secrets = [Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')]
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
  assert.deepEqual(webhookHeaders({ id, at: 1614265330, body: '{"test": 2432232314}', secrets }), {
    'webhook-id': id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

test('webhooks: a request has the event, its id, the time of the attempt, and a signature by each secret', async () => {
  const receiver = await startReceiver()
  const old = `whsec_${Buffer.alloc(24, 1).toString('base64')}`
  const server = await startWith([webhookFor(receiver, { secrets: [webhookSecret, old] })])
  receiver.answer = status(500)
  await issue(server)
  await server.settled()
  server.clock.advance(10)
  receiver.answer = status(200)
  await server.runWebhooks()
  const [first, second] = receiver.deliveries
  assert.ok(first && second && receiver.deliveries.length === 2)
  assert.equal(first.headers['content-type'], 'application/json')
  assert.equal(first.headers['webhook-id'], first.event.id)
  assert.equal(second.headers['webhook-id'], first.headers['webhook-id'])
  assert.equal(second.body, first.body)
  assert.equal(first.headers['webhook-timestamp'], String(server.clock.now() - 10))
  assert.equal(second.headers['webhook-timestamp'], String(server.clock.now()))
  for (const { headers, body } of receiver.deliveries) {
    const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
    const by = (secret: string) =>
      `v1,${createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
        .update(text)
        .digest('base64')}`
    assert.equal(headers['webhook-signature'], `${by(webhookSecret)} ${by(old)}`)
  }
  assert.deepEqual(
    linesOf(server, 'webhook_delivered').map(({ attempts }) => attempts),
    [2],
  )
})

test('webhooks: each gets the types that it subscribes to', async () => {
  const [all, some] = [await startReceiver(), await startReceiver()]
  const server = await startWith([webhookFor(all, { events: undefined }), webhookFor(some)])
  await refuse(server)
  await issue(server)
  await server.settled()
  const typesOf = ({ deliveries }: Receiver) => deliveries.map(({ event }) => event.type).toSorted()
  assert.deepEqual(typesOf(all), ['token.issued', 'token.refused'])
  assert.deepEqual(typesOf(some), ['token.issued'])
})

test('webhooks: a receiver that is down gets the event when it is back, and rests in between', async () => {
  const receiver = await startReceiver()
  const server = await startWith([webhookFor(receiver)])
  receiver.answer = response => void response.destroy()
  await issue(server)
  await server.settled()
  await issue(server)
  await server.settled()
  // The second event waits, because the receiver does not respond.
  assert.equal(receiver.deliveries.length, 1)
  assert.deepEqual(
    linesOf(server, 'webhook_delayed').map(({ problem }) => problem),
    ['outbound_failed'],
  )
  receiver.answer = status(204)
  server.clock.advance(10)
  await server.runWebhooks()
  assert.equal(receiver.deliveries.length, 3)
  assert.equal(new Set(receiver.deliveries.map(({ event }) => event.id)).size, 2)
  assert.equal(linesOf(server, 'webhook_delivered').length, 2)
})

test('webhooks: after a failure, one message alone tests whether the receiver responds again', async () => {
  const receiver = await startReceiver()
  const server = await startWith([webhookFor(receiver)])
  receiver.answer = response => void response.destroy()
  for (let count = 0; count < 3; count++) {
    await issue(server)
    await server.settled()
  }
  assert.equal(receiver.deliveries.length, 1)
  server.clock.advance(10)
  await server.runWebhooks()
  assert.equal(receiver.deliveries.length, 2)
})

test('webhooks: failures of concurrent attempts count once, so that the receiver rests for five seconds only', async () => {
  const receiver = await startReceiver()
  const server = await startWith([webhookFor(receiver)])
  const waiting: (() => void)[] = []
  receiver.answer = response => void waiting.push(() => response.destroy())
  for (let count = 0; count < 3; count++) await issue(server)
  await until('three requests are in progress', () => waiting.length === 3)
  for (const fail of waiting) fail()
  await server.settled()
  receiver.answer = status(204)
  server.clock.advance(7)
  await server.runWebhooks()
  assert.equal(receiver.deliveries.length, 6)
})

test('webhooks: a clock that is set back does not make a receiver rest for longer', async () => {
  const receiver = await startReceiver()
  const server = await startWith([webhookFor(receiver)])
  receiver.answer = response => void response.destroy()
  await issue(server)
  await server.settled()
  receiver.answer = status(204)
  server.clock.advance(-3600)
  await issue(server)
  await server.settled()
  assert.equal(receiver.deliveries.length, 2)
})

test('webhooks: a slow receiver delays neither requests nor other receivers', async () => {
  const [slow, fast] = [await startReceiver(), await startReceiver()]
  const server = await startWith([webhookFor(slow), webhookFor(fast)])
  const waiting: (() => void)[] = []
  slow.answer = response => void waiting.push(() => response.writeHead(204).end())
  for (let count = 0; count < 20; count++) await issue(server)
  await until('the fast receiver has all events', () => fast.deliveries.length === 20)
  // Eight requests are in progress, and the others wait.
  await until('the slow receiver is busy', () => slow.deliveries.length === 8)
  slow.answer = status(204)
  for (const finish of waiting) finish()
  await server.settled()
  assert.equal(slow.deliveries.length, 20)
})

test('webhooks: a failed write is logged once, however many events happened during the deliveries', async () => {
  const receiver = await startReceiver()
  const tenantStores = createMemoryTenantStores()
  const { main } = tenantStores
  let fails = true
  const webhookMessages: typeof main.webhookMessages = {
    ...main.webhookMessages,
    async remove(...given) {
      if (!fails) return main.webhookMessages.remove(...given)
      fails = false
      throw new Error('the store does not respond')
    },
  }
  const server = await startWith([webhookFor(receiver)], {
    tenantStores: { ...tenantStores, main: { ...main, webhookMessages } },
  })
  const waiting: (() => void)[] = []
  receiver.answer = response => void waiting.push(() => response.writeHead(204).end())
  for (let count = 0; count < 20; count++) await issue(server)
  await until('the receiver is busy', () => receiver.deliveries.length === 8)
  for (const finish of waiting) finish()
  await server.settled()
  assert.equal(linesOf(server, 'webhooks_failed').length, 1)
})

test('webhooks: a redirect is not followed, and counts as a failure', async () => {
  const [receiver, elsewhere] = [await startReceiver(), await startReceiver('/elsewhere')]
  const server = await startWith([webhookFor(receiver)])
  for (const code of [301, 302, 307, 308]) {
    receiver.answer = status(code, { location: elsewhere.url })
    await issue(server)
    await server.settled()
  }
  assert.equal(elsewhere.deliveries.length, 0)
  assert.deepEqual(
    linesOf(server, 'webhook_delayed').map(line => line.status),
    [301, 302, 307, 308],
  )
})

for (const [name, url, problem] of [
  ['at a private address', 'https://127.0.0.1:9/hook', 'outbound_address_private'],
  ['with a name of a private address', 'https://localhost:9/hook', 'outbound_address_private'],
  ['of the cloud’s metadata', 'https://169.254.169.254/latest', 'outbound_address_private'],
] as const)
  test(`webhooks: a receiver ${name} gets nothing unless the operator allows it`, async () => {
    const server = await createTestServer({
      ...world,
      outbound: {},
      webhooks: [{ url, secrets: [webhookSecret], events: issued }],
    })
    await issue(server)
    await server.settled()
    assert.deepEqual(
      linesOf(server, 'webhook_delayed').map(line => line.problem),
      [problem],
    )
  })

test('webhooks: http is refused for a public address, so that bodies can’t be read on the way', async () => {
  const server = await createTestServer({
    ...world,
    outbound: {},
    webhooks: [{ url: 'http://192.88.98.1/hook', secrets: [webhookSecret], events: issued }],
  })
  await issue(server)
  await server.settled()
  assert.deepEqual(
    linesOf(server, 'webhook_delayed').map(line => line.problem),
    ['outbound_not_https'],
  )
})

test('webhooks: 410 disables the webhook until a reload', async () => {
  const receiver = await startReceiver()
  const server = await startWith([webhookFor(receiver)])
  receiver.answer = status(410)
  await issue(server)
  await server.settled()
  await issue(server)
  server.clock.advance(7200)
  await server.runWebhooks()
  assert.equal(receiver.deliveries.length, 1)
  assert.equal(linesOf(server, 'webhook_gone').length, 1)
  receiver.answer = status(204)
  await server.reconfigure({ ...world, webhooks: [webhookFor(receiver)] })
  await issue(server)
  await server.runWebhooks()
  await server.settled()
  // The event that got 410, and the one after the reload. Those in between were not stored.
  assert.equal(linesOf(server, 'webhook_delivered').length, 2)
})

test('webhooks: retries follow the schedule, respect retry-after, and end', async () => {
  const receiver = await startReceiver()
  const server = await startWith([webhookFor(receiver)])
  receiver.answer = status(500)
  await issue(server)
  await server.settled()
  const [minute, hour] = [60, 3600]
  const schedule = [
    5,
    5 * minute,
    30 * minute,
    2 * hour,
    5 * hour,
    10 * hour,
    14 * hour,
    20 * hour,
    24 * hour,
  ]
  for (const [index, wait] of schedule.entries()) {
    const line = linesOf(server, 'webhook_delayed')[index]
    const next = Number(line?.next_at) - server.clock.now()
    assert.ok(next >= wait && next <= wait * 1.2, `${next} s instead of ${wait} s`)
    server.clock.advance(next - 1)
    await server.runWebhooks()
    assert.equal(receiver.deliveries.length, index + 1)
    server.clock.advance(1)
    await server.runWebhooks()
    assert.equal(receiver.deliveries.length, index + 2)
  }
  const [given] = linesOf(server, 'webhook_undeliverable')
  assert.equal(given?.attempts, 10)
  assert.equal(given?.status, 500)
  receiver.answer = status(503, { 'retry-after': '4000' })
  await issue(server)
  await server.settled()
  const delayed = linesOf(server, 'webhook_delayed').at(-1)
  assert.equal(delayed?.next_at, server.clock.now() + 4000)
})

test('webhooks: a flapping receiver gets every event', async () => {
  const receiver = await startReceiver()
  const server = await startWith([webhookFor(receiver)])
  let count = 0
  receiver.answer = (response, request) => status(count++ % 2 === 0 ? 500 : 204)(response, request)
  for (let made = 0; made < 10; made++) await issue(server)
  await server.settled()
  for (let rounds = 0; rounds < 8; rounds++) {
    server.clock.advance(6 * 3600)
    await server.runWebhooks()
    await server.settled()
  }
  assert.equal(linesOf(server, 'webhook_delivered').length, 10)
  assert.equal(linesOf(server, 'webhook_undeliverable').length, 0)
})

test('webhooks: a large response body counts for nothing', async () => {
  const receiver = await startReceiver()
  const server = await startWith([webhookFor(receiver)])
  receiver.answer = response => void response.writeHead(200).end('x'.repeat(2_000_000))
  await issue(server)
  await server.settled()
  assert.equal(linesOf(server, 'webhook_delivered').length, 1)
})

test('webhooks: when too many wait, further events are dropped and requests succeed', async () => {
  const receiver = await startReceiver()
  const stores = createMemoryTenantStores()
  const server = await startWith([webhookFor(receiver, { events: undefined })], { tenantStores: stores })
  receiver.answer = response => void response.destroy()
  await issue(server)
  await server.settled()
  const { webhookMessages } = stores.main
  Object.assign(webhookMessages, { count: () => webhookLimits.waiting })
  server.clock.advance(10)
  await server.runWebhooks()
  await server.settled()
  await issue(server)
  await issue(server)
  await server.settled()
  const dropped = linesOf(server, 'webhook_events_dropped')
  assert.deepEqual(
    dropped.map(({ problem, webhook }) => [problem, webhook]),
    [['too many messages wait', new URL(receiver.url).host]],
  )
  Object.assign(webhookMessages, { count: () => webhookLimits.waitingForRefusals })
  server.clock.advance(300)
  await server.runWebhooks()
  await server.settled()
  const before = receiver.deliveries.length
  receiver.answer = status(204)
  server.clock.advance(300)
  await refuse(server)
  await issue(server)
  await server.runWebhooks()
  await server.settled()
  const types = new Set(receiver.deliveries.slice(before).map(({ event }) => event.type))
  // Refusals, which strangers can cause, are dropped first.
  assert.deepEqual(types, new Set(['token.issued']))
})

test('webhooks: one user or client can not fill the queue, so that events of others are still stored', async () => {
  let stored = 0
  const admission = createAdmission({
    about: {},
    count: () => stored,
    clock: { now: () => 1_790_000_000 },
    log: silentLog,
  })
  const admitted = (by: string, times: number): number =>
    Array.from({ length: times }, () => admission.admits('token.issued', by)).filter(Boolean).length
  const { waiting, waitingForAll, waitingForOne } = webhookLimits
  // As many as ever, while the receiver keeps up.
  assert.equal(admitted('user a', waitingForOne + 50), waitingForOne + 50)
  stored = waitingForAll
  await admission.recount()
  assert.equal(admitted('user a', waiting), waitingForOne)
  assert.equal(admitted('client b', waitingForOne + 1), waitingForOne)
  assert.ok(admission.admits('entry.created', undefined))
  // When fewer wait, everyone begins again.
  for (let count = 0; count < waitingForOne * 2 + 2; count++) admission.left()
  assert.equal(admitted('user a', waitingForOne + 1), waitingForOne + 1)
})

test('webhooks: strangers can store a limited number of refusals', async () => {
  const receiver = await startReceiver()
  const server = await startWith([webhookFor(receiver, { events: ['token.refused'] })])
  receiver.answer = response => void response.destroy()
  const refuse = async (from: string) => {
    await server.token({ grant_type: 'unknown' }, { client: ['machine', 's'], from })
  }
  // One customer with a /48 takes no more than one with an address.
  for (let count = 0; count < webhookLimits.refusalsOfNetwork + 20; count++)
    await refuse(`2001:db8:7:${count.toString(16)}::1`)
  await refuse('192.0.2.1')
  assert.equal(await storedIn(server), webhookLimits.refusalsOfNetwork + 1)
})

test('webhooks: networks together can store a limited number of refusals', async () => {
  const receiver = await startReceiver()
  const server = await startWith([webhookFor(receiver, { events: ['token.refused'] })])
  receiver.answer = response => void response.destroy()
  for (let count = 0; count < webhookLimits.refusals + 50; count++)
    await server.token(
      { grant_type: 'unknown' },
      { client: ['machine', 's'], from: `192.0.2.${count % 200}` },
    )
  assert.equal(await storedIn(server), webhookLimits.refusals)
})

/** The messages in the store. */
async function storedIn(server: TestServer): Promise<number> {
  await server.settled()
  let stored = 0
  const { webhookMessages } = server.stores
  for (const endpoint of await endpointsOf(server)) stored += await webhookMessages.count(endpoint, 1000)
  return stored
}

/** The endpoints of the messages that were stored, by the only thing that names them: the queue's own claims. */
async function endpointsOf(server: TestServer): Promise<readonly string[]> {
  const seen = new Set<string>()
  const { webhookMessages } = server.stores
  const { anyDue } = webhookMessages
  Object.assign(webhookMessages, {
    anyDue: (endpoint: string, at: number) => {
      seen.add(endpoint)
      return anyDue(endpoint, at)
    },
  })
  server.clock.advance(3600)
  await server.runWebhooks()
  return [...seen]
}

test('webhooks: two nodes on one store send each event once, and another node sends what a dead one claimed', async () => {
  const receiver = await startReceiver()
  const { open } = await beginShared()
  const at = Math.floor(Date.now() / 1000)
  const nodes = [
    await startWith([webhookFor(receiver)], { tenantStores: await open(), at }),
    await startWith([webhookFor(receiver)], { tenantStores: await open(), at }),
  ]
  receiver.answer = response => void setTimeout(() => response.writeHead(204).end(), 5)
  await Promise.all(Array.from({ length: 40 }, (_, index) => issue(nodes[index % 2]!)))
  await Promise.all(nodes.map(node => node.settled()))
  for (const node of nodes) await node.runWebhooks()
  await Promise.all(nodes.map(node => node.settled()))
  const ids = receiver.deliveries.map(({ event }) => event.id)
  assert.equal(ids.length, 40)
  assert.equal(new Set(ids).size, 40)

  // A node that claims and dies.
  const [dead, living] = nodes as [TestServer, TestServer]
  const { claim } = dead.stores.webhookMessages
  Object.assign(dead.stores.webhookMessages, {
    claim: async (...given: Parameters<typeof claim>) => {
      await claim(...given)
      return []
    },
  })
  await issue(dead)
  await dead.settled()
  living.clock.advance(50)
  await living.runWebhooks()
  await living.settled()
  assert.equal(receiver.deliveries.length, 40)
  living.clock.advance(20)
  await living.runWebhooks()
  await living.settled()
  assert.equal(receiver.deliveries.length, 41)
})

test('webhooks: stored events are sealed, and name neither the address nor a user', async () => {
  const stores = createMemoryTenantStores()
  const receiver = await startReceiver('/hook?token=secret-of-the-address')
  const server = await startWith([webhookFor(receiver)], { tenantStores: stores })
  const rows: unknown[] = []
  const { commit } = stores.main
  Object.assign(stores.main, {
    commit: (write: Parameters<typeof commit>[0]) => {
      rows.push(...(write.messages ?? []))
      return commit(write)
    },
  })
  const again = await startWith([webhookFor(receiver)], { tenantStores: stores })
  await issue(again)
  await again.settled()
  assert.equal(rows.length, 1)
  const text = JSON.stringify(rows, (_, value) =>
    value instanceof Uint8Array || value?.type === 'Buffer' ? Buffer.from(value).toString('latin1') : value,
  )
  for (const hidden of ['machine', 'token.issued', 'secret-of-the-address', '127.0.0.1'])
    assert.ok(!text.includes(hidden), hidden)
  assert.ok(!JSON.stringify([...server.logged, ...again.logged]).includes('secret-of-the-address'))
})

test('webhooks: metrics count what was delivered, delayed, abandoned and dropped', async () => {
  const receiver = await startReceiver()
  const token = 'a-token-of-thirty-two-characters'
  const server = await createTestServer({
    ...world,
    metrics: { tokens: [{ value: token }] },
    webhooks: [webhookFor(receiver)],
  })
  const countOf = async (outcome: string) => {
    const { body } = await server.send('GET', '/metrics', { headers: { authorization: `Bearer ${token}` } })
    return Number(
      new RegExp(`^tessera_webhooks_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(body)?.[1],
    )
  }
  await issue(server)
  await server.settled()
  receiver.answer = status(500)
  await issue(server)
  await server.settled()
  assert.deepEqual([await countOf('delivered'), await countOf('delayed')], [1, 1])
  server.clock.advance(5 * 86_400)
  await server.runWebhooks()
  await server.settled()
  assert.equal(await countOf('undeliverable'), 1)
  Object.assign(server.stores.webhookMessages, { count: () => webhookLimits.waiting })
  server.clock.advance(10)
  await server.runWebhooks()
  await issue(server)
  assert.equal(await countOf('dropped'), 1)
})

test('webhooks: those of an inactive tenant are sent by the jobs of tenants', async () => {
  const receiver = await startReceiver()
  const stores = createMemoryTenantStores()
  const tenants = [{ name: 'acme', issuer: 'path', clients: world.clients }]
  const given = { ...world, tenants, webhooks: [webhookFor(receiver)] }
  const first = await createTestServer(given, { tenantStores: stores })
  receiver.answer = response => void response.destroy()
  const { status: answered } = await first.send('POST', '/t/acme/connect/token', {
    form: { grant_type: 'client_credentials', client_id: 'machine', client_secret: 's' },
  })
  assert.equal(answered, 200)
  await until('the attempt', () => receiver.deliveries.length === 1)
  await until('its failure', () => linesOf(first, 'webhook_delayed').length === 1)
  receiver.answer = status(204)
  const second = await createTestServer(given, { tenantStores: stores })
  second.clock.advance(60)
  await second.runTenantJobs()
  assert.deepEqual(
    receiver.deliveries.map(({ event }) => [event.tenant, event.issuer]),
    [1, 2].map(() => ['acme', 'https://id.example/t/acme']),
  )
})
