/** Guarantees of the port of webhook messages, and of the writes that store some. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Messages, Stores } from '../../../packages/server/src/model/ports/stores.ts'
import type { WebhookMessage } from '../../../packages/server/src/model/webhook.ts'
import { accessEnding, erasureOf } from './access.ts'
import {
  day,
  enablePrincipals,
  issuedCode,
  minute,
  newHash,
  now,
  sampleCommit,
  sampleSession,
  sampleUser,
  tally,
} from './samples.ts'
import type { Opened } from './storage.ts'

export const sampleMessage = (fields: Partial<WebhookMessage> = {}): WebhookMessage => ({
  ...{ event_id: newHash(), endpoint: 'crm', sealed: new Uint8Array([1, 0, 255]), attempts: 0 },
  ...{ due_at: now, expires_at: now + day },
  ...fields,
})

export function testWebhookMessages(open: () => Promise<Opened>): void {
  const storeTest = (name: string, run: (stores: Stores) => Promise<void>) =>
    test(name, async () => {
      const { stores, end } = await open()
      try {
        await run(stores)
      } finally {
        await end()
      }
    })

  storeTest(
    'webhook messages: each is claimed once, the longest due first, and only for its endpoint',
    async ({ webhookMessages }) => {
      const [early, late, later, other] = [
        sampleMessage({ due_at: now - 5 }),
        sampleMessage(),
        sampleMessage({ due_at: now + 1 }),
        sampleMessage({ endpoint: 'audit', due_at: now - 60 }),
      ]
      assert.equal(await webhookMessages.anyDue('crm', now), false)
      await webhookMessages.add([late, later])
      await webhookMessages.add([early, other, { ...other, endpoint: 'third' }])
      assert.equal(await webhookMessages.anyDue('crm', now), true)
      const until = now + minute
      const claimed = (message: WebhookMessage, attempts = 1) => ({ ...message, attempts, due_at: until })
      assert.deepEqual(await webhookMessages.claim('crm', now, until, 1), [claimed(early)])
      const runs = await Promise.all(
        Array.from({ length: 20 }, () => webhookMessages.claim('crm', now, until, 5)),
      )
      assert.deepEqual(runs.flat(), [claimed(late)])
      assert.equal(await webhookMessages.anyDue('crm', now), false)
      await webhookMessages.remove(early)
      await webhookMessages.remove(early)
      const again = await webhookMessages.claim('crm', until, until + minute, 5)
      assert.deepEqual(
        new Map(again.map(({ event_id, attempts }) => [event_id, attempts])),
        new Map([
          [later.event_id, 1],
          [late.event_id, 2],
        ]),
      )
      assert.deepEqual(await webhookMessages.claim('audit', now, until, 5), [claimed(other)])
      await webhookMessages.remove(other)
      assert.equal(await webhookMessages.count('third', 10), 1)
    },
  )

  storeTest(
    'webhook messages: one can be postponed only by its last claimant',
    async ({ webhookMessages }) => {
      await webhookMessages.add([sampleMessage()])
      const [first] = await webhookMessages.claim('crm', now, now + 1, 1)
      const [second] = await webhookMessages.claim('crm', now + 1, now + minute, 1)
      assert.ok(first && second)
      await webhookMessages.postpone(first, now + 2)
      assert.equal(await webhookMessages.anyDue('crm', now + 2), false)
      await webhookMessages.postpone(second, now + 3)
      assert.deepEqual(await webhookMessages.claim('crm', now + 3, now + day, 5), [
        { ...second, attempts: 3, due_at: now + day },
      ])
    },
  )

  storeTest(
    'webhook messages: they are counted up to a limit, and expired ones are deleted',
    async stores => {
      const { webhookMessages } = stores
      await webhookMessages.add(Array.from({ length: 5 }, () => sampleMessage({ expires_at: now + minute })))
      await webhookMessages.add([sampleMessage({ endpoint: 'audit' })])
      assert.equal(await webhookMessages.count('crm', 3), 3)
      assert.equal(await webhookMessages.count('crm', 100), 5)
      await stores.cleanUp(now + minute)
      assert.equal(await webhookMessages.count('crm', 100), 0)
      assert.equal(await webhookMessages.count('audit', 100), 1)
    },
  )

  storeTest('webhook messages: a commit stores them if it is committed, and not otherwise', async stores => {
    await enablePrincipals(stores)
    const { authorization, code } = await issuedCode(stores)
    const commit = (messages: Messages, fields: object = {}) =>
      stores.commit(
        sampleCommit({
          authorization: { id: authorization.id, until: now + day },
          use: { kind: 'authorization_code', hash: code.hash },
          messages,
          ...fields,
        }),
      )
    const both = () => [sampleMessage(), sampleMessage({ endpoint: 'audit' })]
    assert.equal(await commit(both(), { client_id: 'unknown' }), 'revoked')
    assert.equal(await stores.webhookMessages.count('crm', 10), 0)
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => commit(both())))
    assert.deepEqual(tally(outcomes), { committed: 1, already_used: 9 })
    assert.equal(await stores.webhookMessages.count('crm', 10), 1)
    assert.equal(await stores.webhookMessages.count('audit', 10), 1)
    const alone = [sampleMessage({ endpoint: 'alone', sealed: new Uint8Array([0, 128, 34, 92]) })]
    assert.equal(await stores.commit(sampleCommit({ messages: alone })), 'committed')
    const [stored] = await stores.webhookMessages.claim('alone', now, now + 1, 1)
    assert.deepEqual(stored && [...stored.sealed], [0, 128, 34, 92])
  })

  storeTest('webhook messages: sessions, consents and users store them if they change', async stores => {
    const { sessions, consents, storedUsers, webhookMessages, persons } = stores
    let stored = 0
    /** Runs a write twice: the first changes something, and the second does not. */
    const once = async (write: (messages: Messages) => Promise<unknown>, repeats = false) => {
      await write([sampleMessage()])
      stored += 1
      assert.equal(await webhookMessages.count('crm', 100), stored)
      if (repeats) stored += 1
      await write([sampleMessage()])
      assert.equal(await webhookMessages.count('crm', 100), stored)
    }
    const user = sampleUser()
    await once(messages => storedUsers.add(user, messages))
    const session = sampleSession({ sub: user.sub, epoch: user.epoch })
    const renewed = { ...session, hash: newHash() }
    assert.equal(await sessions.create({ ...session, epoch: 7 }, [sampleMessage()]), false)
    assert.equal(await sessions.create(session, [sampleMessage()]), true)
    stored += 1
    await once(messages => sessions.renew(session.hash, renewed, messages))
    const consent = { sub: user.sub, client_id: 'web', scope: ['openid'], created_at: now }
    await once(messages => consents.save(consent, messages), true)
    await once(messages => consents.revoke(consent.sub, consent.client_id, now, messages))
    const next = { ...user, version: user.version + 1 }
    await once(messages => storedUsers.replace(next, accessEnding(), messages))
    await once(messages => persons.erase(user.sub, erasureOf(user.sub), messages))
  })
}
