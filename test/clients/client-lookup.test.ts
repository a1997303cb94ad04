/**
 * How clients are looked up: which exist at this moment, what is read from the store, and how their use is recorded.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ClientsPorts,
  createClients,
} from '../../packages/server/src/clients/registration/client-lookup.ts'
import type { Client } from '../../packages/server/src/model/client.ts'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import type { RegisteredClient } from '../../packages/server/src/model/registered-client.ts'
import { sampleRegisteredClient } from '../contracts/stores/registered-clients.ts'
import { createClock, day } from '../keys/keys.ts'

const configured = [
  { client_id: 'web', enabled: true, allowed_cors_origins: ['https://web.example'] },
  { client_id: 'off', enabled: false, allowed_cors_origins: ['https://off.example'] },
] as unknown as readonly Client[]

const idOf = (index: number): string => `client${String(index).padStart(16, '0')}`

/** Creates a client lookup over rows that a test writes, and counts the queries. */
function lookup(more: Partial<ClientsPorts> = {}) {
  const rows = new Map<string, RegisteredClient>()
  const seen = { finds: 0, reads: 0, prolonged: [] as unknown[], logged: [] as string[] }
  const clock = createClock()
  const note = (event: string) => void seen.logged.push(event)
  const clients = createClients({
    configured: {
      all: () => configured,
      find: clientId => configured.find(({ client_id }) => client_id === clientId),
    },
    stored: { find: () => undefined, hasOrigin: () => false, needs: () => [] },
    registeredClients: {
      find(clientId) {
        seen.finds += 1
        return rows.get(clientId)
      },
      hasOrigin: () => false,
      extend: async (...values) => void seen.prolonged.push(values),
    },
    read({ client_id, version }) {
      seen.reads += 1
      return { client_id, registered: { trusted: false, version } } as unknown as Client
    },
    registration: { unusedClientLifetime: 10 * day },
    sealedClients: { find: () => undefined, isAllowedOrigin: () => false },
    blockedRedirects: () => [],
    isDisabled: () => false,
    clock,
    log: { debug: note, info: note, warn: note, error: note },
    ...more,
  })
  const add = (fields: Partial<RegisteredClient> = {}) => {
    const row = sampleRegisteredClient({ client_id: idOf(0), ...fields })
    rows.set(row.client_id, row)
    return row
  }
  return { clients, rows, seen, clock, add }
}

test('client lookup: only a configured client that another node removed is disabled', () => {
  const { clients } = lookup({ isDisabled: clientId => clientId === 'web' })
  assert.equal((clients.find('web') as Client).enabled, false)
  assert.equal((lookup().clients.find('web') as Client).enabled, true)
})

test('client lookup: the store is queried only for ids that registration creates', () => {
  const { clients, seen } = lookup()
  for (const clientId of ['', 'unknown', 'x'.repeat(21), 'x'.repeat(23), `${'x'.repeat(21)}!`])
    assert.equal(clients.find(clientId), undefined)
  assert.equal(seen.finds, 0)
  assert.equal(clients.find('x'.repeat(22)), undefined)
  assert.equal(seen.finds, 1)
})

test('client lookup: a registered client is gone in the second in which it expires', () => {
  const { clients, clock, add } = lookup()
  add({ expires_at: clock.now() + 10 })
  clock.advance(9)
  assert.ok(clients.find(idOf(0)))
  clock.advance(1)
  assert.equal(clients.find(idOf(0)), undefined)
})

test('client lookup: a client is parsed once for each version of its row, and is gone with its row', () => {
  const { clients, rows, seen, add } = lookup()
  const row = add()
  for (let times = 0; times < 3; times++) assert.ok(clients.find(row.client_id))
  assert.equal(seen.reads, 1)
  add({ ...row, version: 2 })
  assert.equal((clients.find(row.client_id) as Client).registered?.version, 2)
  assert.equal(seen.reads, 2)
  rows.clear()
  assert.equal(clients.find(row.client_id), undefined)
})

test('client lookup: a thousand parsed clients are cached', () => {
  const { clients, seen, add } = lookup()
  for (let index = 0; index < 1001; index++) {
    add({ client_id: idOf(index) })
    clients.find(idOf(index))
  }
  assert.equal(seen.reads, 1001)
  clients.find(idOf(1000))
  clients.find(idOf(1))
  assert.equal(seen.reads, 1001)
  clients.find(idOf(0))
  assert.equal(seen.reads, 1002)
})

test('client lookup: origins are those of enabled clients and of the store; if the store fails there are none', async () => {
  assert.equal(lookup().clients.isAllowedOrigin('https://web.example'), true)
  assert.equal(lookup().clients.isAllowedOrigin('https://off.example'), false)
  const fails = async () => {
    throw new Error('away')
  }
  const throws = () => {
    throw new Error('away')
  }
  for (const [hasOrigin, allowed] of [
    [() => true, true],
    [async () => true, true],
    [async () => false, false],
    [fails, false],
    [throws, false],
  ] as const) {
    const { clients, seen } = lookup({
      registeredClients: { find: () => undefined, hasOrigin, extend: async () => {} },
    })
    assert.equal(await clients.isAllowedOrigin('https://app.example'), allowed)
    const isLogged = hasOrigin === fails || hasOrigin === throws
    assert.deepEqual(seen.logged, isLogged ? ['origin_not_looked_up'] : [])
  }
})

test("client lookup: a use extends a client's lifetime once a day, and only once for concurrent uses", async () => {
  const { clients, seen, clock, add } = lookup()
  const use = (fields: Partial<RegisteredClient>) => {
    add(fields)
    const client = clients.find(idOf(0)) as Client
    for (let times = 0; times < 3; times++) clients.noteUse(client, 'alice')
    return Promise.resolve()
  }
  const now = clock.now()
  const end = now + 10 * day
  const noted = [idOf(0), { used_at: now, used_by: hashHandle('alice'), expires_at: end }]
  const used_by = hashHandle('bob')
  // The first use counts, whatever the expiry.
  await use({ expires_at: end })
  assert.deepEqual(seen.prolonged.splice(0), [noted])
  await new Promise(resolve => setImmediate(resolve))
  await use({ version: 2, used_at: now - 1, used_by, expires_at: end - day + 1 })
  assert.deepEqual(seen.prolonged.splice(0), [])
  // Another user counts from the next day on.
  await use({ version: 3, used_at: now - 1, used_by, expires_at: end - day })
  assert.deepEqual(seen.prolonged.splice(0), [noted])
  await new Promise(resolve => setImmediate(resolve))
  // Earlier versions recorded no user.
  await use({ version: 4, used_at: now - 1, expires_at: end })
  assert.deepEqual(seen.prolonged.splice(0), [noted])
})

test("client lookup: if clients don't expire, a use is recorded once a day; none is recorded for a configured client", async () => {
  const { clients, seen, clock, add } = lookup({ registration: { unusedClientLifetime: 0 } })
  const used_by = hashHandle('alice')
  const now = clock.now()
  add()
  clients.noteUse(clients.find(idOf(0)) as Client, 'alice')
  assert.deepEqual(seen.prolonged.splice(0), [[idOf(0), { used_at: now, used_by }]])
  await new Promise(resolve => setImmediate(resolve))
  add({ version: 2, used_at: now - day + 1, used_by })
  clients.noteUse(clients.find(idOf(0)) as Client, 'alice')
  clients.noteUse(clients.find('web') as Client, 'alice')
  assert.deepEqual(seen.prolonged, [])
  add({ version: 3, used_at: now - day, used_by })
  clients.noteUse(clients.find(idOf(0)) as Client, 'alice')
  assert.deepEqual(seen.prolonged, [[idOf(0), { used_at: now, used_by }]])
})

test('client lookup: tokens without a user count as use only for a trusted client', async () => {
  const { clients, seen, clock, add } = lookup()
  add()
  const client = clients.find(idOf(0)) as Client
  const expires_at = clock.now() + 10 * day
  clients.noteUse(client, undefined)
  assert.deepEqual(seen.prolonged.splice(0), [[idOf(0), { expires_at }]])
  await new Promise(resolve => setImmediate(resolve))
  clients.noteUse({ ...client, registered: { trusted: true, version: 1 } }, undefined)
  assert.deepEqual(seen.prolonged, [[idOf(0), { used_at: clock.now(), expires_at }]])
})
