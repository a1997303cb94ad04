/** The key ring on every store: which keys it creates, publishes, shares and refuses. */

import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { calculateJwkThumbprint } from 'jose'
import { importedKey } from '../../packages/server/src/keys/imported-key.ts'
import { readKeyFile } from '../../packages/server/src/keys/key-file.ts'
import type { ManagedKeyRing } from '../../packages/server/src/keys/key-ring.ts'
import type { SigningAlgorithm } from '../../packages/server/src/model/client.ts'
import { createChanges } from '../../packages/server/src/operations/changes.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createRandom } from '../../packages/server/src/runtime/random.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { signJwt, verifyJwt } from '../../packages/server/src/tokens/jwt.ts'
import { type Opened, storages } from '../contracts/stores/storage.ts'
import { until } from '../support/until.ts'
import { createClock, day, masterKey, openRing, publishedBy, type RingOptions } from './keys.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const oldKey = (options: { use: 'sign' | 'verify'; until?: number }) =>
  importedKey({ key: privateKey, kid: 'old' }, { signs: ['ES256'], ...options })

const all: readonly SigningAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA']

for (const storage of storages)
  describe(`keys, ${storage.name}`, () => {
    let opened: Opened
    let rings: ManagedKeyRing[]
    beforeEach(async () => {
      opened = await storage.open()
      rings = []
    })
    afterEach(() => {
      for (const ring of rings) ring.stop()
      return opened.end()
    })
    const open = async (options: Partial<RingOptions> = {}) => {
      const ring = await openRing({ keys: opened.stores.keys, ...options })
      rings.push(ring)
      return ring
    }
    /** Checks the store only when told to: some stores notify their rings of a change, at some later moment. */
    const openUnnotified = (options: Partial<RingOptions> = {}) =>
      open({ keys: { ...opened.stores.keys, watch: undefined }, ...options })

    test('keys: a key that one process adds is published by another after its next check', async t => {
      t.mock.timers.enable({ apis: ['setInterval'] })
      const { settings } = opened.stores
      const ports = { settings, random: createRandom(), log: silentLog }
      // Each process has its own.
      const [here, there] = [createChanges(ports), createChanges(ports)]
      const one = await open({ changes: here })
      const other = await open({ changes: there })
      await one.rotate({ now: true })
      assert.equal(publishedBy(one).length, 2)
      // A store may notify earlier.
      t.mock.timers.tick(1000)
      await until('the other process publishes the key', () => publishedBy(other).length === 2)
      assert.deepEqual(publishedBy(other), publishedBy(one))
      // Published, not used yet.
      assert.equal(other.signing('ES256').kid, publishedBy(one)[0])
    })

    test('keys: an ML-DSA key is sealed, published with the members of AKP, and found by other processes and after a rotation [RFC 9964]', async () => {
      const algorithms = ['ES256', 'ML-DSA-44'] as const
      const ring = await open({ algorithms })
      const other = await open({ algorithms })
      const token = await signJwt(ring.signing('ML-DSA-44'), 'JWT', { sub: 'x' })
      assert.equal(verifyJwt(other, token, { typ: 'JWT' })?.claims.sub, 'x')
      const jwk = JSON.parse(ring.jwks().body).keys.find(({ kty }: { kty: string }) => kty === 'AKP')
      assert.deepEqual(Object.keys(jwk).sort(), ['alg', 'kid', 'kty', 'pub', 'use'])
      assert.equal(jwk.kid, await calculateJwkThumbprint(jwk))
      const [stored] = (await opened.stores.keys.all()).filter(({ alg }) => alg === 'ML-DSA-44')
      assert.equal(stored?.kid, jwk.kid)
      assert.ok(
        !Buffer.from(stored?.sealed ?? [])
          .toString('latin1')
          .includes('priv'),
      )
      await ring.rotate({ now: true })
      await other.refresh()
      const successors = other.list().filter(({ alg }) => alg === 'ML-DSA-44')
      assert.deepEqual(
        successors.map(({ state }) => state),
        ['signing', 'announced'],
      )
    })

    test('keys: a process whose runtime lacks ML-DSA publishes the keys that another made, says so once, and neither signs nor verifies with them', async () => {
      const ring = await open({ algorithms: ['ES256', 'ML-DSA-44'] })
      const token = await signJwt(ring.signing('ML-DSA-44'), 'JWT', { sub: 'x' })
      const warned: unknown[] = []
      const log = { ...silentLog, warn: (...line: unknown[]) => void warned.push(line) }
      const old = await open({ algorithms: ['ES256'], has: alg => !alg.startsWith('ML-DSA'), log })
      await old.refresh()
      const { kid } = ring.signing('ML-DSA-44')
      assert.deepEqual(warned, [['key_unusable', { kid, alg: 'ML-DSA-44' }]])
      assert.equal(old.jwks().body, ring.jwks().body)
      assert.equal(verifyJwt(old, token, { typ: 'JWT' }), undefined)
      assert.equal(old.published(kid), undefined)
      assert.throws(() => old.signing('ML-DSA-44'), /no signing key for ML-DSA-44/)
      assert.equal(old.list().find(key => key.kid === kid)?.state, 'signing')
      // It must not replace what it can't use.
      await old.rotate({ now: true })
      assert.equal((await opened.stores.keys.all()).filter(({ alg }) => alg === 'ML-DSA-44').length, 1)
      const usual = await signJwt(old.signing('ES256'), 'JWT', { sub: 'y' })
      assert.equal(verifyJwt(ring, usual, { typ: 'JWT' })?.claims.sub, 'y')
    })

    test('keys: an ML-DSA key of another server is imported to sign or to verify', async () => {
      const { privateKey, publicKey } = generateKeyPairSync('ml-dsa-65')
      const found = (
        await readKeyFile(
          Buffer.from(JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: 'old' })),
          async () => '',
        )
      )[0]
      assert.ok(found)
      const signs = ['ES256', 'ML-DSA-65'] as const
      const ring = await open({ algorithms: signs })
      await ring.importKeys([
        importedKey(found, { use: 'sign', signs }),
        importedKey({ key: publicKey, kid: 'public' }, { use: 'verify', signs }),
      ])
      assert.deepEqual(
        ring
          .list()
          .filter(({ kid }) => kid.length < 7)
          .map(({ kid, alg, state }) => [kid, alg, state]),
        [
          ['old', 'ML-DSA-65', 'announced'],
          ['public', 'ML-DSA-65', 'verification'],
        ],
      )
      const published = JSON.parse(ring.jwks().body).keys.filter(({ kid }: { kid: string }) => kid.length < 7)
      for (const jwk of published)
        assert.deepEqual(Object.keys(jwk).sort(), ['alg', 'kid', 'kty', 'pub', 'use'])
      assert.throws(
        () => importedKey({ ...found, alg: 'ML-DSA-44' }, { use: 'sign', signs }),
        /the algorithm of this key can't be ML-DSA-44; expected ML-DSA-65/,
      )
    })

    test('keys: the first start creates a key for each algorithm, which signs immediately', async () => {
      const ring = await open({ algorithms: all })
      assert.deepEqual(ring.algorithms(), all)
      for (const alg of all) {
        const { kid } = ring.signing(alg)
        assert.equal(ring.signing(alg).alg, alg)
        assert.equal(ring.verification(kid)?.alg, alg)
      }
      assert.deepEqual(
        ring.list().map(({ state }) => state),
        ['signing', 'signing', 'signing', 'signing'],
      )
      assert.equal(ring.verification('nobody'), undefined)
    })

    test('keys: the JWK Set contains alg, kid (its thumbprint), use and public members, and nothing else [RFC 7517 §5] [discovery-008] [discovery-009] [discovery-010]', async () => {
      const ring = await open({ algorithms: all })
      const { keys } = JSON.parse(ring.jwks().body)
      const members: Record<string, string[]> = {
        RSA: ['n', 'e'],
        EC: ['crv', 'x', 'y'],
        OKP: ['crv', 'x'],
      }
      assert.deepEqual(keys.map(({ alg }: { alg: string }) => alg).sort(), [...all].sort())
      for (const jwk of keys) {
        assert.deepEqual(Object.keys(jwk).sort(), ['alg', 'kid', 'kty', 'use', ...members[jwk.kty]!].sort())
        assert.equal(jwk.use, 'sig')
        assert.equal(jwk.kid, await calculateJwkThumbprint(jwk))
        assert.ok(createPublicKey({ key: jwk, format: 'jwk' }).equals(ring.verification(jwk.kid)!.publicKey))
        if (jwk.kty === 'RSA') assert.equal(Buffer.from(jwk.n, 'base64url').length, 256)
      }
    })

    test('keys: a later start loads the same keys', async () => {
      const before = await open({ algorithms: ['ES256', 'EdDSA'] })
      const after = await open({ algorithms: ['ES256', 'EdDSA'] })
      assert.equal(after.jwks().body, before.jwks().body)
      assert.equal(after.signing('ES256').kid, before.signing('ES256').kid)
    })

    test('keys: four concurrent starts on one store end with the same keys', async () => {
      const algorithms = ['ES256', 'EdDSA'] as const
      const started = await Promise.all([1, 2, 3, 4].map(() => open({ algorithms })))
      const bodies = new Set(started.map(ring => ring.jwks().body))
      assert.equal(bodies.size, 1)
      assert.equal((await opened.stores.keys.all()).length, 2)
    })

    test('keys: a wrong master key causes an error, and a sealed value under another name is left out', async () => {
      const damaged: unknown[] = []
      const error = (event: string, { kid }: { kid?: unknown } = {}): void => void damaged.push([event, kid])
      const ring = await open({ log: { ...silentLog, error } })
      const { kid } = ring.signing('ES256')
      await assert.rejects(open({ master: masterKey(2) }), new RegExp(`ES256 ${kid} can't be opened`))
      const [stored] = await opened.stores.keys.all()
      await opened.stores.keys.add({ ...stored!, kid: 'renamed' }, kid)
      await ring.refresh()
      assert.deepEqual(damaged[0], ['key_damaged', 'renamed'])
      assert.equal(ring.signing('ES256').kid, kid)
      assert.deepEqual(
        ring.list().map(key => key.kid),
        [kid],
      )
      assert.equal(ring.jwks().body.includes('renamed'), false)
      assert.equal((await ring.rotate({ now: true })).length, 2)
      assert.equal((await ring.remove('renamed', { force: false })).ok, true)
    })

    test('keys: stored keys never contain a plaintext private member', async () => {
      const ring = await open({ algorithms: all })
      for (const { sealed, alg } of await opened.stores.keys.all()) {
        const text = Buffer.from(sealed).toString('latin1')
        const { privateKey } = ring.signing(alg as SigningAlgorithm)
        assert.ok(!text.includes(String(privateKey.export({ format: 'jwk' }).d)))
        assert.doesNotMatch(text, /"(d|p|q|dp|dq|qi|kty)"/)
      }
    })

    test('keys: a sealed value that is truncated, changed or of an unknown version can’t be opened', async () => {
      // Otherwise it would create a new key as soon as it is notified that its own was removed.
      ;(await openUnnotified()).stop()
      const [stored] = await opened.stores.keys.all()
      const { kid, sealed } = stored!
      const bent = [
        [Buffer.from(sealed).subarray(0, 20), /truncated/],
        [Buffer.from(sealed).subarray(0, -1), /changed/],
        [Buffer.from(sealed).fill(9, 0, 1), /the root key 9 is not known here/],
        [Buffer.from(sealed.map((byte, index) => (index === 40 ? byte ^ 1 : byte))), /changed/],
      ] as const
      for (const [bytes, why] of bent) {
        await opened.stores.keys.remove(kid)
        await opened.stores.keys.add({ ...stored!, sealed: bytes }, undefined)
        await assert.rejects(openUnnotified(), why)
      }
    })

    test('keys: a planned rotation is published immediately, signs 14 days later, and is seen by a node that refreshes', async () => {
      const clock = createClock()
      const [ring, node] = [await openUnnotified({ clock }), await openUnnotified({ clock })]
      const first = ring.signing('ES256').kid
      const listed = await ring.rotate({ now: false })
      const second = listed.at(-1)!
      assert.deepEqual([second.state, second.active_from], ['announced', clock.now() + 14 * day])
      assert.deepEqual(publishedBy(node), [first])
      await node.refresh()
      assert.deepEqual(publishedBy(node), [first, second.kid])
      clock.advance(14 * day - 1)
      assert.deepEqual([ring.signing('ES256').kid, node.signing('ES256').kid], [first, first])
      clock.advance(1)
      assert.deepEqual([ring.signing('ES256').kid, node.signing('ES256').kid], [second.kid, second.kid])
      assert.deepEqual(
        node.list().map(({ state }) => state),
        ['retained', 'signing'],
      )
      clock.advance(14 * day)
      await node.refresh()
      assert.equal(node.verification(first), undefined)
      assert.deepEqual(publishedBy(node), [second.kid])
    })

    test('keys: an urgent rotation signs after two minutes, before and instead of an announced key, and can be repeated', async () => {
      const clock = createClock()
      const ring = await open({ clock })
      const announced = (await ring.rotate({ now: false })).at(-1)!
      for (const count of [2, 3]) {
        const urgent = (await ring.rotate({ now: true })).at(-1)!
        assert.equal(ring.list().length, count)
        assert.notEqual(ring.signing('ES256').kid, urgent.kid)
        clock.advance(120)
        assert.equal(ring.signing('ES256').kid, urgent.kid)
      }
      const urgent = ring.signing('ES256').kid
      assert.deepEqual(
        ring.list().map(({ state }) => state),
        ['retained', 'retained', 'signing'],
      )
      // It never signed, so nothing needs it.
      assert.ok(!publishedBy(ring).includes(announced.kid))
      clock.advance(20 * day)
      assert.equal(ring.signing('ES256').kid, urgent)
    })

    test('keys: no JWK Set that may still be cached lacks a signing key, urgent or not', async () => {
      for (const now of [true, false]) {
        const clock = createClock()
        const [ring, node] = [await open({ clock }), await open({ clock })]
        await ring.rotate({ now })
        // The last moment before the other node checks the store again.
        clock.advance(59)
        const kept = node.jwks()
        clock.advance(kept.maxAge)
        assert.ok(kept.body.includes(ring.signing('ES256').kid))
      }
    })

    test('keys: no JWK Set is cached past the announcement of the next key', async () => {
      const policy = { rotate: day, announce: 30, retain: day }
      assert.equal((await open({ policy })).jwks().maxAge, 30)
      assert.equal((await open()).jwks().maxAge, 60)
    })

    test('keys: a key removed from the store verifies nothing after the next check', async () => {
      const clock = createClock()
      const ring = await open({ clock })
      const leaked = ring.signing('ES256').kid
      await ring.rotate({ now: true })
      clock.advance(120)
      await opened.stores.keys.remove(leaked)
      await ring.refresh()
      assert.equal(ring.verification(leaked), undefined)
      assert.ok(!ring.jwks().body.includes(leaked))
      assert.equal(publishedBy(ring).length, 1)
    })

    test('keys: an imported public key is published until its time and signs nothing; its kid is used once', async () => {
      const clock = createClock()
      const ring = await open({ clock })
      const own = ring.signing('ES256').kid
      const until = clock.now() + 100
      const key = oldKey({ use: 'verify', until })
      const [added] = await ring.importKeys([key])
      assert.deepEqual([added?.state, added?.until], ['verification', until])
      assert.deepEqual(publishedBy(ring), [own, 'old'])
      assert.ok(ring.published('old'))
      assert.equal(ring.verification('old'), undefined)
      await assert.rejects(ring.importKeys([key]), /already a key with the kid "old"/)
      const late = { ...key, kid: 'late', jwk: { ...key.jwk, exp: clock.now() } }
      await assert.rejects(ring.importKeys([{ ...key, kid: 'new' }, late]), /expected a later time/)
      // Rotation goes on as if it were not there.
      assert.equal(ring.signing('ES256').kid, own)
      const next = (await ring.rotate({ now: true })).at(-1)!.kid
      clock.advance(99)
      assert.deepEqual(publishedBy(ring), [own, 'old', next])
      clock.advance(1)
      assert.deepEqual([publishedBy(ring), ring.published('old')], [[own, next], undefined])
      await ring.refresh()
      assert.deepEqual(
        (await opened.stores.keys.all()).map(({ kid }) => kid),
        [own, next],
      )
    })

    test('keys: a kid that was removed and imported again is that of the other key, at nodes that knew the first too', async () => {
      const [ring, node] = [await open(), await openUnnotified()]
      await ring.importKeys([oldKey({ use: 'verify' })])
      await node.refresh()
      assert.equal((await ring.remove('old', { force: false })).ok, true)
      const { publicKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      await ring.importKeys([importedKey({ key, kid: 'old' }, { signs: ['ES256'], use: 'verify' })])
      await node.refresh()
      for (const { published } of [ring, node]) assert.ok(published('old')?.publicKey.equals(key))
    })

    test('keys: of two commands that import the same kid at once, one is refused because of the other', async () => {
      const nodes = [await openUnnotified(), await openUnnotified()]
      const key = oldKey({ use: 'verify' })
      const ended = await Promise.allSettled(nodes.map(node => node.importKeys([key])))
      const refused = ended.flatMap(one => (one.status === 'rejected' ? String(one.reason) : []))
      assert.equal(refused.length, 1)
      assert.match(refused[0]!, /already a key with the kid "old"/)
    })

    test('keys: an imported private key signs after two minutes, for every node, and rotates like any other', async () => {
      const clock = createClock()
      const [ring, node] = [await open({ clock }), await openUnnotified({ clock })]
      const own = ring.signing('ES256').kid
      const [added] = await ring.importKeys([oldKey({ use: 'sign' })])
      assert.deepEqual([added?.state, ring.signing('ES256').kid], ['announced', own])
      await node.refresh()
      clock.advance(120)
      assert.deepEqual([ring.signing('ES256').kid, node.signing('ES256').kid], ['old', 'old'])
      assert.equal(node.verification('old')?.signs_since, clock.now())
      clock.advance(91 * day)
      await node.refresh()
      clock.advance(14 * day)
      assert.notEqual(node.signing('ES256').kid, 'old')
    })

    test('keys: a key that signs or will sign is only removed by force, which replaces it first', async () => {
      const clock = createClock()
      const ring = await open({ clock })
      const first = ring.signing('ES256').kid
      const announced = (await ring.rotate({ now: false })).at(-1)!.kid
      const remove = (kid: string, force = false) => ring.remove(kid, { force })
      assert.deepEqual(await remove('nobody', true), { ok: false, problem: 'unknown' })
      assert.deepEqual(await remove(first), { ok: false, problem: 'signing' })
      assert.deepEqual(await remove(announced), { ok: false, problem: 'announced' })
      assert.deepEqual(publishedBy(ring), [first, announced])

      clock.advance(10)
      assert.equal((await remove(announced, true)).ok, true)
      assert.deepEqual([publishedBy(ring)[0], ring.list().at(-1)?.state], [first, 'announced'])
      const removed = await remove(first, true)
      assert.equal(removed.ok && removed.signed_until, clock.now())
      // The announced key would have signed later than the new one.
      assert.deepEqual(publishedBy(ring), [ring.signing('ES256').kid])
      assert.notEqual(ring.signing('ES256').kid, first)
    })

    test('keys: every key that is added or removed is logged with its kid', async () => {
      const logged: [event: string, kid: unknown][] = []
      const info = (event: string, { kid }: Readonly<Record<string, unknown>> = {}) =>
        void logged.push([event, kid])
      const clock = createClock()
      const ring = await open({ clock, log: { ...silentLog, info } })
      const [first] = publishedBy(ring)
      await ring.rotate({ now: true })
      const [second] = publishedBy(ring).filter(kid => kid !== first)
      assert.deepEqual(logged, [
        ['key_added', first],
        ['key_added', second],
      ])
      clock.advance(60 * day)
      await ring.refresh()
      assert.deepEqual(publishedBy(ring), [second])
      assert.deepEqual(logged.slice(2), [['key_removed', first]])
    })

    test('keys: nodes that rotate concurrently each add a key, and all agree on the last', async () => {
      const clock = createClock()
      const nodes = [await open({ clock }), await open({ clock }), await open({ clock })]
      await Promise.all(nodes.map(node => node.rotate({ now: true })))
      clock.advance(120)
      await Promise.all(nodes.map(node => node.refresh()))
      assert.equal(publishedBy(nodes[0]!).length, 4)
      assert.equal(new Set(nodes.map(node => node.signing('ES256').kid)).size, 1)
    })

    test('keys: a node whose clock is behind rotates once, not with every check of the store', async () => {
      const clock = createClock()
      const ring = await open({ clock })
      await ring.rotate({ now: true })
      const node = await open({ clock: createClock(clock.now() - 3600) })
      const before = publishedBy(ring)
      await node.rotate({ now: true })
      await node.refresh()
      await ring.refresh()
      // Last in the order of the store: sorted by its own clock it would be the oldest, and never sign.
      assert.deepEqual(publishedBy(ring).slice(0, -1), before)
      assert.equal(publishedBy(ring).length, 3)
    })
  })

test('keys: a key of an algorithm that is not configured signs nothing', async () => {
  const ring = await openRing({ keys: createMemoryStores().keys })
  ring.stop()
  assert.throws(() => ring.signing('RS256'), /there is no signing key for RS256/)
})

test('keys: while the store is unreachable the ring continues with its keys', async () => {
  const { keys } = createMemoryStores()
  let away = false
  const ring = await openRing({
    keys: {
      ...keys,
      all: () => {
        if (away) throw new Error('the store is away')
        return keys.all()
      },
    },
  })
  ring.stop()
  const { kid } = ring.signing('ES256')
  away = true
  await assert.rejects(ring.refresh(), /away/)
  assert.equal(ring.signing('ES256').kid, kid)
  assert.deepEqual(publishedBy(ring), [kid])
  away = false
  await ring.refresh()
  assert.deepEqual(publishedBy(ring), [kid])
})

test('keys: other processes are notified of each added or removed key, once, and of nothing else', async () => {
  const clock = createClock()
  let told = 0
  const changes = { announce: async () => void told++, watch: () => () => {} }
  const ring = await openRing({ keys: createMemoryStores().keys, clock, changes })
  try {
    const steps: string[] = []
    for (let days = 0; days < 200; days++) {
      const before = publishedBy(ring)
      told = 0
      clock.advance(day)
      await ring.refresh()
      const after = publishedBy(ring)
      const changed =
        before.filter(kid => !after.includes(kid)).length + after.filter(kid => !before.includes(kid)).length
      assert.equal(told, changed, `${before.length} keys, then ${after.length}`)
      if (changed > 0) steps.push(after.length > before.length ? 'added' : 'removed')
    }
    assert.deepEqual(steps.slice(0, 2), ['added', 'removed'])
  } finally {
    ring.stop()
  }
})
