/** Conditions of single statements that flows would not cover. */

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import type { Session } from '../../../packages/server/src/model/authorization.ts'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { samplePending } from './factors.ts'
import {
  day,
  enablePrincipals,
  minute,
  newHash,
  now,
  sampleAuthorization,
  sampleCode,
  sampleCommit,
  sampleFamily,
  sampleSession,
  sampleUser,
} from './samples.ts'

const ending = { at: now + minute, revokes: 'all', notices_until: now + day } as const

export function testConditions(stores: () => Stores): void {
  beforeEach(() => enablePrincipals(stores()))

  test('consents: revoking one keeps the time at which an authorization was revoked before', async () => {
    const { authorizations, codes, consents } = stores()
    const user = newHash()
    const [before, living, elsewhere, of] = [
      sampleAuthorization({ sub: user }),
      sampleAuthorization({ sub: user }),
      sampleAuthorization({ sub: user, client_id: 'other' }),
      sampleAuthorization({ sub: newHash() }),
    ]
    for (const one of [before, living, elsewhere, of]) await codes.issue(one, sampleCode(one))
    await consents.save({ sub: user, client_id: 'web', scope: ['openid'], created_at: now })
    await authorizations.revoke(before.id, now + 1)
    assert.equal(await consents.revoke(user, 'web', now + minute), true)
    const revokedAt = async ({ id }: { readonly id: typeof before.id }) =>
      (await authorizations.find(id))?.revoked_at
    assert.equal(await revokedAt(before), now + 1)
    assert.equal(await revokedAt(living), now + minute)
    assert.equal(await revokedAt(elsewhere), undefined)
    assert.equal(await revokedAt(of), undefined)
  })

  test('consents: of a user’s other consents, the newest remain, a thousand in all', async () => {
    const { consents } = stores()
    const whole = { limit: 2000 }
    const [user, other] = [newHash(), newHash()]
    const save = (client_id: string, created_at: number, sub = user) =>
      consents.save({ sub, client_id, scope: ['openid'], created_at })
    await save('oldest', now - 3)
    await save('oldest', now - 2, other)
    await save('older', now - 2)
    await Promise.all(Array.from({ length: 998 }, (_, index) => save(`client-${index}`, now)))
    assert.equal((await consents.ofUser(user, whole)).length, 1000)
    await save('older', now)
    assert.equal((await consents.ofUser(user, whole)).length, 1000)
    await save('newest', now)
    const left = await consents.ofUser(user, whole)
    assert.equal(left.length, 1000)
    assert.equal(await consents.find(user, 'oldest'), undefined)
    assert.ok(await consents.find(user, 'older'))
    assert.ok(await consents.find(other, 'oldest'))
  })

  test('consents: without a consent, the authorizations are revoked too; false if there are none', async () => {
    const { authorizations, codes, consents } = stores()
    const given = sampleAuthorization({ sub: newHash() })
    await codes.issue(given, sampleCode(given))
    assert.equal(await consents.revoke(given.sub, 'other', now + 1), false)
    assert.equal(await consents.revoke(given.sub, 'web', now + 1), true)
    assert.equal((await authorizations.find(given.id))?.revoked_at, now + 1)
    assert.equal(await consents.revoke(given.sub, 'web', now + 2), false)
  })

  test('authorizations: what clients may do for a user is grouped, without what was revoked or has expired', async () => {
    const { authorizations, codes, commit } = stores()
    const sub = newHash()
    const resources = ['https://api.example/']
    const [first, second] = [sampleAuthorization({ sub }), sampleAuthorization({ sub, created_at: now + 5 })]
    const other = sampleAuthorization({ sub, client_id: 'other', tenant: 'acme', resources })
    const [revoked, expired] = [
      sampleAuthorization({ sub, client_id: 'revoked' }),
      sampleAuthorization({ sub, client_id: 'expired', expires_at: now + 9 }),
    ]
    const strangers = sampleAuthorization({ sub: newHash() })
    const upstream = sampleAuthorization({ sub, client_id: 'upstream', sign_in_tenant: 'acme' })
    for (const one of [first, second, other, upstream, revoked, expired, strangers])
      await codes.issue(one, sampleCode(one))
    await authorizations.revoke(revoked.id, now)
    const family = sampleFamily(first, { rotated_at: now + 7 })
    const issue = { family }
    assert.equal(await commit(sampleCommit({ sub, issue })), 'committed')
    const times = { since: now, created_at: now + 5, used_at: now + 7 }
    const once = { since: now, created_at: now, used_at: now }
    const accesses = [
      { client_id: 'other', tenant: 'acme', scope: other.scope, resources, ...once },
      { client_id: 'upstream', sign_in_tenant: 'acme', scope: upstream.scope, resources: [], ...once },
      { client_id: 'web', scope: first.scope, resources: [], ...times },
    ]
    assert.deepEqual(await authorizations.accessOf(sub, now + 9, { limit: 4 }), accesses)
    for (const [after, limit, from, to] of [
      ['', 2, 0, 2],
      ['other', 1, 1, 2],
      ['upstream', 2, 2, 3],
      ['web', 2, 3, 3],
    ] as const)
      assert.deepEqual(
        await authorizations.accessOf(sub, now + 9, { after, limit }),
        accesses.slice(from, to),
      )
  })

  test('authorizations: the first revocation is the one that counts', async () => {
    const { authorizations, codes } = stores()
    const authorization = sampleAuthorization()
    await codes.issue(authorization, sampleCode(authorization))
    await authorizations.revoke(authorization.id, now + 1)
    await authorizations.revoke(authorization.id, now + minute)
    assert.equal((await authorizations.find(authorization.id))?.revoked_at, now + 1)
  })

  test('sessions: revoking one revokes what was created in it, also after it ended; undefined if there is nothing', async () => {
    const { authorizations, codes, sessions } = stores()
    const session = sampleSession()
    await sessions.create(session)
    const [given, other] = [
      sampleAuthorization({ sid: session.sid }),
      sampleAuthorization({ sid: newHash() }),
    ]
    for (const one of [given, other]) await codes.issue(one, sampleCode(one))
    const revokes = { ...ending, revokes: 'none' } as const
    const revoked = await sessions.revoke(session.sid, revokes)
    assert.deepEqual(revoked, { ended: { session, clients: [] }, authorizations: 1 })
    assert.equal((await authorizations.find(given.id))?.revoked_at, ending.at)
    assert.equal((await authorizations.find(other.id))?.revoked_at, undefined)
    assert.equal(await sessions.findBySid(session.sid), undefined)
    const later = sampleAuthorization({ sid: session.sid })
    await codes.issue(later, sampleCode(later))
    assert.deepEqual(await sessions.revoke(session.sid, revokes), { ended: undefined, authorizations: 1 })
    assert.equal(await sessions.revoke(session.sid, revokes), undefined)
  })

  test('sessions: those of a tenant end, or those of all, up to the time of the sign-in, a few at a time', async () => {
    const { sessions } = stores()
    const tenant = newHash()
    const [first, second, later, since, elsewhere] = [
      sampleSession({ tenant }),
      sampleSession({ tenant, auth_time: now - day, signed_in_at: now }),
      sampleSession({ tenant, auth_time: now + 1 }),
      // The provider states an earlier time.
      sampleSession({ tenant, auth_time: now - 2 * day, signed_in_at: now + 1 }),
      sampleSession({ tenant: newHash(), auth_time: now - day }),
    ]
    for (const session of [first, second, later, since, elsewhere]) await sessions.create(session)
    const end = async (limit: number) =>
      (await sessions.endOfTenant(tenant, now, ending, limit)).map(one => one.session.sid)
    assert.deepEqual([...(await end(1)), ...(await end(9))].toSorted(), [first.sid, second.sid].toSorted())
    assert.deepEqual(await end(9), [])
    const all = await sessions.endOfTenant(undefined, now - day, ending, 99)
    assert.ok(all.some(one => one.session.sid === elsewhere.sid))
    assert.deepEqual(await sessions.findBySid(later.sid), later)
    assert.deepEqual(await sessions.findBySid(since.sid), since)
  })

  test('principals: the revocation of a tenant, or of everything, keeps the latest time, and writes to no authorization', async () => {
    const { principals, authorizations, codes } = stores()
    const tenant = newHash()
    const many = Array.from({ length: 200 }, () => sampleAuthorization({ tenant }))
    for (const one of many) await codes.issue(one, sampleCode(one))
    await principals.revokeTenant(tenant, now)
    await principals.revokeTenant(tenant, now - 1)
    await principals.revokeTenant(undefined, 1)
    const { revokedTenants, revokedClients } = await principals.disabled()
    assert.equal(revokedTenants.get(tenant), now)
    assert.equal(revokedTenants.get(''), 1)
    assert.equal(revokedClients.get(tenant), undefined)
    // One stored time decides, so the write is the same for any number of them.
    for (const one of many) assert.deepEqual(await authorizations.find(one.id), one)
  })

  test('attempts: undoing more than was counted makes no room beyond the limit', async () => {
    const { attempts } = stores()
    const limit = { hash: newHash(), most: 2, span: minute }
    assert.equal(await attempts.count([limit], now), 0)
    for (let times = 0; times < 3; times++) await attempts.forgive([limit.hash])
    assert.equal(await attempts.count([limit], now), 0)
    assert.equal(await attempts.count([limit], now), 0)
    assert.equal(await attempts.count([limit], now), minute)
  })

  test('attempts: undoing one affects no other key', async () => {
    const { attempts } = stores()
    const one = { hash: newHash(), most: 1, span: minute }
    const other = { ...one, hash: newHash() }
    await attempts.count([one, other], now)
    await attempts.forgive([one.hash])
    assert.equal(await attempts.wait([other], now), minute)
    assert.equal(await attempts.wait([one], now), 0)
  })

  test('attempts: once its period is over, a counter starts again with a new period', async () => {
    const { attempts } = stores()
    const limit = { hash: newHash(), most: 2, span: minute }
    for (const at of [now, now + minute]) {
      assert.equal(await attempts.count([limit], at), 0)
      assert.equal(await attempts.count([limit], at + 1), 0)
      assert.equal(await attempts.count([limit], at + 2), minute - 2)
      assert.equal(await attempts.wait([limit], at + minute - 1), 1)
    }
  })

  test('attempts: a counted attempt does not change the expiry of its counter', async () => {
    const { attempts } = stores()
    const limit = { hash: newHash(), most: 2, span: minute }
    await attempts.count([limit], now)
    await attempts.count([limit], now + minute - 1)
    assert.equal(await attempts.count([limit], now + minute), 0)
  })

  for (const [what, end] of [
    ['a session that ends', (world: Stores, { sid }: Session) => world.sessions.end(sid, ending)],
    [
      'a session that expires',
      (world: Stores) => world.sessions.endExpired({ ...ending, at: now + minute }, 1000),
    ],
    [
      'a change of the user',
      async (world: Stores, { sub }: Session) => {
        const user = (await world.storedUsers.find(sub))!
        return world.storedUsers.replace({ ...user, version: 2, epoch: 1 }, { ...ending, everything: true })
      },
    ],
  ] as const)
    test(`access: ${what} keeps the time at which an authorization was revoked before`, async () => {
      const world = stores()
      const user = sampleUser()
      const { sub } = user
      await world.storedUsers.add(user)
      const session = sampleSession({ sub, epoch: 0, expires_at: now + minute })
      assert.equal(await world.sessions.create(session), true)
      const [before, living] = [1, 2].map(() => sampleAuthorization({ sub, sid: session.sid }))
      for (const one of [before!, living!]) await world.codes.issue(one, sampleCode(one))
      await world.authorizations.revoke(before!.id, now + 1)
      await end(world, session)
      assert.equal((await world.authorizations.find(before!.id))?.revoked_at, now + 1)
      assert.equal((await world.authorizations.find(living!.id))?.revoked_at, now + minute)
    })

  test('access: an excepted session keeps its clients, and none of them is notified', async () => {
    const { storedUsers, sessions, logoutNotices } = stores()
    const user = sampleUser()
    const { sub } = user
    await storedUsers.add(user)
    const [here, there] = [sampleSession({ sub, epoch: 0 }), sampleSession({ sub, epoch: 0 })]
    for (const session of [here, there]) {
      await sessions.create(session)
      await sessions.join(session.sid, 'web')
    }
    const kept = { ...ending, everything: true, kept_sid: here.sid }
    const replaced = await storedUsers.replace({ ...user, version: 2, epoch: 1 }, kept)
    assert.ok('ended' in replaced)
    assert.deepEqual(
      replaced.ended.map(({ session }) => session.sid),
      [there.sid],
    )
    assert.deepEqual(await sessions.clients(here.sid), ['web'])
    const told = await logoutNotices.claim(ending.at, ending.at, 100_000)
    assert.deepEqual(
      told.filter(notice => notice.sub === sub).map(({ sid }) => sid),
      [there.sid],
    )
  })

  test('access: a configured user takes precedence over a stored one only while configured', async () => {
    const { storedUsers, sessions, pendingSignIns, principals, commit } = stores()
    const user = sampleUser({ epoch: 3 })
    const { sub } = user
    await storedUsers.add(user)
    const clients = [{ id: 'web', enabled: true }]
    const signsIn = async (fields: { readonly epoch?: number }) => [
      await sessions.create(sampleSession({ sub, ...fields })),
      await pendingSignIns.create(samplePending({ sub, ...fields })),
    ]
    const commits = (epoch: number) =>
      commit(sampleCommit({ sub, epoch, issue: { authorization: sampleAuthorization({ sub }) } }))
    await principals.sync({ clients, users: [{ id: sub, enabled: true }] })
    assert.deepEqual(await signsIn({}), [true, true])
    assert.equal(await commits(7), 'committed')
    await principals.sync({ clients, users: [] })
    assert.deepEqual(await signsIn({}), [false, false])
    assert.deepEqual(await signsIn({ epoch: 7 }), [false, false])
    assert.deepEqual(await signsIn({ epoch: 3 }), [true, true])
    assert.equal(await commits(7), 'revoked')
    assert.equal(await commits(3), 'committed')
  })

  test('access: if the configuration disabled a user, a stored one with that sub is disabled too, and vice versa', async () => {
    const { storedUsers, principals, commit } = stores()
    const [active, disabled] = [sampleUser(), sampleUser({ disabled_at: now })]
    for (const user of [active, disabled]) await storedUsers.add(user)
    const clients = [{ id: 'web', enabled: true }]
    const users = [
      { id: active.sub, enabled: false },
      { id: disabled.sub, enabled: true },
    ]
    await principals.sync({ clients, users })
    for (const issued of [true, false]) {
      const outcomeOf = ({ sub }: typeof active) =>
        commit(
          sampleCommit({ sub, ...(issued && { issue: { authorization: sampleAuthorization({ sub }) } }) }),
        )
      assert.equal(await outcomeOf(active), 'revoked')
      assert.equal(await outcomeOf(disabled), 'committed')
    }
  })

  test('sessions: one is renewed by its own handle only', async () => {
    const { sessions } = stores()
    const [one, other] = [sampleSession(), sampleSession()]
    for (const session of [one, other]) await sessions.create(session)
    assert.equal(await sessions.renew(other.hash, sampleSession({ sid: one.sid })), false)
    assert.equal(await sessions.renew(newHash(), sampleSession({ sid: one.sid })), false)
    assert.deepEqual(await sessions.findBySid(one.sid), one)
    assert.deepEqual(await sessions.find(other.hash), other)
  })

  test('revoked tokens: one that is added again remains until the later expiry', async () => {
    const { revokedTokens, cleanUp } = stores()
    const jti = newHash()
    await revokedTokens.add(jti, now + minute)
    await revokedTokens.add(jti, now + 2 * minute)
    await cleanUp(now + minute)
    assert.equal(await revokedTokens.has(jti), true)
    await cleanUp(now + 2 * minute)
    assert.equal(await revokedTokens.has(jti), false)
  })

  test('stored users: an unverified address does not reserve its name', async () => {
    const { storedUsers } = stores()
    const address = `${newHash()}@example.com`
    assert.equal(await storedUsers.add(sampleUser({ email_key: address })), true)
    assert.equal(await storedUsers.add(sampleUser({ username_key: address })), true)
    const other = sampleUser()
    const unverified = `${newHash()}@example.com`
    await storedUsers.add(other)
    await storedUsers.add(sampleUser({ email_key: unverified }))
    const renamed = await storedUsers.replace({ ...other, version: 2, username_key: unverified })
    assert.equal(renamed.outcome, 'replaced')
  })

  test('keys: of keys added in one second, the last one is the newest', async () => {
    const { keys } = stores()
    const [alg, created_at] = [newHash(), now]
    const key = (kid: string) => ({ kid, alg, sealed: new Uint8Array([1]), created_at, active_from: now })
    const [first, second, third] = [newHash(), newHash(), newHash()]
    assert.equal(await keys.add(key(first), undefined), true)
    assert.equal(await keys.add(key(second), first), true)
    assert.equal(await keys.add(key(third), first), false)
    assert.equal(await keys.add(key(third), second), true)
    const found = (await keys.all()).filter(one => one.alg === alg)
    assert.deepEqual(
      found.map(({ kid }) => kid),
      [first, second, third],
    )
    for (const kid of [first, second, third]) await keys.remove(kid)
  })
}
