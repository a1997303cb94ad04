/** Guarantees of the port of the audit log. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditRow } from '../../../packages/server/src/model/audit-record.ts'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { now, tally } from './samples.ts'
import type { Opened } from './storage.ts'
import { sampleMessage } from './webhook-messages.ts'

const sampleRow = (seq: number, fields: Partial<AuditRow> = {}): AuditRow => ({
  ...{ seq, at: now, type: 'user.signed_in', record: `{"seq":${seq}}`, signature: `s${seq}` },
  ...fields,
})

export function testAuditRecords(open: () => Promise<Opened>): void {
  const storeTest = (name: string, run: (stores: Stores) => Promise<void>) =>
    test(`audit records: ${name}`, async () => {
      const { stores, end } = await open()
      try {
        await run(stores)
      } finally {
        await end()
      }
    })

  storeTest('are appended one after the other, and only once', async ({ auditRecords }) => {
    assert.equal(await auditRecords.newest(), undefined)
    assert.deepEqual(await auditRecords.list({ after: 0, limit: 10 }), [])
    assert.equal(await auditRecords.append([sampleRow(2)]), false)
    const about = sampleRow(1, { sub: 'alice', personal: '{"sub":"alice"}' })
    assert.equal(await auditRecords.append([about, sampleRow(2)]), true)
    assert.equal(await auditRecords.append([sampleRow(2, { record: 'other' })]), false)
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, index) => auditRecords.append([sampleRow(3, { at: now + index })])),
    )
    assert.deepEqual(tally(outcomes.map(String)), { true: 1, false: 7 })
    assert.deepEqual(await auditRecords.list({ after: 0, limit: 2 }), [about, sampleRow(2)])
    assert.deepEqual(
      (await auditRecords.list({ after: 2, limit: 9 })).map(({ seq }) => seq),
      [3],
    )
    assert.equal((await auditRecords.newest())?.seq, 3)
  })

  storeTest('replace the events that they contain, or nothing is written', async stores => {
    const { auditRecords, webhookMessages } = stores
    const [one, two] = [sampleMessage({ endpoint: 'audit' }), sampleMessage({ endpoint: 'audit' })]
    const elsewhere = sampleMessage({ event_id: one.event_id, endpoint: 'crm' })
    await webhookMessages.add([one, two, elsewhere])
    const both = { events: [one.event_id, two.event_id] }
    assert.equal(await auditRecords.append([sampleRow(2)], both), false)
    assert.equal(await webhookMessages.count('audit', 9), 2)
    await webhookMessages.remove(two)
    assert.equal(await auditRecords.append([sampleRow(1)], both), false)
    assert.equal(await auditRecords.newest(), undefined)
    assert.equal(await webhookMessages.count('audit', 9), 1)
    assert.equal(await auditRecords.append([sampleRow(1)], { events: [one.event_id] }), true)
    assert.equal(await webhookMessages.count('audit', 9), 0)
    assert.equal(await webhookMessages.count('crm', 9), 1)
  })

  storeTest('lose personal members of one user, and the oldest records', async ({ auditRecords }) => {
    const of = (seq: number, sub: string) => sampleRow(seq, { sub, personal: `{"sub":"${sub}"}` })
    await auditRecords.append([of(1, 'alice'), of(2, 'bob'), of(3, 'alice')])
    assert.deepEqual(await auditRecords.list({ after: 1, limit: 9, sub: 'alice' }), [of(3, 'alice')])
    assert.equal(await auditRecords.append([sampleRow(3)], { erased: 'alice', through: 2 }), false)
    assert.deepEqual(await auditRecords.list({ after: 0, limit: 9, sub: 'bob' }), [of(2, 'bob')])
    assert.equal(await auditRecords.append([sampleRow(4)], { erased: 'alice' }), true)
    assert.deepEqual(await auditRecords.list({ after: 0, limit: 9 }), [
      sampleRow(1),
      of(2, 'bob'),
      sampleRow(3),
      sampleRow(4),
    ])
    assert.equal(await auditRecords.append([sampleRow(5)], { through: 3 }), true)
    assert.deepEqual(await auditRecords.list({ after: 0, limit: 9 }), [sampleRow(4), sampleRow(5)])
  })
}
