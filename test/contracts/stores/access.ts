/** Guarantees of the ports for the end of a user's access: it is one write, and no earlier sign-in outlives it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { AuthorizationId } from '../../../packages/server/src/model/authorization.ts'
import type { AccessEnding, ErasureOptions, Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { samplePending } from './factors.ts'
import {
  day,
  enablePrincipals,
  newHash,
  now,
  sampleAuthorization,
  sampleCode,
  sampleCommit,
  sampleSession,
  sampleUser,
} from './samples.ts'

export const accessEnding = (fields: Partial<AccessEnding> = {}): AccessEnding => ({
  ...{ at: now + 1, revokes: 'online', notices_until: now + day, everything: true },
  ...fields,
})

/** How a stored user is deleted. */
export const erasureOf = (sub: string, fields: Partial<AccessEnding> = {}): ErasureOptions => ({
  ending: accessEnding({ revokes: 'all', ...fields }),
  attributed: { mails: [], events: [], counters: [] },
  erasure: { sub, erased_at: now + 1, finish_at: now + 601 },
  stored: true,
})

export function testAccess(stores: () => Stores): void {
  /** A stored user, signed in twice, with a pending sign-in and an authorization of each kind. */
  async function signedInUser() {
    const { storedUsers, sessions, pendingSignIns, codes } = stores()
    const user = sampleUser()
    const { sub } = user
    const [here, there] = [sampleSession({ sub, epoch: 0 }), sampleSession({ sub, epoch: 0 })]
    const pending = samplePending({ sub, epoch: 0 })
    await storedUsers.add(user)
    for (const session of [here, there]) {
      assert.equal(await sessions.create(session), true)
      await sessions.join(session.sid, 'web')
    }
    assert.equal(await pendingSignIns.create(pending), true)
    const issue = async (fields: object) => {
      const authorization = sampleAuthorization({ sub, ...fields })
      await codes.issue(authorization, sampleCode(authorization))
      return authorization.id
    }
    const ids = {
      here: await issue({ sid: here.sid }),
      online: await issue({ sid: there.sid, scope: ['openid'] }),
      offline: await issue({ sid: there.sid }),
      direct: await issue({}),
    }
    const revoked = async () => {
      const { authorizations } = stores()
      const found = Object.entries(ids).map(async ([name, id]) =>
        (await authorizations.find(id))?.revoked_at === undefined ? [] : [name],
      )
      return (await Promise.all(found)).flat()
    }
    const authorizationsOf = async () => {
      const found = await Promise.all(Object.values(ids).map(id => stores().authorizations.find(id)))
      return found.filter(one => one !== undefined)
    }
    return { user, here, there, pending, revoked, authorizationsOf }
  }

  const noticesOf = async (sub: string) =>
    (await stores().logoutNotices.claim(now + 1, now + day, 100_000)).filter(notice => notice.sub === sub)

  test('access: a change of the user ends sessions, pending sign-ins and authorizations, and queues logout notices', async () => {
    const { storedUsers, sessions, pendingSignIns } = stores()
    const { user, here, there, pending, revoked } = await signedInUser()
    const replaced = await storedUsers.replace({ ...user, version: 2, epoch: 1 }, accessEnding())
    assert.equal(replaced.outcome, 'replaced')
    assert.ok('ended' in replaced)
    const bySid = (one: { session: { sid: string } }, other: typeof one) =>
      one.session.sid < other.session.sid ? -1 : 1
    const expected = [here, there].map(session => ({ session, clients: ['web'] }))
    assert.deepEqual(replaced.ended.toSorted(bySid), expected.toSorted(bySid))
    assert.deepEqual(await sessions.ofUser(user.sub), [])
    assert.equal(await pendingSignIns.find(pending.hash), undefined)
    assert.deepEqual(await revoked(), ['here', 'online', 'offline', 'direct'])
    const told = (await noticesOf(user.sub)).map(({ sid }) => sid)
    assert.deepEqual(told.toSorted(), [here.sid, there.sid].toSorted())
  })

  test('access: an excepted session continues, and what outlives sessions remains if only sessions end', async () => {
    const { storedUsers, sessions } = stores()
    const { user, here, revoked } = await signedInUser()
    const next = { ...user, version: 2, epoch: 1 }
    await storedUsers.replace(next, accessEnding({ kept_sid: here.sid, everything: false }))
    assert.deepEqual(await sessions.ofUser(user.sub), [{ ...here, epoch: 1 }])
    assert.deepEqual(await revoked(), ['online'])
    // It has the new epoch, and can be renewed.
    assert.equal(await sessions.renew(here.hash, { ...here, epoch: 1, hash: newHash() }), true)
    await storedUsers.replace({ ...next, version: 3, epoch: 2 }, accessEnding({ kept_sid: here.sid }))
    assert.deepEqual(await revoked(), ['online', 'offline', 'direct'])
  })

  test('access: the access of a user of another system ends in one write, except for a session that continues', async () => {
    const { sessions, pendingSignIns } = stores()
    const sub = `outside-${newHash()}`
    const [here, there] = [sampleSession({ sub }), sampleSession({ sub })]
    const pending = samplePending({ sub })
    for (const session of [here, there]) {
      assert.equal(await sessions.create(session), true)
      await sessions.join(session.sid, 'web')
    }
    assert.equal(await pendingSignIns.create(pending), true)
    const authorization = sampleAuthorization({ sub })
    await stores().codes.issue(authorization, sampleCode(authorization))
    const ended = await sessions.endOfUser(sub, accessEnding({ kept_sid: here.sid }))
    assert.deepEqual(ended, [{ session: there, clients: ['web'] }])
    assert.deepEqual(await sessions.ofUser(sub), [here])
    assert.equal(await pendingSignIns.find(pending.hash), undefined)
    assert.equal((await stores().authorizations.find(authorization.id))?.revoked_at, now + 1)
    assert.deepEqual(
      (await noticesOf(sub)).map(({ sid }) => sid),
      [there.sid],
    )
    assert.equal(await sessions.renew(here.hash, { ...here, hash: newHash() }), true)
    assert.deepEqual(await sessions.endOfUser('nobody', accessEnding()), [])
  })

  test('access: a refused change ends nothing', async () => {
    const { storedUsers, sessions, pendingSignIns } = stores()
    const { user, pending, revoked } = await signedInUser()
    const other = sampleUser()
    await storedUsers.add(other)
    const stale = { ...user, version: 3, epoch: 1 }
    const named = { ...user, version: 2, epoch: 1, username_key: other.username_key }
    assert.deepEqual(await storedUsers.replace(stale, accessEnding()), { outcome: 'changed' })
    assert.deepEqual(await storedUsers.replace(named, accessEnding()), { outcome: 'taken' })
    assert.equal((await sessions.ofUser(user.sub)).length, 2)
    assert.deepEqual(await pendingSignIns.find(pending.hash), pending)
    assert.deepEqual(await revoked(), [])
  })

  test('access: a sign-in of an earlier epoch creates no session and no pending sign-in', async () => {
    const { storedUsers, sessions, pendingSignIns } = stores()
    const { user, here } = await signedInUser()
    const { sub } = user
    await storedUsers.replace({ ...user, version: 2, epoch: 1 }, accessEnding({ kept_sid: here.sid }))
    for (const epoch of [{ epoch: 0 }, { epoch: 2 }, {}]) {
      assert.equal(await sessions.create(sampleSession({ sub, ...epoch })), false)
      assert.equal(await pendingSignIns.create(samplePending({ sub, ...epoch })), false)
      assert.equal(await sessions.renew(here.hash, sampleSession({ sub, sid: here.sid, ...epoch })), false)
    }
    assert.deepEqual(await sessions.ofUser(sub), [{ ...here, epoch: 1 }])
    assert.equal(await sessions.create(sampleSession({ sub, epoch: 1 })), true)
    assert.equal(await pendingSignIns.create(samplePending({ sub, epoch: 1 })), true)
  })

  test('access: a commit for a sign-in of an earlier epoch is refused', async () => {
    const { storedUsers, commit, authorizations } = stores()
    await enablePrincipals(stores())
    const user = sampleUser()
    const { sub } = user
    await storedUsers.add(user)
    const signIn = (epoch?: number) => {
      const authorization = sampleAuthorization({ sub })
      const given = epoch === undefined ? {} : { epoch }
      return { authorization, done: commit(sampleCommit({ sub, ...given, issue: { authorization } })) }
    }
    assert.equal(await signIn(0).done, 'committed')
    await storedUsers.replace({ ...user, version: 2, epoch: 1 }, accessEnding())
    const late = signIn(0)
    assert.equal(await late.done, 'revoked')
    assert.equal(await authorizations.find(late.authorization.id), undefined)
    assert.equal(await signIn(1).done, 'committed')
    // A request that is not a sign-in, such as a refresh, has no epoch.
    assert.equal(await signIn().done, 'committed')
  })

  test('access: of concurrent sign-ins and ends, no session and no authorization outlives a later end', async () => {
    const { storedUsers, sessions, commit, authorizations } = stores()
    await enablePrincipals(stores())
    let user = sampleUser()
    const { sub } = user
    await storedUsers.add(user)
    const issued: (readonly [id: AuthorizationId, epoch: number])[] = []
    const signIn = async () => {
      const epoch = (await storedUsers.find(sub))?.epoch ?? -1
      const authorization = sampleAuthorization({ sub })
      const [, outcome] = await Promise.all([
        sessions.create(sampleSession({ sub, epoch })),
        commit(sampleCommit({ sub, epoch, issue: { authorization } })),
      ])
      if (outcome === 'committed') issued.push([authorization.id, epoch])
    }
    for (let round = 0; round < 20; round++) {
      const next = { ...user, version: user.version + 1, epoch: user.epoch + 1 }
      // One that has finished before the end, and others before it, after it, or across it, as it happens.
      await signIn()
      const early = Array.from({ length: 4 }, signIn)
      await setImmediate()
      const late = Array.from({ length: 4 }, signIn)
      assert.equal((await storedUsers.replace(next, accessEnding())).outcome, 'replaced')
      await Promise.all([...early, ...late])
      user = next
    }
    const epochs = new Set((await sessions.ofUser(sub)).map(({ epoch }) => epoch))
    assert.deepEqual(
      [...epochs].filter(epoch => epoch !== user.epoch),
      [],
    )
    assert.ok(issued.length >= 20)
    for (const [id, epoch] of issued) {
      const revoked = (await authorizations.find(id))?.revoked_at !== undefined
      if (epoch < user.epoch) assert.ok(revoked, `of epoch ${epoch}`)
    }
  })

  test('access: a user who is not stored has no epoch', async () => {
    const { sessions, pendingSignIns } = stores()
    const sub = newHash()
    assert.equal(await sessions.create(sampleSession({ sub })), true)
    assert.equal(await sessions.create(sampleSession({ sub, epoch: 0 })), false)
    assert.equal(await pendingSignIns.create(samplePending({ sub, epoch: 0 })), false)
  })

  test('access: a deleted user is gone with all their rows, and their sub is never accepted again', async () => {
    const world = stores()
    const { storedUsers, sessions } = world
    const { user, pending, authorizationsOf } = await signedInUser()
    const { sub } = user
    const link = { provider: 'corp', identity: newHash(), sub, created_at: now }
    await world.identityLinks.add(link)
    await world.totpSecrets.add({ sub, sealed: new Uint8Array([1]), last_step: 1, created_at: now })
    await world.recoveryCodes.replace(sub, [newHash()])
    await world.consents.save({ sub, client_id: 'web', scope: ['openid'], created_at: now })
    const upstream = newHash()
    const session = sampleSession({ sub, epoch: 0, upstream })
    await sessions.create(session)
    await world.upstreamSessions.create({
      ...{ id: upstream, provider: 'corp', identity: link.identity },
      ...{ id_token: new Uint8Array([1]), expires_at: now + day },
    })
    // Of a session that has ended, with an identity that a hook once mapped to the user.
    const earlier = { id: newHash(), provider: 'corp', identity: newHash(), sub }
    await world.upstreamSessions.create({
      ...earlier,
      ...{ id_token: new Uint8Array([1]), expires_at: now + day },
    })
    const removed = await world.persons.erase(sub, erasureOf(sub))
    assert.equal(removed?.length, 3)
    assert.equal(await world.upstreamSessions.find(earlier.id), undefined)
    assert.equal(await world.persons.erase(sub, erasureOf(sub)), undefined)
    assert.equal(await storedUsers.find(sub), undefined)
    assert.deepEqual(await sessions.ofUser(sub), [])
    assert.equal(await world.pendingSignIns.find(pending.hash), undefined)
    assert.deepEqual(await world.identityLinks.ofUser(sub), [])
    assert.equal(await world.totpSecrets.find(sub), undefined)
    assert.equal(await world.recoveryCodes.count(sub), 0)
    assert.deepEqual(await world.consents.ofUser(sub, { limit: 10 }), [])
    assert.equal(await world.upstreamSessions.find(upstream), undefined)
    // A missing authorization counts as revoked.
    assert.deepEqual(await authorizationsOf(), [])
    assert.equal((await noticesOf(sub)).length, 2)
    // Neither a running sign-in, nor another user with that sub; the name is free.
    assert.equal(await sessions.create(sampleSession({ sub, epoch: 0 })), false)
    assert.equal(await storedUsers.add({ ...user, username_key: newHash() }), false)
    assert.equal(await storedUsers.add(sampleUser({ username_key: user.username_key })), true)
    await enablePrincipals(world)
    const issue = { authorization: sampleAuthorization({ sub }) }
    assert.equal(await world.commit(sampleCommit({ sub, issue })), 'revoked')
  })
}
