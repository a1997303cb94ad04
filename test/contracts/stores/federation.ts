/** Guarantees of the ports of federation. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  IdentityLink,
  UpstreamRequest,
  UpstreamSession,
} from '../../../packages/server/src/model/federation.ts'
import { mostIdentityLinks } from '../../../packages/server/src/model/ports/federation.ts'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { day, minute, newHash, now, sampleSession, tally } from './samples.ts'

const sampleRequest = (fields: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  hash: newHash(),
  browser: newHash(),
  provider: 'corp',
  continuation: 'sealed',
  expires_at: now + minute,
  ...fields,
})

const sampleLink = (fields: Partial<IdentityLink> = {}): IdentityLink => ({
  provider: 'corp',
  identity: newHash(),
  sub: 'alice',
  created_at: now,
  ...fields,
})

const sampleUpstreamSession = (fields: Partial<UpstreamSession> = {}): UpstreamSession => ({
  id: newHash(),
  provider: 'corp',
  identity: newHash(),
  id_token: new Uint8Array([1, 0, 255]),
  expires_at: now + day,
  ...fields,
})

export function testFederation(stores: () => Stores): void {
  test('upstream requests: of a hundred concurrent redemptions, one succeeds', async () => {
    const { upstreamRequests } = stores()
    const request = sampleRequest({ linking_sid: 'session' })
    await upstreamRequests.create(request)
    const taken = await Promise.all(
      Array.from({ length: 100 }, () => upstreamRequests.take(request.hash, request.browser)),
    )
    assert.deepEqual(
      taken.filter(one => one !== undefined),
      [request],
    )
  })

  test('upstream requests: another browser can neither read nor consume one', async () => {
    const { upstreamRequests } = stores()
    const request = sampleRequest()
    await upstreamRequests.create(request)
    assert.equal(await upstreamRequests.take(request.hash, newHash()), undefined)
    assert.equal(await upstreamRequests.take(newHash(), request.browser), undefined)
    assert.deepEqual(await upstreamRequests.take(request.hash, request.browser), request)
    await assert.doesNotReject(upstreamRequests.create(request))
    await assert.rejects(upstreamRequests.create(request))
  })

  test('identity links: an identity is linked to one user, even concurrently', async () => {
    const { identityLinks } = stores()
    const link = sampleLink({ label: 'alice@corp.example' })
    const added = await Promise.all(
      Array.from({ length: 50 }, (_, index) => identityLinks.add({ ...link, sub: `user-${index}` })),
    )
    assert.deepEqual(tally(added), { added: 1, taken: 49 })
    const found = await identityLinks.find(link.provider, link.identity)
    assert.deepEqual(found, { ...link, sub: `user-${added.indexOf('added')}` })
    assert.equal(await identityLinks.find('other', link.identity), undefined)
    assert.equal(await identityLinks.find(link.provider, newHash()), undefined)
  })

  test("identity links: a user's own are listed, and only a user's own are removed", async () => {
    const { identityLinks } = stores()
    const sub = newHash()
    const first = sampleLink({ sub, created_at: now - 1 })
    const second = sampleLink({ sub, provider: 'other' })
    for (const link of [first, second, sampleLink({ sub: 'bob' })]) await identityLinks.add(link)
    assert.deepEqual(await identityLinks.ofUser(sub), [first, second])
    assert.equal(await identityLinks.remove(first.provider, first.identity, 'bob'), false)
    assert.equal(await identityLinks.remove(first.provider, first.identity, sub), true)
    assert.equal(await identityLinks.remove(first.provider, first.identity, sub), false)
    assert.deepEqual(await identityLinks.ofUser(sub), [second])
    assert.equal(await identityLinks.find(first.provider, first.identity), undefined)
    assert.equal(await identityLinks.add({ ...first, sub: 'bob' }), 'added')
  })

  test('identity links: a user has a limited number, even if they are added concurrently', async () => {
    const { identityLinks } = stores()
    const sub = newHash()
    const links = Array.from({ length: mostIdentityLinks + 5 }, () => sampleLink({ sub }))
    const added = await Promise.all(links.map(link => identityLinks.add(link)))
    assert.deepEqual(tally(added), { added: mostIdentityLinks, full: 5 })
    assert.equal((await identityLinks.ofUser(sub)).length, mostIdentityLinks)
    const [first] = links.filter((_, index) => added[index] === 'added')
    assert.ok(first)
    assert.equal(await identityLinks.add(first), 'taken')
    await identityLinks.remove(first.provider, first.identity, sub)
    assert.equal(await identityLinks.add(sampleLink({ sub })), 'added')
  })

  test('upstream sessions: found by the session here, by the one there and by the user there', async () => {
    const { upstreamSessions } = stores()
    const identity = newHash()
    const one = sampleUpstreamSession({ identity, upstream_sid: newHash(), sub: 'alice' })
    const two = sampleUpstreamSession({ identity })
    const elsewhere = sampleUpstreamSession({ ...one, id: newHash(), provider: 'other' })
    for (const session of [one, two, elsewhere]) await upstreamSessions.create(session)
    assert.deepEqual(await upstreamSessions.find(one.id), one)
    assert.deepEqual(await upstreamSessions.from('corp', { upstream_sid: one.upstream_sid ?? '' }), [one])
    const ofUser = await upstreamSessions.from('corp', { identity })
    assert.deepEqual(ofUser.map(({ id }) => id).sort(), [one.id, two.id].sort())
    await upstreamSessions.end(one.id)
    assert.equal(await upstreamSessions.find(one.id), undefined)
    assert.deepEqual(await upstreamSessions.from('corp', { identity }), [two])
  })

  test('upstream sessions: of a user there, the newest hundred remain, and those of sessions here', async () => {
    const { upstreamSessions, sessions } = stores()
    const identity = newHash()
    const made = Array.from({ length: 103 }, (_, index) =>
      sampleUpstreamSession({ identity, upstream_sid: identity, expires_at: now + day + index }),
    )
    const [inUse, orphan, ...newer] = made
    const ofOther = sampleUpstreamSession({ identity: newHash(), expires_at: now + day })
    const elsewhere = sampleUpstreamSession({ identity, provider: 'other', expires_at: now + day })
    await sessions.create(sampleSession({ upstream: inUse!.id }))
    for (const session of [ofOther, elsewhere, ...made]) await upstreamSessions.create(session)
    const left = (await upstreamSessions.from('corp', { upstream_sid: identity })).map(({ id }) => id)
    assert.deepEqual(new Set(left), new Set([inUse!, ...newer.slice(1)].map(({ id }) => id)))
    assert.equal(await upstreamSessions.find(orphan!.id), undefined)
    for (const other of [ofOther, elsewhere]) assert.ok(await upstreamSessions.find(other.id))
  })

  test('sessions: those from an upstream session are found', async () => {
    const { sessions } = stores()
    const upstream = newHash()
    const session = sampleSession({ upstream })
    for (const one of [session, sampleSession(), sampleSession({ upstream: newHash() })])
      await sessions.create(one)
    assert.deepEqual(await sessions.fromUpstream(upstream), [session])
    assert.deepEqual(await sessions.fromUpstream(newHash()), [])
  })

  test('upstream requests and sessions: expired ones are deleted, links remain', async () => {
    const { upstreamRequests, upstreamSessions, identityLinks, cleanUp } = stores()
    const request = sampleRequest({ expires_at: now - 2 * day })
    const session = sampleUpstreamSession({ expires_at: now - 2 * day })
    const link = sampleLink({ created_at: now - 9 * day })
    await upstreamRequests.create(request)
    await upstreamSessions.create(session)
    await identityLinks.add(link)
    await cleanUp(now - 2 * day - 1)
    assert.ok(await upstreamSessions.find(session.id))
    await cleanUp(now - 2 * day)
    assert.equal(await upstreamRequests.take(request.hash, request.browser), undefined)
    assert.equal(await upstreamSessions.find(session.id), undefined)
    assert.deepEqual(await identityLinks.find(link.provider, link.identity), link)
  })
}
