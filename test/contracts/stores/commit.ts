/** Guarantees of the single write of a token request. */

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import type { Commit, Stores, Use, UsedAssertion } from '../../../packages/server/src/model/ports/stores.ts'
import {
  approvedDevice,
  day,
  enablePrincipals,
  foundedFamily,
  issuedCode,
  minute,
  newHash,
  now,
  sampleAuthorization,
  sampleCommit,
  sampleDevice,
  sampleFamily,
  sampleReferenceToken,
  tally,
  unknownAuthorization,
  unknownFamily,
} from './samples.ts'
import { sampleMessage } from './webhook-messages.ts'

export function testCommit(stores: () => Stores): void {
  beforeEach(() => enablePrincipals(stores()))
  const commit = (fields: Partial<Commit>) => stores().commit(sampleCommit(fields))

  test('commit: everything issued is stored together', async () => {
    const authorization = sampleAuthorization()
    const family = sampleFamily(authorization)
    const referenceToken = sampleReferenceToken({ authorization_id: authorization.id })
    assert.equal(await commit({ issue: { authorization, family, referenceToken } }), 'committed')
    assert.deepEqual(await stores().families.find(family.id), { family, authorization })
    assert.deepEqual(await stores().referenceTokens.find(referenceToken.hash), referenceToken)
  })

  test('commit: an unknown or disabled client is refused', async () => {
    assert.equal(await commit({}), 'committed')
    assert.equal(await commit({ client_id: 'unknown' }), 'revoked')
    await stores().principals.sync({ clients: [{ id: 'web', enabled: false }], users: [] })
    assert.equal(await commit({}), 'revoked')
    await stores().principals.sync({ clients: [], users: [] })
    assert.equal(await commit({}), 'revoked')
    await enablePrincipals(stores())
    assert.equal(await commit({}), 'committed')
  })

  test('commit: a user who was never configured is accepted, a disabled one is refused', async () => {
    assert.equal(await commit({ sub: 'external' }), 'committed')
    const clients = [{ id: 'web', enabled: true }]
    await stores().principals.sync({ clients, users: [{ id: 'alice', enabled: false }] })
    assert.equal(await commit({}), 'revoked')
    await enablePrincipals(stores())
    await stores().principals.sync({ clients, users: [] })
    assert.equal(await commit({}), 'revoked')
  })

  test('principals: a client or user that is no longer named, or is disabled, is reported as disabled until enabled again', async () => {
    const rows = (...ids: readonly string[]) => ids.map(id => ({ id, enabled: true }))
    const sync = (clients: readonly string[], users: readonly string[]) =>
      stores().principals.sync({ clients: rows(...clients), users: rows(...users) })
    const fallen = async () => {
      const { clients, users } = await stores().principals.disabled()
      return [
        ...['web', 'app'].filter(id => clients.has(id)),
        ...['alice', 'eve'].filter(id => users.has(id)),
      ]
    }
    await sync(['web', 'app'], ['alice', 'eve'])
    assert.deepEqual(await fallen(), [])
    assert.equal(await sync(['app', 'web'], ['alice', 'eve']), false)
    assert.equal(await sync(['web'], ['alice', 'eve']), true)
    assert.deepEqual(await fallen(), ['app'])
    assert.equal(await sync(['web'], ['alice']), true)
    assert.deepEqual(await fallen(), ['app', 'eve'])
    const off = { clients: [{ id: 'web', enabled: false }], users: rows('alice') }
    assert.equal(await stores().principals.sync(off), true)
    assert.deepEqual(await fallen(), ['web', 'app', 'eve'])
    await enablePrincipals(stores())
    assert.deepEqual(await fallen(), ['app', 'eve'])
  })

  test('principals: the time at which a client was revoked survives later configurations, and only grows', async () => {
    const { principals } = stores()
    const revokedAt = async (id: string) => (await principals.disabled()).revokedClients.get(id)
    const far = now + 10 * 365 * day
    assert.equal(await revokedAt('web'), undefined)
    assert.equal(await principals.revokeClient('never known', far), false)
    assert.equal(await principals.revokeClient('web', far), true)
    assert.equal(await principals.revokeClient('web', far - 5), true)
    assert.equal(await revokedAt('web'), far)
    await principals.sync({ clients: [], users: [] })
    await enablePrincipals(stores())
    assert.equal(await revokedAt('web'), far)
    assert.deepEqual([...(await principals.disabled()).revokedClients.keys()], ['web'])
  })

  test('commit: a client whose id is a URL needs no row, unless a configuration disabled it', async () => {
    const { principals } = stores()
    const url = 'https://client.example/c'
    const outcome = (client_id = url) => commit({ client_id })
    assert.equal(await outcome(), 'committed')
    assert.equal(await outcome('http://client.example/c'), 'revoked')
    const revokedAt = async () => (await principals.disabled()).revokedClients.get(url)
    assert.equal(await principals.revokeClient(url, now), true)
    assert.equal(await principals.revokeClient(url, now + 5), true)
    assert.equal(await principals.revokeClient(url, now + 3), true)
    // Revocation ends what was issued, and the client may be used again.
    assert.equal(await outcome(), 'committed')
    await stores().cleanUp(now)
    await enablePrincipals(stores())
    assert.equal(await revokedAt(), now + 5)
    const users = [{ id: 'alice', enabled: true }]
    for (const enabled of [true, false]) {
      await principals.sync({ clients: [{ id: url, enabled }], users })
      assert.equal(await outcome(), enabled ? 'committed' : 'revoked')
    }
    await principals.sync({ clients: [], users })
    assert.equal(await outcome(), 'revoked')
  })

  test('commit: a client whose id is sealed needs no row, unless it is blocked or a configuration disabled it', async () => {
    const { principals } = stores()
    const id = 'sealed1.QUJD'
    const outcome = (client_id = id) => commit({ client_id })
    assert.equal(await outcome(), 'committed')
    for (const other of ['sealed1', 'sealed2.QUJD', 'Sealed1.QUJD', 'xsealed1.QUJD'])
      assert.equal(await outcome(other), 'revoked', other)
    assert.equal(await principals.revokeClient(id, now), true)
    assert.equal((await principals.disabled()).revokedClients.get(id), now)
    assert.equal(await outcome(), 'committed')
    const block = { kind: 'stored_client', id } as const
    assert.equal(await principals.block(block, false), false)
    assert.equal(await principals.block(block, true), true)
    assert.equal(await principals.block(block, true), false)
    assert.ok((await principals.disabled()).clients.has(id))
    assert.equal(await outcome(), 'revoked')
    await stores().cleanUp(now)
    await enablePrincipals(stores())
    assert.equal(await outcome(), 'revoked')
    assert.equal(await principals.block(block, false), true)
    assert.equal(await outcome(), 'committed')
    assert.equal((await principals.disabled()).clients.has(id), false)
    const users = [{ id: 'alice', enabled: true }]
    await principals.sync({ clients: [{ id, enabled: false }], users })
    assert.equal(await outcome(), 'revoked')
  })

  test('principals: blocked redirect hosts and sealed ids survive configurations and clean-up, until the block ends', async () => {
    const { principals } = stores()
    const blocked = async () => {
      const { blockedRedirects, sealedBlocked } = await principals.disabled()
      return [[...blockedRedirects].sort(), sealedBlocked]
    }
    assert.deepEqual(await blocked(), [[], false])
    const host = { kind: 'redirect_host', id: 'spam.example' } as const
    const scheme = { kind: 'redirect_host', id: 'myapp:' } as const
    const all = { kind: 'sealed_clients', id: '' } as const
    for (const block of [host, scheme, all]) assert.equal(await principals.block(block, true), true)
    for (const block of [host, scheme, all]) assert.equal(await principals.block(block, true), false)
    await stores().cleanUp(now)
    await enablePrincipals(stores())
    assert.deepEqual(await blocked(), [['myapp:', 'spam.example'], true])
    for (const block of [host, all]) assert.equal(await principals.block(block, false), true)
    assert.equal(await principals.block(host, false), false)
    assert.deepEqual(await blocked(), [['myapp:'], false])
    assert.equal(await principals.block(host, true), true)
    assert.deepEqual(await blocked(), [['myapp:', 'spam.example'], false])
  })

  test('principals: the events of a block are stored with it, and none if it changes nothing', async () => {
    const { principals, webhookMessages } = stores()
    const endpoint = newHash()
    for (const block of [
      { kind: 'redirect_host', id: `${endpoint}.example` },
      { kind: 'stored_client', id: `sealed1.${endpoint}` },
    ] as const) {
      const counts: number[] = []
      for (const isBlocked of [false, true, true, false, false]) {
        await principals.block(block, isBlocked, [sampleMessage({ endpoint })])
        counts.push(await webhookMessages.count(endpoint, 99))
      }
      const [before = 0] = counts
      assert.deepEqual(counts, [before, before + 1, before + 1, before + 2, before + 2])
    }
  })

  test('principals: a client that a configuration disabled is told from one that an operator blocked', async () => {
    const { principals } = stores()
    const users = [{ id: 'alice', enabled: true }]
    const [filed, blocked] = ['https://filed.example/client', 'https://blocked.example/client']
    await principals.sync({ clients: [{ id: filed, enabled: false }], users })
    await principals.block({ kind: 'stored_client', id: blocked }, true)
    const { clients, blockedClients } = await principals.disabled()
    assert.deepEqual([clients.has(filed), clients.has(blocked)], [true, true])
    assert.deepEqual([blockedClients.has(filed), blockedClients.has(blocked)], [false, true])
    await enablePrincipals(stores())
  })

  test('commit: an authorization that is missing, revoked or expired is refused', async () => {
    const { authorization } = await issuedCode(stores())
    const until = now + minute
    assert.equal(await commit({ authorization: { id: authorization.id, until } }), 'committed')
    const at = authorization.expires_at
    assert.equal(await commit({ at, authorization: { id: authorization.id, until } }), 'revoked')
    assert.equal(await commit({ authorization: { id: unknownAuthorization(), until } }), 'revoked')
    const { revoke } = stores().authorizations
    assert.deepEqual(
      tally(await Promise.all([revoke(authorization.id, now), revoke(authorization.id, now)])),
      {
        true: 1,
        false: 1,
      },
    )
    assert.equal(await revoke(unknownAuthorization(), now), false)
    assert.equal(await commit({ authorization: { id: authorization.id, until } }), 'revoked')
  })

  test("commit: an authorization's expiry is extended, never shortened", async () => {
    const { authorization } = await issuedCode(stores())
    const { id, expires_at } = authorization
    const end = async () => (await stores().authorizations.find(id))?.expires_at
    await commit({ authorization: { id, until: expires_at - minute } })
    assert.equal(await end(), expires_at)
    await commit({ authorization: { id, until: expires_at + minute } })
    assert.equal(await end(), expires_at + minute)
  })

  test('commit: a refused commit writes nothing', async () => {
    const { authorization, code } = await issuedCode(stores())
    const family = sampleFamily(authorization)
    const referenceToken = sampleReferenceToken()
    const redeem = {
      authorization: { id: authorization.id, until: authorization.expires_at + day },
      use: { kind: 'authorization_code', hash: code.hash },
      issue: { family, referenceToken },
    } as const
    const isUntouched = async () => {
      assert.equal(await stores().families.find(family.id), undefined)
      assert.equal(await stores().referenceTokens.find(referenceToken.hash), undefined)
      assert.deepEqual(await stores().authorizations.find(authorization.id), authorization)
    }
    assert.equal(await commit({ ...redeem, client_id: 'unknown' }), 'revoked')
    await isUntouched()
    assert.deepEqual((await stores().codes.find(code.hash))?.code, code)
    await stores().codes.burn(code.hash, now)
    assert.equal(await commit(redeem), 'already_used')
    await isUntouched()
  })

  test('commit: one that can’t store what it issues leaves the credential unused', async () => {
    const { family } = await foundedFamily(stores())
    const { code } = await issuedCode(stores())
    const use = { kind: 'authorization_code', hash: code.hash } as const
    const [wrong, neighbour] = await Promise.allSettled([commit({ use, issue: { family } }), commit({})])
    assert.equal(wrong.status, 'rejected')
    assert.deepEqual(neighbour, { status: 'fulfilled', value: 'committed' })
    assert.equal(await commit({ use }), 'committed')
  })

  test('commit: a code is redeemed once; the second time is reported, unless the authorization was revoked', async () => {
    const { authorization, code } = await issuedCode(stores())
    const redeem = {
      authorization: { id: authorization.id, until: now + minute },
      use: { kind: 'authorization_code', hash: code.hash },
    } as const
    assert.equal(await commit({ ...redeem, at: now + 3 }), 'committed')
    assert.equal((await stores().codes.find(code.hash))?.code.used_at, now + 3)
    assert.equal(await commit(redeem), 'already_used')
    await stores().authorizations.revoke(authorization.id, now)
    assert.equal(await commit(redeem), 'revoked')
  })

  test('commit: a burnt, unknown or expired code is refused', async () => {
    const { code: burnt } = await issuedCode(stores())
    await stores().codes.burn(burnt.hash, now)
    const redeem = (hash = newHash(), at = now) => commit({ at, use: { kind: 'authorization_code', hash } })
    assert.equal(await redeem(burnt.hash), 'already_used')
    assert.equal(await redeem(), 'already_used')
    const { code } = await issuedCode(stores())
    assert.equal(await redeem(code.hash, code.expires_at), 'revoked')
    assert.equal(await redeem(code.hash, code.expires_at - 1), 'committed')
  })

  test('commit: a device code is redeemed once, and only when it is approved', async () => {
    const { device } = await approvedDevice(stores())
    const redeem = (hash = newHash(), at = now) => commit({ at, use: { kind: 'device_code', hash } })
    assert.equal(await redeem(device.hash, device.expires_at), 'revoked')
    assert.equal(await redeem(device.hash), 'committed')
    assert.equal((await stores().devices.find(device.hash))?.device.used_at, now)
    assert.equal(await redeem(device.hash), 'already_used')
    assert.equal(await redeem(), 'already_used')
    const pending = sampleDevice()
    await stores().devices.issue(pending)
    assert.equal(await redeem(pending.hash), 'revoked')
  })

  test('commit: a rotation advances the generation by one; a stale one is refused', async () => {
    const { authorization, family } = await foundedFamily(stores())
    const idleExpiresAt = now + day - minute
    const use = { kind: 'refresh_rotation', family: family.id, generation: 1, idleExpiresAt } as const
    assert.equal(await commit({ at: now + 5, use }), 'committed')
    assert.deepEqual(await stores().families.find(family.id), {
      authorization,
      family: { ...family, generation: 2, rotated_at: now + 5, idle_expires_at: idleExpiresAt },
    })
    assert.equal(await commit({ use }), 'already_used')
    assert.equal(await commit({ use: { ...use, generation: 3 } }), 'already_used')
    assert.equal(await commit({ use: { ...use, generation: 2 } }), 'committed')
  })

  test('commit: a retry requires the next generation, unused, and issued within the window', async () => {
    const { family } = await foundedFamily(stores())
    const idleExpiresAt = now + day
    const rotation = { kind: 'refresh_rotation', family: family.id, generation: 1, idleExpiresAt } as const
    await commit({ at: now + 5, use: rotation })
    const rotated = await stores().families.find(family.id)
    const retry = (generation: number, since: number) =>
      commit({ at: now + 9, use: { kind: 'refresh_retry', family: family.id, generation, since } })
    assert.equal(await retry(2, now + 5), 'committed')
    assert.equal(await retry(2, now), 'committed')
    assert.equal(await retry(2, now + 6), 'already_used')
    assert.equal(await retry(1, now), 'already_used')
    assert.deepEqual(await stores().families.find(family.id), rotated)
    await commit({ at: now + 9, use: { ...rotation, generation: 2 } })
    assert.equal(await retry(2, now), 'already_used')
    assert.equal(await retry(3, now), 'committed')
  })

  test('commit: a reusable token keeps its generation and may be extended', async () => {
    const { authorization, family } = await foundedFamily(stores())
    const use = { kind: 'refresh_reuse', family: family.id, generation: 1, idleExpiresAt: now + day } as const
    assert.equal(await commit({ use }), 'committed')
    const idleExpiresAt = now + 2 * day
    assert.equal(await commit({ use: { ...use, idleExpiresAt } }), 'committed')
    assert.deepEqual(await stores().families.find(family.id), {
      authorization,
      family: { ...family, idle_expires_at: idleExpiresAt },
    })
    assert.equal(await commit({ use: { ...use, generation: 2 } }), 'already_used')
  })

  test('commit: an unknown family, or one that is idle for too long or expired, is refused', async () => {
    const { family: idle } = await foundedFamily(stores(), { idle_expires_at: now + minute })
    const { family: absolute } = await foundedFamily(stores(), { expires_at: now + minute })
    for (const family of [idle.id, absolute.id, unknownFamily()]) {
      const uses: readonly Use[] = [
        { kind: 'refresh_rotation', family, generation: 1, idleExpiresAt: now + day },
        { kind: 'refresh_rotation', family, generation: 7, idleExpiresAt: now + day },
        { kind: 'refresh_retry', family, generation: 1, since: now },
        { kind: 'refresh_reuse', family, generation: 1, idleExpiresAt: now + day },
      ]
      for (const use of uses) assert.equal(await commit({ at: now + minute, use }), 'revoked')
    }
    const use = {
      kind: 'refresh_rotation',
      family: idle.id,
      generation: 1,
      idleExpiresAt: now + day,
    } as const
    assert.equal(await commit({ at: now + minute - 1, use }), 'committed')
  })

  test('commit: an assertion is accepted once, whichever client used it [RFC 7523 §3]', async () => {
    const marker = { hash: newHash(), expires_at: now + minute }
    assert.equal(await commit({ client_id: 'unknown', use: { kind: 'assertion', ...marker } }), 'revoked')
    assert.equal(await commit({ use: { kind: 'assertion', ...marker } }), 'committed')
    assert.equal(await commit({ use: { kind: 'assertion', ...marker } }), 'already_used')
    assert.equal(await stores().usedAssertions.add(marker), false)
  })

  test('commit: a proof is accepted once, whatever its request does [RFC 9449 §11.1]', async () => {
    const proof = { hash: newHash(), expires_at: now + minute }
    const referenceToken = sampleReferenceToken()
    assert.equal(await commit({ client_id: 'unknown', proof }), 'revoked')
    assert.equal(await commit({ proof }), 'committed')
    assert.equal(await commit({ proof, issue: { referenceToken } }), 'proof_replayed')
    assert.equal(await stores().referenceTokens.find(referenceToken.hash), undefined)
    assert.equal(await stores().usedAssertions.add(proof), false)
  })

  test('commit: a replayed proof leaves the credential unused, and a used credential uses up the proof', async () => {
    const { code } = await issuedCode(stores())
    const use = { kind: 'authorization_code', hash: code.hash } as const
    const [first, second] = [newHash(), newHash()].map(hash => ({ hash, expires_at: now + minute }))
    assert.equal(await commit({ proof: first }), 'committed')
    assert.equal(await commit({ proof: first, use }), 'proof_replayed')
    assert.equal(await commit({ use }), 'committed')
    assert.equal(await commit({ proof: second, use }), 'already_used')
    assert.equal(await commit({ proof: second }), 'proof_replayed')
    // Both are one-time ids, and both are used up.
    const [proof, assertion] = [newHash(), newHash()].map(hash => ({ hash, expires_at: now + minute })) as [
      UsedAssertion,
      UsedAssertion,
    ]
    assert.equal(await commit({ proof, use: { kind: 'assertion', ...assertion } }), 'committed')
    for (const one of [proof, assertion]) assert.equal(await stores().usedAssertions.has(one.hash), true)
  })

  test('commit: of many commits with one proof at the same time one succeeds', async () => {
    const proof = { hash: newHash(), expires_at: now + minute }
    const { family } = await foundedFamily(stores())
    const use = { kind: 'refresh_reuse', family: family.id, generation: 1, idleExpiresAt: now + day } as const
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) => commit(index % 2 === 0 ? { proof } : { proof, use })),
    )
    assert.deepEqual(tally(outcomes), { committed: 1, proof_replayed: 59 })
  })

  test('commit: a rotation binds a family that was not bound, and never another one [RFC 9449 §5]', async () => {
    const { family } = await foundedFamily(stores())
    const rotation = { kind: 'refresh_rotation', family: family.id, idleExpiresAt: now + day } as const
    const cnf = async () => (await stores().families.find(family.id))?.family.cnf
    const [jkt, another] = [{ jkt: 'one' }, { jkt: 'two' }]
    assert.equal(await commit({ use: { ...rotation, generation: 1 } }), 'committed')
    assert.equal(await cnf(), family.cnf)
    assert.equal(await commit({ use: { ...rotation, generation: 2, cnf: jkt } }), 'committed')
    assert.deepEqual(await cnf(), jkt)
    assert.equal(await commit({ use: { ...rotation, generation: 3, cnf: another } }), 'committed')
    assert.deepEqual(await cnf(), jkt)
  })

  test('codes: the key that a code is bound to is stored with it [RFC 9449 §10]', async () => {
    const { code } = await issuedCode(stores(), { dpop_jkt: 'a thumbprint' })
    assert.equal((await stores().codes.find(code.hash))?.code.dpop_jkt, 'a thumbprint')
  })
}
