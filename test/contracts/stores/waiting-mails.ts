/** Guarantees of the port of waiting mail. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WaitingMail } from '../../../packages/server/src/model/mail.ts'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { day, minute, newHash, now, tally } from './samples.ts'
import type { Opened } from './storage.ts'

export const sampleMail = (fields: Partial<WaitingMail> = {}): WaitingMail => ({
  ...{ id: newHash(), sealed: new Uint8Array([1, 0, 255]), attempts: 0, due_at: now, expires_at: now + day },
  ...fields,
})

export function testWaitingMails(open: () => Promise<Opened>): void {
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
    'waiting mails: each is claimed once, the longest due first, and can be claimed again',
    async stores => {
      const { waitingMails } = stores
      const [early, late, later] = [
        sampleMail({ due_at: now - 5 }),
        sampleMail(),
        sampleMail({ due_at: now + 1 }),
      ]
      assert.equal(await waitingMails.anyDue(now), false)
      for (const mail of [late, later, early]) assert.equal(await waitingMails.add(mail, 10), true)
      assert.equal(await waitingMails.anyDue(now), true)
      const until = now + minute
      const claimed = (mail: WaitingMail, attempts = 1) => ({ ...mail, attempts, due_at: until })
      assert.deepEqual(await waitingMails.claim(now, until, 1), [claimed(early)])
      const runs = await Promise.all(Array.from({ length: 20 }, () => waitingMails.claim(now, until, 5)))
      assert.deepEqual(runs.flat(), [claimed(late)])
      assert.equal(await waitingMails.anyDue(now), false)
      await waitingMails.remove(early.id)
      await waitingMails.remove(early.id)
      const again = await waitingMails.claim(until, until + minute, 5)
      assert.deepEqual(
        new Map(again.map(({ id, attempts }) => [id, attempts])),
        new Map([
          [later.id, 1],
          [late.id, 2],
        ]),
      )
    },
  )

  storeTest('waiting mails: one can be postponed only by its last claimant', async ({ waitingMails }) => {
    await waitingMails.add(sampleMail(), 10)
    const [first] = await waitingMails.claim(now, now + 1, 1)
    const [second] = await waitingMails.claim(now + 1, now + minute, 1)
    assert.ok(first && second)
    await waitingMails.postpone(first, now + 2)
    assert.equal(await waitingMails.anyDue(now + 2), false)
    await waitingMails.postpone(second, now + 3)
    assert.deepEqual(await waitingMails.claim(now + 3, now + day, 5), [
      { ...second, attempts: 3, due_at: now + day },
    ])
  })

  storeTest('waiting mails: their number is limited, and expired ones are deleted', async stores => {
    const { waitingMails } = stores
    const added = await Promise.all(
      Array.from({ length: 20 }, () => waitingMails.add(sampleMail({ expires_at: now + minute }), 5)),
    )
    assert.deepEqual(tally(added), { true: 5, false: 15 })
    await stores.cleanUp(now + minute)
    assert.equal(await waitingMails.anyDue(now + day), false)
  })
}
