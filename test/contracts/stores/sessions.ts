/** Guarantees of the ports of sessions and of their logout notices. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SessionEnding, Stores } from '../../../packages/server/src/model/ports/stores.ts'
import {
  day,
  minute,
  newHash,
  now,
  sampleAuthorization,
  sampleCode,
  sampleSession,
  tally,
} from './samples.ts'
import type { Opened } from './storage.ts'

const ending = (fields: Partial<SessionEnding> = {}): SessionEnding => ({
  at: now + 1,
  revokes: 'online',
  notices_until: now + day,
  ...fields,
})

export function testSessions(open: () => Promise<Opened>): void {
  const storeTest = (name: string, run: (stores: Stores) => Promise<void>) =>
    test(name, async () => {
      const { stores, end } = await open()
      try {
        await run(stores)
      } finally {
        await end()
      }
    })

  storeTest('sessions: one is found with every field unchanged until it ends', async ({ sessions }) => {
    const session = sampleSession({
      tenant: 'acme',
      acr: 'high',
      claims: { name: 'Alice' },
      user_agent: 'Browser/1',
      address: '192.0.2.1',
    })
    const plain = sampleSession()
    await sessions.create(session)
    await sessions.create(plain)
    assert.deepEqual(await sessions.find(session.hash), session)
    assert.deepEqual(await sessions.findBySid(plain.sid), plain)
    assert.deepEqual(await sessions.end(session.sid, ending()), { session, clients: [] })
    assert.equal(await sessions.end(session.sid, ending()), undefined)
    assert.equal(await sessions.find(session.hash), undefined)
    assert.equal(await sessions.findBySid(session.sid), undefined)
    assert.deepEqual(await sessions.find(plain.hash), plain)
  })

  storeTest('sessions: used sessions outlive their first expiry, however many there are', async stores => {
    const { sessions } = stores
    const expires_at = now + minute
    const used = Array.from({ length: 120 }, () => sampleSession({ idle_expires_at: expires_at }))
    const idle = sampleSession({ idle_expires_at: expires_at })
    for (const session of [...used, idle]) await sessions.create(session)
    for (const { hash } of used)
      await sessions.touch(hash, { last_seen_at: now + 1, idle_expires_at: now + 2 * minute })
    const early = sampleSession({ idle_expires_at: now + day })
    await sessions.create(early)
    await sessions.touch(early.hash, { last_seen_at: now + 1, idle_expires_at: now + minute })
    const ended = await sessions.endExpired(ending({ at: expires_at }), 10)
    assert.deepEqual(new Set(ended.map(({ session }) => session.sid)), new Set([idle.sid, early.sid]))
    assert.equal(await stores.cleanUp(expires_at), 0)
    for (const { hash } of used) assert.ok(await sessions.find(hash))
    assert.equal(await stores.cleanUp(now + 2 * minute), used.length)
  })

  storeTest("sessions: a user's are listed, the last used first", async ({ sessions }) => {
    const [one, two] = [sampleSession(), sampleSession({ last_seen_at: now + 5 })]
    for (const session of [one, two, sampleSession({ sub: 'bob' })]) await sessions.create(session)
    assert.deepEqual(await sessions.ofUser('alice'), [two, one])
    const seen = { last_seen_at: now + 9, idle_expires_at: now + day, address: '2001:db8::1' }
    await sessions.touch(one.hash, seen)
    assert.deepEqual(await sessions.ofUser('alice'), [{ ...one, ...seen }, two])
    await sessions.touch(newHash(), seen)
    assert.deepEqual(await sessions.ofUser('carol'), [])
  })

  storeTest('sessions: a renewed one keeps its sid and clients under a new handle', async ({ sessions }) => {
    const session = sampleSession()
    await sessions.create(session)
    await sessions.join(session.sid, 'web')
    const renewed = sampleSession({ sid: session.sid, auth_time: now + 5 })
    const twin = sampleSession({ sid: session.sid })
    const both = [renewed, twin]
    const outcomes = await Promise.all(both.map(one => sessions.renew(session.hash, one)))
    assert.deepEqual(tally(outcomes), { true: 1, false: 1 })
    assert.equal(await sessions.find(session.hash), undefined)
    const [stands, lost] = outcomes[0] ? both : both.toReversed()
    assert.equal(await sessions.find(lost?.hash ?? session.hash), undefined)
    assert.deepEqual(await sessions.findBySid(session.sid), stands)
    assert.deepEqual(await sessions.clients(session.sid), ['web'])
  })

  storeTest(
    'sessions: of clients that join concurrently none is lost, and none joins after the end',
    async stores => {
      const { sessions } = stores
      const session = sampleSession()
      await sessions.create(session)
      const clients = Array.from({ length: 50 }, (_, index) => `client-${String(index).padStart(2, '0')}`)
      const joined = await Promise.all(
        [...clients, ...clients].map(client => sessions.join(session.sid, client)),
      )
      assert.deepEqual(tally(joined), { true: 100 })
      assert.deepEqual(await sessions.clients(session.sid), clients)
      // Whichever comes first: a client that joined is notified, and one that did not is not.
      const [late, ended, later] = await Promise.all([
        sessions.join(session.sid, 'late'),
        sessions.end(session.sid, ending()),
        sessions.join(session.sid, 'later'),
      ])
      const told = [...clients, ...(late ? ['late'] : []), ...(later ? ['later'] : [])]
      assert.deepEqual(ended?.clients, told)
      assert.equal(await sessions.join(session.sid, 'latest'), false)
      assert.deepEqual(await sessions.clients(session.sid), [])
      assert.equal(await sessions.join('never', 'web'), false)
    },
  )

  storeTest('sessions: a thousand clients remain, of which those without a row go first', async stores => {
    const { sessions } = stores
    const [session, other] = [sampleSession(), sampleSession()]
    for (const one of [session, other]) await sessions.create(one)
    const join = (ids: readonly string[]) => Promise.all(ids.map(id => sessions.join(session.sid, id)))
    await sessions.join(other.sid, 'https://client.example/0')
    await join(['web', 'api'])
    await join(Array.from({ length: 997 }, (_, index) => `https://client.example/${index}`))
    await join(['sealed1.first'])
    assert.equal((await sessions.clients(session.sid)).length, 1000)
    await join(['zoo'])
    await join(['https://client.example/newest'])
    const left = await sessions.clients(session.sid)
    assert.equal(left.length, 1000)
    for (const id of ['web', 'api', 'zoo', 'https://client.example/newest']) assert.ok(left.includes(id), id)
    assert.equal(left.includes('sealed1.first'), false)
    assert.deepEqual(await sessions.clients(other.sid), ['https://client.example/0'])
    assert.equal((await sessions.end(session.sid, ending()))?.clients.length, 1000)
  })

  for (const [revokes, fallen] of [
    ['none', []],
    ['online', ['online']],
    ['all', ['online', 'offline']],
  ] as const)
    storeTest(
      `sessions: its end revokes what it issued (${revokes})`,
      async ({ sessions, codes, authorizations }) => {
        const { sid, ...session } = sampleSession()
        await sessions.create({ sid, ...session })
        const issued = {
          online: sampleAuthorization({ sid, scope: ['openid'] }),
          offline: sampleAuthorization({ sid, scope: ['offline_access', 'openid'] }),
          other: sampleAuthorization({ sid: 'other', scope: ['openid'] }),
          none: sampleAuthorization({ scope: ['openid'] }),
        }
        for (const authorization of Object.values(issued))
          await codes.issue(authorization, sampleCode(authorization))
        await sessions.end(sid, ending({ revokes, at: now + 7 }))
        for (const [name, authorization] of Object.entries(issued)) {
          const expected = fallen.some(one => one === name) ? now + 7 : undefined
          assert.equal((await authorizations.find(authorization.id))?.revoked_at, expected, name)
        }
      },
    )

  storeTest('sessions: expired ones are ended in batches', async ({ sessions, logoutNotices }) => {
    const idle = sampleSession({ idle_expires_at: now + minute })
    const old = sampleSession({ expires_at: now + 2 * minute })
    const living = sampleSession()
    for (const session of [idle, old, living]) await sessions.create(session)
    await sessions.join(idle.sid, 'web')
    const at = now + 2 * minute
    assert.deepEqual(await sessions.endExpired(ending({ at: now + minute - 1 }), 10), [])
    assert.deepEqual(await sessions.endExpired(ending({ at }), 1), [{ session: idle, clients: ['web'] }])
    assert.deepEqual(await sessions.endExpired(ending({ at }), 10), [{ session: old, clients: [] }])
    assert.deepEqual(await sessions.endExpired(ending({ at }), 10), [])
    assert.ok(await sessions.find(living.hash))
    assert.deepEqual(
      (await logoutNotices.claim(at, at + minute, 10)).map(({ sid }) => sid),
      [idle.sid],
    )
  })

  storeTest(
    'logout notices: each waits for its client, is claimed once at a time, and is postponed or removed',
    async stores => {
      const { sessions, logoutNotices } = stores
      const session = sampleSession()
      await sessions.create(session)
      for (const client of ['api', 'web', 'zoo']) await sessions.join(session.sid, client)
      assert.equal(await logoutNotices.anyDue(now + day), false)
      await sessions.end(session.sid, ending())
      assert.equal(await logoutNotices.anyDue(now), false)
      assert.equal(await logoutNotices.anyDue(now + 1), true)
      assert.deepEqual(await logoutNotices.claim(now, now + minute, 10), [])
      assert.deepEqual(
        await logoutNotices.claim(now + 1, now + minute, 10, ['api', 'web', 'zoo', 'else']),
        [],
      )
      const claims = await Promise.all(
        Array.from({ length: 20 }, () => logoutNotices.claim(now + 1, now + minute, 2)),
      )
      const claimed = claims.flat()
      assert.deepEqual(claimed.map(({ client_id }) => client_id).toSorted(), ['api', 'web', 'zoo'])
      assert.deepEqual(
        claimed.map(({ client_id: _, ...rest }) => rest),
        Array.from({ length: 3 }, () => ({
          sid: session.sid,
          sub: 'alice',
          attempts: 1,
          due_at: now + minute,
          expires_at: now + day,
        })),
      )
      const of = (client: string) => claimed.find(({ client_id }) => client_id === client)!
      await logoutNotices.remove(of('api'))
      await logoutNotices.postpone(of('web'), now + 2 * minute)
      // The process that claimed it died: it can be claimed again.
      const again = await logoutNotices.claim(now + minute, now + 3 * minute, 10)
      assert.deepEqual(
        again.map(({ client_id, attempts }) => [client_id, attempts]),
        [['zoo', 2]],
      )
      assert.equal(await logoutNotices.anyDue(now + 2 * minute - 1), false)
      assert.equal(await logoutNotices.anyDue(now + 2 * minute), true)
      await stores.cleanUp(now + day)
      assert.equal(await logoutNotices.anyDue(now + day), false)
    },
  )
}
