/** Checks what clean-up deletes and what it keeps. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { samplePending } from './factors.ts'
import { sampleRegisteredClient } from './registered-clients.ts'
import {
  day,
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
  sampleSession,
  tally,
} from './samples.ts'
import type { Opened } from './storage.ts'
import { sampleMail } from './waiting-mails.ts'
import { sampleMessage } from './webhook-messages.ts'

const hour = 3600

export function testCleanUp(open: () => Promise<Opened>): void {
  const cleanUpTest = (name: string, run: (stores: Stores) => Promise<void>) =>
    test(name, async () => {
      const { stores, end } = await open()
      try {
        await enablePrincipals(stores)
        await run(stores)
      } finally {
        await end()
      }
    })

  cleanUpTest(
    'clean-up: expired rows are deleted, live rows remain, and the rows are counted',
    async stores => {
      const pairs = [now + minute, now + day].map(expires_at => ({
        token: sampleReferenceToken({ expires_at }),
        session: sampleSession({ expires_at }),
        pending: samplePending({ expires_at }),
        device: sampleDevice({ expires_at }),
        marker: { hash: newHash(), expires_at },
        jti: `jti-${expires_at}`,
        expires_at,
      }))
      for (const { token, session, pending, device, marker, jti, expires_at } of pairs) {
        await stores.commit(sampleCommit({ issue: { referenceToken: token } }))
        await stores.sessions.create(session)
        await stores.pendingSignIns.create(pending)
        await stores.devices.issue(device)
        await stores.usedAssertions.add(marker)
        await stores.revokedTokens.add(jti, expires_at)
      }
      assert.equal(await stores.cleanUp(now + minute - 1), 0)
      assert.equal(await stores.cleanUp(now + minute), 6)
      assert.equal(await stores.cleanUp(now + minute), 0)
      for (const [index, { token, session, pending, device, marker, jti }] of pairs.entries()) {
        const lives = index === 1
        assert.equal((await stores.referenceTokens.find(token.hash)) !== undefined, lives)
        assert.equal((await stores.sessions.find(session.hash)) !== undefined, lives)
        assert.equal((await stores.pendingSignIns.find(pending.hash)) !== undefined, lives)
        assert.equal((await stores.devices.find(device.hash)) !== undefined, lives)
        assert.equal((await stores.devices.findByUserCode(device.user_code_hash)) !== undefined, lives)
        assert.equal(await stores.revokedTokens.has(jti), lives)
        assert.equal(await stores.usedAssertions.add(marker), !lives)
      }
    },
  )

  cleanUpTest('clean-up: a user code may be issued again', async stores => {
    const device = sampleDevice()
    await stores.devices.issue(device)
    await stores.cleanUp(device.expires_at)
    assert.equal(await stores.devices.issue(sampleDevice({ user_code_hash: device.user_code_hash })), true)
  })

  cleanUpTest(
    'clean-up: a used code remains until its authorization ends, an unused one is deleted',
    async stores => {
      const { code: unused } = await issuedCode(stores)
      const { authorization, code: used } = await issuedCode(stores)
      const until = authorization.expires_at + day
      await stores.commit(
        sampleCommit({
          authorization: { id: authorization.id, until },
          use: { kind: 'authorization_code', hash: used.hash },
        }),
      )
      assert.equal(await stores.cleanUp(used.expires_at), 1)
      assert.equal(await stores.codes.find(unused.hash), undefined)
      assert.ok(await stores.codes.find(used.hash))
      // The other authorization, which was not extended.
      assert.equal(await stores.cleanUp(authorization.expires_at), 1)
      assert.ok(await stores.codes.find(used.hash))
      assert.equal(await stores.cleanUp(until - 1), 0)
      assert.ok(await stores.authorizations.find(authorization.id))
      assert.equal(await stores.cleanUp(until), 2)
      assert.equal(await stores.codes.find(used.hash), undefined)
      assert.equal(await stores.authorizations.find(authorization.id), undefined)
    },
  )

  cleanUpTest(
    'clean-up: an extended family remains with its authorization until it is idle or expires',
    async stores => {
      const authorization = sampleAuthorization({ expires_at: now + 10 * minute })
      const slid = sampleFamily(authorization, { idle_expires_at: now + minute })
      const idle = sampleFamily(authorization, { idle_expires_at: now + minute })
      await stores.commit(sampleCommit({ issue: { authorization, family: slid } }))
      await stores.commit(sampleCommit({ issue: { family: idle } }))
      const until = now + 20 * minute
      await stores.commit(
        sampleCommit({
          authorization: { id: authorization.id, until },
          use: { kind: 'refresh_rotation', family: slid.id, generation: 1, idleExpiresAt: until },
        }),
      )
      assert.equal(await stores.cleanUp(now + minute), 1)
      assert.equal(await stores.families.find(idle.id), undefined)
      assert.equal(await stores.cleanUp(until - 1), 0)
      assert.equal((await stores.families.find(slid.id))?.family.generation, 2)
      assert.equal(await stores.cleanUp(until), 2)
      assert.equal(await stores.families.find(slid.id), undefined)
    },
  )

  cleanUpTest('clean-up: thousands of rows are deleted while others are written', async stores => {
    const codes = Array.from({ length: 1700 }, (_, index) => {
      const authorization = sampleAuthorization({ expires_at: now + minute })
      const code = sampleCode(authorization, { expires_at: now + minute })
      // Some are used: they come due with the others and are postponed, because their authorization lives longer.
      return { authorization, code, used: index % 3 === 0 }
    })
    await Promise.all(codes.map(({ authorization, code }) => stores.codes.issue(authorization, code)))
    const used = codes.filter(code => code.used)
    const redemptions = used.map(({ authorization, code }) =>
      stores.commit(
        sampleCommit({
          authorization: { id: authorization.id, until: now + day },
          use: { kind: 'authorization_code', hash: code.hash },
        }),
      ),
    )
    assert.deepEqual(tally(await Promise.all(redemptions)), { committed: used.length })
    const living = Array.from({ length: 500 }, () => issuedCode(stores))
    const went = await stores.cleanUp(now + minute)
    assert.equal(went, 2 * (codes.length - used.length))
    for (const { code } of await Promise.all(living)) assert.ok(await stores.codes.find(code.hash))
    for (const { code } of used) assert.ok(await stores.codes.find(code.hash))
    assert.equal(await stores.cleanUp(now + day), 2 * (used.length + living.length))
  })

  cleanUpTest('clean-up: an expired registered client is deleted and disabled', async stores => {
    const [early, late, forever] = [now + minute, now + day, undefined].map(expires_at =>
      sampleRegisteredClient(expires_at === undefined ? {} : { expires_at }),
    ) as [
      ReturnType<typeof sampleRegisteredClient>,
      ReturnType<typeof sampleRegisteredClient>,
      ReturnType<typeof sampleRegisteredClient>,
    ]
    for (const client of [early, late, forever]) await stores.registeredClients.add(client, 10)
    assert.equal(await stores.cleanUp(now + minute), 1)
    for (const [client, outcome] of [
      [early, 'revoked'],
      [late, 'committed'],
      [forever, 'committed'],
    ] as const)
      assert.equal(
        await stores.commit(sampleCommit({ client_id: client.client_id, sub: undefined })),
        outcome,
      )
  })

  cleanUpTest(
    'clean-up: what a clock that was ahead queued is due now, and what only waits for its next attempt stays',
    async stores => {
      const { waitingMails, webhookMessages, logoutNotices, sessions } = stores
      const [soon, ahead] = [now + hour, now + 35 * day]
      const [kept, late] = [sampleMail({ due_at: soon }), sampleMail({ due_at: ahead })]
      for (const mail of [kept, late]) await waitingMails.add(mail, 10)
      const endpoint = newHash()
      const messages = [soon, ahead].map(due_at => sampleMessage({ endpoint, due_at }))
      await webhookMessages.add(messages)
      for (const at of [soon, ahead]) {
        const session = sampleSession({ expires_at: ahead + day, idle_expires_at: ahead + day })
        await sessions.create(session)
        await sessions.join(session.sid, at === soon ? 'soon' : 'late')
        await sessions.end(session.sid, { at, revokes: 'all', notices_until: ahead + day })
      }
      await stores.cleanUp(now - hour)
      assert.equal(await waitingMails.anyDue(now), false)
      await stores.cleanUp(now - hour, now)
      const ids = async (rows: Promise<readonly { readonly [name: string]: unknown }[]>, name: string) =>
        (await rows).map(row => row[name])
      assert.deepEqual(await ids(waitingMails.claim(now, soon, 10), 'id'), [late.id])
      assert.deepEqual(await ids(webhookMessages.claim(endpoint, now, soon, 10), 'event_id'), [
        messages[1]?.event_id,
      ])
      assert.deepEqual(await ids(logoutNotices.claim(now, soon, 10), 'client_id'), ['late'])
    },
  )

  cleanUpTest(
    'clean-up: expired counters, pushed requests and upstream requests are deleted',
    async stores => {
      const [soon, later] = [now + minute, now + day]
      for (const span of [minute, day])
        assert.equal(await stores.attempts.count([{ hash: newHash(), most: 5, span }], now), 0)
      for (const expires_at of [soon, later]) {
        await stores.pushedRequests.add({ hash: newHash(), client_id: 'web', parameters: 'a=1', expires_at })
        await stores.upstreamRequests.create({
          ...{ hash: newHash(), browser: newHash(), provider: 'corp', continuation: 'sealed', expires_at },
        })
        await stores.upstreamSessions.create({
          ...{
            id: newHash(),
            provider: 'corp',
            identity: newHash(),
            id_token: new Uint8Array([1]),
            expires_at,
          },
        })
        await stores.waitingMails.add(sampleMail({ expires_at }), 10)
      }
      for (const [at, gone] of [
        [soon - 1, 0],
        [soon, 5],
        [later - 1, 0],
        [later, 5],
        [later, 0],
      ] as const)
        assert.equal(await stores.cleanUp(at), gone)
    },
  )

  cleanUpTest('clean-up: an expired undelivered notice is deleted', async stores => {
    const session = sampleSession()
    await stores.sessions.create(session)
    for (const client of ['api', 'web']) await stores.sessions.join(session.sid, client)
    await stores.sessions.end(session.sid, { at: now, revokes: 'none', notices_until: now + minute })
    assert.equal(await stores.cleanUp(now + minute - 1), 0)
    assert.equal(await stores.cleanUp(now + minute), 2)
    assert.equal(await stores.logoutNotices.anyDue(now + day), false)
  })
}
