/** Which keys of a client's JWK Set are used, and how many are cached for all clients. */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { createClientKeyFinder } from '../../packages/server/src/clients/keys/jwks.ts'
import { createClients } from '../../packages/server/src/clients/registration/client-lookup.ts'
import type { Client } from '../../packages/server/src/model/client.ts'
import type { RegisteredClient } from '../../packages/server/src/model/registered-client.ts'
import { type Log, silentLog } from '../../packages/server/src/runtime/ports.ts'

const uriOf = (name: string) => (name.includes('/') ? `https://${name}` : `https://${name}.example/jwks`)
const key = (kid: string) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid,
})
const one = key('one')
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))

function clientKeys(body: (url: string) => string) {
  const asked: string[] = []
  const warned: unknown[] = []
  const log: Log = { ...silentLog, warn: (event, fields) => void warned.push([event, fields?.client_id]) }
  let now = 1_790_000_000
  const find = createClientKeyFinder({
    outbound: async url => {
      asked.push(String(url))
      return { ok: true, status: 200, headers: {}, body: body(String(url)) }
    },
    clock: { now: () => now },
    log,
  })
  const advance = (seconds: number) => {
    now += seconds
  }
  const keysOf = async (name: string, registered?: Client['registered']) =>
    (await find({ client_id: name, registered, jwks_uri: uriOf(name) } as Client))?.keys
  return { asked, warned, keysOf, advance }
}

test('client keys: a set of a hundred keys is accepted, a larger one is refused and logged', async () => {
  const { keysOf, warned } = clientKeys(url =>
    JSON.stringify({ keys: times(url.includes('many') ? 101 : 100, () => one) }),
  )
  assert.equal((await keysOf('enough'))?.length, 100)
  assert.deepEqual(warned, [])
  assert.equal(await keysOf('many'), undefined)
  assert.deepEqual(warned, [['client_keys_not_fetched', 'many']])
})

for (const [what, body] of [
  ['no list of keys', '{"keys":{"length":1}}'],
  ['a string in place of the keys', '{"keys":"x"}'],
  ['nothing', '{}'],
  ['null', 'null'],
  ['no JSON', '<html>'],
] as const)
  test(`client keys: a set with ${what} is refused and logged`, async () => {
    const { keysOf, warned } = clientKeys(() => body)
    assert.equal(await keysOf('odd'), undefined)
    assert.deepEqual(warned, [['client_keys_not_fetched', 'odd']])
  })

test('client keys: invalid public keys are skipped, and the other keys of the set are used', async () => {
  const odd = [null, 'text', 7, true, [one], { ...one, d: 'x' }, { kty: 'oct', k: 'x' }]
  const { keysOf, warned } = clientKeys(() => JSON.stringify({ keys: [...odd, one] }))
  assert.deepEqual(await keysOf('mixed'), [one])
  assert.deepEqual(warned, [])
})

test('client keys: five hundred sets are cached, and the oldest is evicted', async () => {
  const { keysOf, asked } = clientKeys(() => JSON.stringify({ keys: [one] }))
  for (const index of times(500, index => index)) await keysOf(`c${index}`)
  await keysOf('c0')
  assert.equal(asked.length, 500)
  await keysOf('c500')
  await keysOf('c1')
  await keysOf('c500')
  assert.equal(asked.length, 501)
  await keysOf('c0')
  assert.equal(asked.length, 502)
})

test('client keys: a set that was fetched again is no longer the oldest', async () => {
  const { keysOf, asked, advance } = clientKeys(() => JSON.stringify({ keys: [one] }))
  for (const index of times(500, index => index)) await keysOf(`c${index}`)
  advance(1200)
  await keysOf('c0')
  await keysOf('c500')
  assert.equal(asked.length, 502)
  await keysOf('c0')
  assert.equal(asked.length, 502)
})

test('client keys: untrusted clients evict only the sets of one another', async () => {
  const { keysOf, asked } = clientKeys(() => JSON.stringify({ keys: [one] }))
  await keysOf('known')
  await keysOf('vouched', { trusted: true, version: 1 })
  for (const index of times(501, index => index)) await keysOf(`c${index}`, { trusted: false, version: 1 })
  await keysOf('known')
  await keysOf('vouched', { trusted: true, version: 1 })
  assert.equal(asked.length, 503)
  await keysOf('c0', { trusted: false, version: 1 })
  assert.equal(asked.length, 504)
})

test('client keys: a host without keys is asked rarely for untrusted clients, however many there are', async () => {
  const { keysOf, asked, advance } = clientKeys(url =>
    url.includes('good') ? JSON.stringify({ keys: [one] }) : '{}',
  )
  const untrusted = { trusted: false, version: 1 } as const
  await keysOf('victim.example/good', untrusted)
  // More than are cached, so that none of them has a pause of its own.
  for (const round of times(2, round => round))
    for (const index of times(501, index => index))
      assert.equal(await keysOf(`victim.example/${round}/${index}`, untrusted), undefined)
  assert.equal(asked.length, 6)
  assert.deepEqual(await keysOf('victim.example/good', untrusted), [one])
  assert.equal(await keysOf('victim.example/other'), undefined)
  assert.equal(asked.length, 7)
  advance(1)
  assert.equal(await keysOf('victim.example/last', untrusted), undefined)
  assert.equal(asked.length, 8)
})

const registered = (index: number, version = 1) =>
  ({ client_id: String(index).padStart(22, '0'), version }) as unknown as RegisteredClient

function clients() {
  const read: string[] = []
  const asked: string[] = []
  const rows = new Map<string, RegisteredClient>()
  const found = createClients({
    configured: { all: () => [], find: () => undefined },
    stored: { find: () => undefined, hasOrigin: () => false, needs: () => [] },
    registeredClients: {
      find: (id: string) => {
        asked.push(id)
        return rows.get(id)
      },
      hasOrigin: () => false,
      prolong: async () => {},
    } as never,
    read: row => {
      read.push(row.client_id)
      return { client_id: row.client_id } as Client
    },
    registration: { unusedClientLifetime: 0 },
    sealedClients: { find: () => undefined, isAllowedOrigin: () => false },
    blockedRedirects: () => [],
    isDisabled: () => false,
    clock: { now: () => 1_790_000_000 },
    log: silentLog,
  })
  const find = (index: number, version?: number) => {
    const row = registered(index, version)
    rows.set(row.client_id, row)
    return (found.find(row.client_id) as Client | undefined)?.client_id
  }
  return { read, asked, find, findById: found.find }
}

test('registered clients: a thousand are cached, and the oldest is evicted', () => {
  const { read, find } = clients()
  for (const index of times(1000, index => index)) assert.ok(find(index))
  find(0)
  assert.equal(read.length, 1000)
  find(1000)
  find(1)
  find(1000)
  assert.equal(read.length, 1001)
  find(0)
  assert.equal(read.length, 1002)
})

test('registered clients: a changed client is read again', () => {
  const { read, find } = clients()
  find(1)
  find(1)
  find(1, 2)
  find(1, 2)
  assert.equal(read.length, 2)
})

test('registered clients: the store is not queried for ids that this server does not create', () => {
  const { asked, findById } = clients()
  for (const id of ['', 'web', 'x'.repeat(21), 'x'.repeat(23), `${'x'.repeat(21)}!`])
    assert.equal(findById(id), undefined)
  assert.deepEqual(asked, [])
})
