/** Guarantees of each kind's port. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReferenceToken } from '../../../packages/server/src/model/authorization.ts'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import {
  enablePrincipals,
  issuedCode,
  minute,
  newHash,
  now,
  sampleAuthorization,
  sampleCode,
  sampleCommit,
  sampleDevice,
  sampleFamily,
  sampleReferenceToken,
  signedIn,
  tally,
  unknownAuthorization,
  unknownFamily,
} from './samples.ts'

export function testKinds(stores: () => Stores): void {
  test('codes: a code is found with its authorization, with every field unchanged', async () => {
    const { codes } = stores()
    const full = sampleAuthorization({
      tenant: 'acme',
      sid: 'session',
      resources: ['urn:api'],
      amr: ['pwd', 'otp'],
      acr: 'high',
      claims: { name: 'Åsa "A" Ø', roles: ['a', 'b'], nested: { n: 1.5, none: null } },
      requested_claims: { userinfo: { email: {}, name: { values: ['Åsa', 1, null] } }, id_token: {} },
    })
    const code = sampleCode(full, {
      code_challenge: 'challenge',
      code_challenge_method: 'S256',
      nonce: 'n',
      s_hash: 's',
    })
    await codes.issue(full, code)
    assert.deepEqual(await codes.find(code.hash), { code, authorization: full })
    const plain = sampleAuthorization()
    const plainCode = sampleCode(plain)
    await codes.issue(plain, plainCode)
    assert.deepEqual(await codes.find(plainCode.hash), { code: plainCode, authorization: plain })
    assert.equal(await codes.find(newHash()), undefined)
  })

  test('codes: an access token issued with a code is stored with it, or neither is', async () => {
    const { codes, authorizations, referenceTokens } = stores()
    const authorization = sampleAuthorization()
    const token = sampleReferenceToken({ authorization_id: authorization.id })
    const code = sampleCode(authorization)
    await codes.issue(authorization, code, { referenceToken: token })
    assert.deepEqual(await codes.find(code.hash), { code, authorization })
    assert.deepEqual(await referenceTokens.find(token.hash), token)
    const other = sampleAuthorization()
    const otherCode = sampleCode(other)
    await assert.rejects(
      codes.issue(other, otherCode, { referenceToken: { ...token, authorization_id: other.id } }),
    )
    assert.equal(await codes.find(otherCode.hash), undefined)
    assert.equal(await authorizations.find(other.id), undefined)
  })

  test('codes: a code is burnt once, and remains recognizable', async () => {
    const { codes } = stores()
    const { code } = await issuedCode(stores())
    const burnt = await Promise.all(Array.from({ length: 50 }, () => codes.burn(code.hash, now + 1)))
    assert.deepEqual(tally(burnt), { true: 1, false: 49 })
    await codes.burn(code.hash, now + 9)
    assert.equal((await codes.find(code.hash))?.code.used_at, now + 1)
    assert.equal(await codes.burn(newHash(), now), false)
  })

  test('codes: an unused code is deleted with its authorization, a used one remains', async () => {
    const { codes, authorizations } = stores()
    const authorization = sampleAuthorization()
    const unused = sampleCode(authorization, { expires_at: authorization.expires_at })
    await codes.issue(authorization, unused)
    await Promise.all([codes.discard(unused.hash), codes.discard(unused.hash), codes.discard(newHash())])
    assert.equal(await codes.find(unused.hash), undefined)
    assert.equal(await authorizations.find(authorization.id), undefined)

    const { code: used } = await issuedCode(stores())
    await codes.burn(used.hash, now)
    await codes.discard(used.hash)
    assert.equal((await codes.find(used.hash))?.code.used_at, now)
  })

  test('codes: the authorization of a deleted code remains if it outlives the code, for the tokens issued with it', async () => {
    const { codes, authorizations } = stores()
    const authorization = sampleAuthorization()
    const code = sampleCode(authorization, { expires_at: authorization.expires_at - 1 })
    await codes.issue(authorization, code)
    await codes.discard(code.hash)
    assert.equal(await codes.find(code.hash), undefined)
    assert.deepEqual(await authorizations.find(authorization.id), authorization)
  })

  test('codes: an invalid write stores nothing and does not affect others of its batch', async () => {
    const { codes, authorizations } = stores()
    const { code: taken } = await issuedCode(stores())
    const authorization = sampleAuthorization()
    const [first, wrong, last] = await Promise.allSettled([
      issuedCode(stores()),
      codes.issue(authorization, sampleCode(authorization, { hash: taken.hash })),
      issuedCode(stores()),
    ])
    assert.equal(wrong.status, 'rejected')
    assert.equal(await authorizations.find(authorization.id), undefined)
    for (const neighbour of [first, last]) {
      assert.ok(neighbour.status === 'fulfilled')
      assert.ok(await codes.find(neighbour.value.code.hash))
    }
  })

  test("authorizations: beyond a user's limit, the first to expire are deleted with what was issued for them", async () => {
    const { authorizations, codes, families, referenceTokens, commit } = stores()
    const sub = `user-${newHash()}`
    await enablePrincipals(stores())
    const redeemed = async (expires_at: number) => {
      const authorization = sampleAuthorization({ sub, expires_at })
      const code = sampleCode(authorization)
      await codes.issue(authorization, code)
      const family = sampleFamily(authorization)
      const use = { kind: 'authorization_code', hash: code.hash } as const
      const referenceToken = {
        ...{ hash: newHash(), client_id: 'web', authorization_id: authorization.id },
        ...{ claims: { sub }, expires_at: now + minute },
      }
      assert.equal(await commit(sampleCommit({ use, issue: { family, referenceToken } })), 'committed')
      return { authorization, code, family, referenceToken }
    }
    const [first, second, third, fourth] = await Promise.all(
      [10, 40, 20, 30].map(more => redeemed(now + minute + more)),
    )
    // A running sign-in: its client may redeem the code at any moment.
    const waiting = sampleAuthorization({ sub, expires_at: now + 5 })
    const waitingCode = sampleCode(waiting)
    await codes.issue(waiting, waitingCode)
    const { authorization: strangers } = await issuedCode(stores())
    assert.equal(await authorizations.trim(sub, 4, 100), 0)
    assert.equal(await authorizations.trim(sub, 2, 1), 1)
    assert.equal(await authorizations.trim(sub, 2, 100), 1)
    for (const kept of [second, fourth]) {
      assert.ok(kept && (await codes.find(kept.code.hash)) && (await families.find(kept.family.id)))
      assert.ok(await referenceTokens.find(kept.referenceToken.hash))
      assert.ok(await authorizations.find(kept.authorization.id))
    }
    for (const gone of [first, third]) {
      assert.ok(gone)
      assert.equal(await authorizations.find(gone.authorization.id), undefined)
      assert.equal(await families.find(gone.family.id), undefined)
      assert.equal(await referenceTokens.find(gone.referenceToken.hash), undefined)
      // Nothing is left of them: an authorization with the same id has no code and no family.
      await codes.issue(gone.authorization, sampleCode(gone.authorization))
      assert.equal(await codes.find(gone.code.hash), undefined)
      assert.equal(await families.find(gone.family.id), undefined)
    }
    assert.deepEqual(await authorizations.find(strangers.id), strangers)
    assert.ok(await codes.find(waitingCode.hash))
    assert.deepEqual(await authorizations.find(waiting.id), waiting)
  })

  test('authorizations: a repeated revocation keeps the first time', async () => {
    const { authorizations } = stores()
    const { authorization } = await issuedCode(stores())
    assert.deepEqual(await authorizations.find(authorization.id), authorization)
    await authorizations.revoke(authorization.id, now + 1)
    await authorizations.revoke(authorization.id, now + 2)
    assert.deepEqual(await authorizations.find(authorization.id), { ...authorization, revoked_at: now + 1 })
    await authorizations.revoke(unknownAuthorization(), now)
    assert.equal(await authorizations.find(unknownAuthorization()), undefined)
  })

  test('devices: a user code in use is refused and nothing is stored', async () => {
    const { devices } = stores()
    const device = sampleDevice()
    assert.equal(await devices.issue(device), true)
    const twin = sampleDevice({ user_code_hash: device.user_code_hash })
    assert.equal(await devices.issue(twin), false)
    assert.equal(await devices.find(twin.hash), undefined)
    assert.deepEqual(await devices.find(device.hash), { device })
    assert.deepEqual(await devices.findByUserCode(device.user_code_hash), device)
    assert.equal(await devices.findByUserCode(newHash()), undefined)
  })

  test('devices: each slow_down adds 5 seconds and keeps the time of the last poll that was in time [RFC 8628 §3.5]', async () => {
    const { devices } = stores()
    const device = sampleDevice()
    await devices.issue(device)
    await devices.recordPoll(device.hash, now + 1, false)
    assert.deepEqual(await devices.find(device.hash), { device: { ...device, last_polled_at: now + 1 } })
    await devices.recordPoll(device.hash, now + 2, true)
    await devices.recordPoll(device.hash, now + 3, true)
    assert.deepEqual(await devices.find(device.hash), {
      device: { ...device, interval: 15, last_polled_at: now + 1 },
    })
    await devices.recordPoll(device.hash, now + 16, false)
    assert.deepEqual(await devices.find(device.hash), {
      device: { ...device, interval: 15, last_polled_at: now + 16 },
    })
    await devices.recordPoll(newHash(), now, true)
  })

  test('devices: concurrent polls and an approval or a denial lose neither [RFC 8628 §3.5]', async () => {
    const { devices } = stores()
    const [one, other] = [sampleDevice(), sampleDevice()]
    const authorization = sampleAuthorization()
    await Promise.all([devices.issue(one), devices.issue(other)])
    const sid = await signedIn(stores())
    const polls = [one, other].flatMap(({ hash }) => [
      ...Array.from({ length: 10 }, () => devices.recordPoll(hash, now + 1, true)),
      devices.recordPoll(hash, now + 1, false),
    ])
    const [approved, denied] = await Promise.all([
      devices.approve(one.user_code_hash, authorization, now, sid),
      devices.deny(other.user_code_hash, now),
      ...polls,
    ])
    assert.deepEqual([approved, denied], [true, true])
    const polled = { interval: one.interval + 50, last_polled_at: now + 1 }
    assert.deepEqual(await devices.find(one.hash), {
      device: { ...one, ...polled, status: 'approved', authorization_id: authorization.id },
      authorization,
    })
    assert.deepEqual(await devices.find(other.hash), { device: { ...other, ...polled, status: 'denied' } })
  })

  test('devices: one is approved or denied once, and only before it expires', async () => {
    const { devices, authorizations } = stores()
    const device = sampleDevice()
    const authorization = sampleAuthorization()
    await devices.issue(device)
    const sid = await signedIn(stores())
    assert.equal(await devices.approve(device.user_code_hash, authorization, now, sid), true)
    const approved = { ...device, status: 'approved', authorization_id: authorization.id }
    assert.deepEqual(await devices.find(device.hash), { device: approved, authorization })

    const late = sampleAuthorization()
    assert.equal(await devices.approve(device.user_code_hash, late, now, sid), false)
    assert.equal(await authorizations.find(late.id), undefined)
    assert.equal(await devices.deny(device.user_code_hash, now), false)

    const denied = sampleDevice()
    await devices.issue(denied)
    assert.equal(await devices.deny(denied.user_code_hash, now), true)
    assert.equal(await devices.approve(denied.user_code_hash, late, now, sid), false)
    assert.deepEqual(await devices.find(denied.hash), { device: { ...denied, status: 'denied' } })

    const expired = sampleDevice()
    await devices.issue(expired)
    assert.equal(await devices.approve(expired.user_code_hash, late, expired.expires_at, sid), false)
    assert.equal(await devices.deny(expired.user_code_hash, expired.expires_at), false)
    assert.equal(await devices.deny(newHash(), now), false)
  })

  test('devices: a session that has ended approves none', async () => {
    const { devices, sessions, authorizations } = stores()
    const device = sampleDevice()
    const authorization = sampleAuthorization()
    await devices.issue(device)
    const sid = await signedIn(stores())
    await sessions.end(sid, { at: now, revokes: 'all', notices_until: now })
    assert.equal(await devices.approve(device.user_code_hash, authorization, now, sid), false)
    assert.equal(await authorizations.find(authorization.id), undefined)
    assert.deepEqual(await devices.find(device.hash), { device })
  })

  test('families: one is found with its authorization, with every field unchanged', async () => {
    await enablePrincipals(stores())
    const authorization = sampleAuthorization()
    const family = sampleFamily(authorization, {
      access_claims: { role: ['admin'] },
      cnf: { 'x5t#S256': 'thumbprint' },
      expires_at: 0xffff_ffff,
    })
    await stores().commit(sampleCommit({ issue: { authorization, family } }))
    assert.deepEqual(await stores().families.find(family.id), { family, authorization })
    assert.equal(await stores().families.find(unknownFamily()), undefined)
  })

  test('reference tokens: one is found until it is revoked', async () => {
    await enablePrincipals(stores())
    const { referenceTokens, commit } = stores()
    const referenceToken = sampleReferenceToken({ authorization_id: unknownAuthorization() })
    await commit(sampleCommit({ issue: { referenceToken } }))
    assert.deepEqual(await referenceTokens.find(referenceToken.hash), referenceToken)
    await referenceTokens.revoke(referenceToken.hash)
    await referenceTokens.revoke(referenceToken.hash)
    assert.equal(await referenceTokens.find(referenceToken.hash), undefined)
  })

  test("reference tokens: beyond an authorization's limit, the first to expire are deleted", async () => {
    await enablePrincipals(stores())
    const { referenceTokens, commit } = stores()
    const authorization = unknownAuthorization()
    const issued = async (expires_at: number, authorization_id = authorization) => {
      const referenceToken = sampleReferenceToken({ authorization_id, expires_at })
      assert.equal(await commit(sampleCommit({ issue: { referenceToken } })), 'committed')
      return referenceToken
    }
    const tokens: ReferenceToken[] = []
    for (const more of [10, 40, 20, 30]) tokens.push(await issued(now + minute + more))
    const ofOther = await issued(now + 1, unknownAuthorization())
    assert.equal(await referenceTokens.trim(authorization, 4, 100), 0)
    assert.equal(await referenceTokens.trim(authorization, 2, 1), 1)
    assert.equal(await referenceTokens.trim(authorization, 2, 100), 1)
    const found = await Promise.all([...tokens, ofOther].map(({ hash }) => referenceTokens.find(hash)))
    assert.deepEqual(
      found.map(token => token !== undefined),
      [false, true, false, true, true],
    )
  })

  test('revoked tokens: a jti is listed once it was added', async () => {
    const { revokedTokens } = stores()
    assert.equal(await revokedTokens.has('jti'), false)
    await revokedTokens.add('jti', now + minute)
    await revokedTokens.add('jti', now + 2 * minute)
    assert.equal(await revokedTokens.has('jti'), true)
  })

  test('replays: one call uses a marker', async () => {
    const { usedAssertions } = stores()
    const marker = { hash: newHash(), expires_at: now + minute }
    const used = await Promise.all(Array.from({ length: 100 }, () => usedAssertions.add(marker)))
    assert.deepEqual(tally(used), { true: 1, false: 99 })
  })

  test('replays: a marker is known once it was used', async () => {
    const { usedAssertions } = stores()
    const hash = newHash()
    assert.equal(await usedAssertions.has(hash), false)
    await usedAssertions.add({ hash, expires_at: now + minute })
    assert.equal(await usedAssertions.has(hash), true)
    assert.equal(await usedAssertions.has(newHash()), false)
  })

  test('replays: each prolongation moves the end of a marker, and never back', async () => {
    const { usedAssertions } = stores()
    const hash = newHash()
    assert.equal(await usedAssertions.until(hash), undefined)
    const end = now + minute
    for (const [given, expected] of [
      [end, end],
      [end, end + 1],
      [end + 5, end + 5],
      [end, end + 6],
    ] as const) {
      await usedAssertions.prolong({ hash, expires_at: given })
      assert.equal(await usedAssertions.until(hash), expected)
    }
    assert.equal(await usedAssertions.has(hash), true)
    await Promise.all(Array.from({ length: 10 }, () => usedAssertions.prolong({ hash, expires_at: end })))
    assert.equal(await usedAssertions.until(hash), end + 16)
  })

  test('consents: those of a user are listed; revoking one revokes only its authorizations', async () => {
    const { consents, codes, authorizations } = stores()
    const consent = { sub: 'revoker', client_id: 'web', scope: ['openid'], created_at: now }
    await consents.save({ ...consent, client_id: 'b', remembered: [], remembered_until: now })
    await consents.save({ ...consent, client_id: 'a' })
    const [a, b] = [
      { ...consent, client_id: 'a' },
      { ...consent, client_id: 'b', remembered: [], remembered_until: now },
    ]
    assert.deepEqual(await consents.ofUser('revoker', { limit: 2 }), [a, b])
    assert.deepEqual(await consents.ofUser('revoker', { limit: 1 }), [a])
    assert.deepEqual(await consents.ofUser('revoker', { after: 'a', limit: 2 }), [b])
    assert.deepEqual(await consents.ofUser('revoker', { after: 'b', limit: 2 }), [])
    const issued = await Promise.all(
      [
        { sub: 'revoker', client_id: 'a' },
        { sub: 'revoker', client_id: 'b' },
        { sub: 'other', client_id: 'a' },
      ].map(async of => {
        const authorization = sampleAuthorization(of)
        await codes.issue(authorization, sampleCode(authorization))
        return authorization.id
      }),
    )
    assert.equal(await consents.stillGiven('revoker', 'a'), true)
    assert.equal(await consents.revoke('revoker', 'a', now), true)
    assert.equal(await consents.stillGiven('revoker', 'a'), false)
    assert.equal(await consents.revoke('revoker', 'a', now + 1), false)
    assert.equal(await consents.revoke('revoker', 'unknown', now), false)
    assert.equal(await consents.find('revoker', 'a'), undefined)
    const ends = await Promise.all(issued.map(async id => (await authorizations.find(id))?.revoked_at))
    assert.deepEqual(ends, [now, undefined, undefined])
  })

  test('consents: a new one replaces that of the same user and client', async () => {
    const { consents } = stores()
    const consent = { sub: 'alice', client_id: 'web', scope: ['openid'], created_at: now }
    await consents.save(consent)
    await consents.save({ ...consent, client_id: 'other' })
    await consents.save({ ...consent, scope: ['api1', 'openid'] })
    assert.deepEqual(await consents.find('alice', 'web'), { ...consent, scope: ['api1', 'openid'] })
    assert.deepEqual(await consents.find('alice', 'other'), { ...consent, client_id: 'other' })
    assert.equal(await consents.find('bob', 'web'), undefined)
  })

  test('keys: of two processes that rotate concurrently, one adds its key', async () => {
    const { keys } = stores()
    const key = (kid: string, alg: string, created_at = now) => ({
      kid,
      alg,
      sealed: new Uint8Array([0, 255, kid.length]),
      created_at,
      active_from: created_at + day,
    })
    const day = 86_400
    assert.equal(await keys.add(key('a', 'ES256'), undefined), true)
    assert.equal(await keys.add(key('b', 'ES256'), undefined), false)
    assert.equal(await keys.add(key('r', 'RS256'), undefined), true)
    const rotating = ['c', 'd', 'e']
    const rotated = await Promise.all(rotating.map(kid => keys.add(key(kid, 'ES256', now + day), 'a')))
    assert.deepEqual(tally(rotated), { true: 1, false: 2 })
    const first = rotating[rotated.indexOf(true)] ?? ''
    assert.equal(await keys.add(key('f', 'ES256', now + day), first), true)
    assert.equal(await keys.add(key('f', 'ES256', now + day), 'f'), false)
    assert.deepEqual(await keys.all(), [
      key('a', 'ES256'),
      key('r', 'RS256'),
      key(first, 'ES256', now + day),
      key('f', 'ES256', now + day),
    ])
    await keys.remove('a')
    assert.deepEqual(
      (await keys.all()).map(({ kid }) => kid),
      ['r', first, 'f'],
    )
  })

  test('keys, app secrets and settings: each is replaced only if it is as it was read', async () => {
    const { keys, totpSecrets, settings } = stores()
    const [kid, alg, sub] = ['replaced', 'ES512', newHash()]
    const bytes = (value: number) => new Uint8Array([0, value])
    await keys.add({ kid, alg, sealed: bytes(1), created_at: now, active_from: now }, undefined)
    await totpSecrets.add({ sub, sealed: bytes(1), last_step: 7, created_at: now })
    await settings.put(kid, '1')
    for (const [before, next] of [
      [2, 3],
      [1, 2],
      [1, 4],
    ] as const) {
      const outcomes = [
        await keys.reseal(kid, bytes(before), bytes(next)),
        await totpSecrets.reseal(sub, bytes(before), bytes(next)),
        await settings.replace(kid, String(before), String(next)),
      ]
      assert.deepEqual(outcomes, Array(3).fill(next === 2))
    }
    assert.deepEqual((await keys.all()).find(key => key.kid === kid)?.sealed, bytes(2))
    assert.deepEqual((await totpSecrets.find(sub))?.sealed, bytes(2))
    assert.equal(await settings.get(kid), '2')
    await keys.remove(kid)
  })

  test('settings: the first value remains', async () => {
    const { settings } = stores()
    assert.equal(await settings.get('check'), undefined)
    const answers = await Promise.all(['one', 'two'].map(value => settings.initialise('check', value)))
    const stands = await settings.get('check')
    assert.ok(stands === 'one' || stands === 'two')
    assert.deepEqual(answers, [stands, stands])
    assert.equal(await settings.initialise('check', 'three'), stands)
    await settings.put('check', 'four')
    await settings.put('other', 'five')
    assert.deepEqual([await settings.get('check'), await settings.get('other')], ['four', 'five'])
  })
}
