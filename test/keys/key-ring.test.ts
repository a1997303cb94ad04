import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SigningAlgorithm } from '../../packages/server/src/core/client.ts'
import type { Log } from '../../packages/server/src/core/runtime.ts'
import { createKeyRing } from '../../packages/server/src/keys/key-ring.ts'
import { checkMasterKey, createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { createMemoryStores } from '../../packages/server/src/stores/memory/stores.ts'

const day = 86_400
const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
const derived = createDerivedKeys(Buffer.alloc(32, 1))
const algorithms: readonly SigningAlgorithm[] = ['ES256', 'EdDSA']

function world(stores = createMemoryStores()) {
  let now = 1_790_000_000
  const clock = { now: () => now }
  const open = (keys = derived) => createKeyRing({ keys: stores.keys, derived: keys, clock, log, algorithms })
  return { stores, open, advance: (seconds: number) => (now += seconds), now: clock.now }
}

const kidsOf = (ring: { jwks: () => { body: string } }): string[] =>
  JSON.parse(ring.jwks().body)
    .keys.map(({ kid }: { kid: string }) => kid)
    .sort()

test('keys: two processes that start at once on one store have the same keys', async () => {
  const { open } = world()
  const rings = await Promise.all([open(), open(), open()])
  await Promise.all(rings.map(ring => ring.refresh()))
  for (const ring of rings) {
    assert.equal(kidsOf(ring).length, algorithms.length)
    assert.deepEqual(kidsOf(ring), kidsOf(rings[0]!))
    for (const alg of algorithms) assert.equal(ring.signing(alg).kid, rings[0]!.signing(alg).kid)
    ring.stop()
  }
})

test('keys: a restart uses the same keys', async () => {
  const { open } = world()
  const first = await open()
  const second = await open()
  assert.equal(second.signing('ES256').kid, first.signing('ES256').kid)
  first.stop()
  second.stop()
})

test('keys: what is published is public: kty, kid, alg, use and the public members', async () => {
  const { open } = world()
  const ring = await open()
  for (const key of JSON.parse(ring.jwks().body).keys) {
    assert.equal(key.use, 'sig')
    assert.ok(algorithms.includes(key.alg))
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) assert.equal(key[secret], undefined)
  }
  ring.stop()
})

test('keys: at rest a private key is sealed, and another master key does not open it', async () => {
  const { stores, open } = world()
  const ring = await open()
  ring.stop()
  const jwk = ring.signing('ES256').privateKey.export({ format: 'jwk' })
  for (const { sealed } of await stores.keys.all()) {
    assert.ok(!Buffer.from(sealed).toString('latin1').includes(String(jwk.d)))
  }
  await assert.rejects(open(createDerivedKeys(Buffer.alloc(32, 2))))
})

test('keys: a sealed key that was moved or changed does not open', async () => {
  const { stores, open } = world()
  const ring = await open()
  ring.stop()
  const [first, second] = await stores.keys.all()
  const swapped = [{ ...first!, sealed: second!.sealed }]
  const keys = { ...stores.keys, all: () => swapped }
  await assert.rejects(createKeyRing({ keys, derived, clock: { now: () => 0 }, log, algorithms: [] }))
})

test('master key: a store remembers its own and refuses another', async () => {
  const { settings } = createMemoryStores()
  await checkMasterKey({ settings, derived })
  await checkMasterKey({ settings, derived: createDerivedKeys(Buffer.alloc(32, 1)) })
  await assert.rejects(
    checkMasterKey({ settings, derived: createDerivedKeys(Buffer.alloc(32, 2)) }),
    /does not fit this store/,
  )
})

test('keys rotate: announced as the policy says, used when its time has come, also by a ring that was open before', async () => {
  const { open, advance } = world()
  const [operator, server] = [await open(), await open()]
  const before = server.signing('ES256').kid
  await operator.rotate({ now: false })
  await server.refresh()
  assert.equal(kidsOf(server).length, 2 * algorithms.length)
  assert.equal(server.signing('ES256').kid, before)
  advance(14 * day - 1)
  assert.equal(server.signing('ES256').kid, before)
  advance(1)
  assert.notEqual(server.signing('ES256').kid, before)
  assert.ok(server.verification(before))
  operator.stop()
  server.stop()
})

test('keys rotate --now: every node publishes before anyone signs', async () => {
  const { open, advance } = world()
  const [operator, server] = [await open(), await open()]
  const before = server.signing('ES256').kid
  const listed = await operator.rotate({ now: true })
  assert.deepEqual(listed.map(({ state }) => state).sort(), ['announced', 'announced', 'signing', 'signing'])
  assert.equal(operator.signing('ES256').kid, before)
  advance(60)
  await server.refresh()
  assert.equal(server.signing('ES256').kid, before)
  advance(60)
  assert.notEqual(server.signing('ES256').kid, before)
  assert.equal(server.signing('ES256').kid, operator.signing('ES256').kid)
  operator.stop()
  server.stop()
})
