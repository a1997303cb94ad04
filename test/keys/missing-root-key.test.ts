/**
 * A process lacks the newest root key, because its key service does not respond. It leaves values that other processes sealed
 * with it to them.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRootKeys } from '../../packages/server/src/keys/root-keys.ts'
import { createSealing } from '../../packages/server/src/keys/sealing.ts'
import type { WebhookMessage } from '../../packages/server/src/model/webhook.ts'
import { createAuditLog } from '../../packages/server/src/operations/audit/audit-log.ts'
import { auditKey } from '../../packages/server/src/operations/audit/record.ts'
import { createWebhook } from '../../packages/server/src/operations/events/webhook.ts'
import { createMailQueue } from '../../packages/server/src/operations/mail/mail-queue.ts'
import { type Log, silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createRandom } from '../../packages/server/src/runtime/random.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables } from '../../packages/server/src/storage/memory/tables.ts'

const start = 1_790_000_000
const first = { version: 1, key: new Uint8Array(32).fill(1), active_from: 0 }
const second = { version: 2, key: new Uint8Array(32).fill(2), active_from: 1 }

/** Two processes on one store: `complete` has both root keys, `lacking` only the first. */
function processes() {
  let now = start
  const clock = { now: () => now }
  const stores = createMemoryStores(emptyTables())
  const random = createRandom()
  const process = (lacks: boolean) => {
    const rootKeys = createRootKeys(lacks ? [first] : [first, second], clock)
    const { derived } = rootKeys
    const logged: string[] = []
    const log: Log = {
      ...silentLog,
      warn: event => void logged.push(event),
      error: event => void logged.push(event),
    }
    const sent: string[] = []
    const common = { stores, clock, random, log }
    const webhook = createWebhook(
      { url: 'https://crm.example/hook', secrets: [new Uint8Array(24)] } as never,
      {
        ...common,
        sealing: createSealing({ derived, purpose: 'webhooks' }),
        async outbound() {
          sent.push('event')
          return { ok: true, status: 200, headers: {}, body: '' }
        },
      },
    )
    const mails = createMailQueue({
      ...common,
      sealing: createSealing({ derived, purpose: 'mail' }),
      async send() {
        sent.push('mail')
      },
    })
    const audit = createAuditLog({
      ...common,
      issuer: 'https://id.example',
      tenant: undefined,
      network: 'full',
      settings: { days: 10, sign_ins: true },
      sealing: createSealing({ derived, purpose: 'audit' }),
      key: () => auditKey(derived),
    } as never)
    return { webhook, mails, audit, sent, logged, read: () => rootKeys.noteNewest(2) }
  }
  return {
    complete: process(false),
    lacking: process(true),
    stores,
    advance: (seconds: number) => {
      now += seconds
    },
  }
}

test('missing root key: events, mails and audit records of other processes are left to them', async () => {
  const { complete, lacking, stores, advance } = processes()
  const message = complete.webhook.messageOf('token.issued', 'evt_1', '{}', undefined)
  await stores.webhookMessages.add([message!, ...complete.audit.messagesOf('user.disabled', { sub: 'ada' })])
  await complete.mails.settled()
  const sealed = createSealing({
    derived: createRootKeys([first, second], { now: () => start }).derived,
    purpose: 'mail',
  })
  const mail = { to: 'ada@example.com', subject: 'Hello', text: 'Hello' }
  await stores.waitingMails.add(
    {
      ...{ id: 'mail', sealed: sealed.seal(JSON.stringify(mail), 'mail mail'), attempts: 0 },
      ...{ due_at: start, expires_at: start + 600 },
    },
    10,
  )
  for (let seconds = 0; seconds < 300; seconds += 5) {
    await lacking.webhook.deliver()
    await lacking.mails.deliver()
    await lacking.audit.run()
    advance(5)
  }
  assert.deepEqual(lacking.sent, [])
  assert.deepEqual(await stores.auditRecords.list({ after: 0, limit: 10 }), [])
  assert.deepEqual(
    lacking.logged.filter(event => /undeliverable|failed/.test(event)),
    [],
  )
  // Rows that it looked at are due at once.
  await complete.webhook.deliver()
  await complete.mails.deliver()
  await complete.audit.run()
  assert.deepEqual(complete.sent, ['event', 'mail'])
  const records = await stores.auditRecords.list({ after: 0, limit: 10 })
  assert.deepEqual(
    records.map(({ type }) => type),
    ['user.disabled'],
  )
})

test('missing root key: a damaged row that names a root key which does not exist delays no others', async () => {
  const { complete, lacking, stores, advance } = processes()
  const damaged = (row: WebhookMessage): WebhookMessage => ({
    ...row,
    sealed: Buffer.concat([Buffer.of(200), row.sealed.subarray(1)]),
  })
  const event = (id: string): WebhookMessage =>
    complete.webhook.messageOf('token.issued', id, '{}', undefined)!
  const record = (sub: string): WebhookMessage => complete.audit.messagesOf('user.disabled', { sub })[0]!
  const add = () =>
    stores.webhookMessages.add([
      ...[damaged(event('evt_1')), event('evt_2'), damaged(record('ada')), record('bob')],
    ])
  await add()
  complete.read()
  await complete.webhook.deliver()
  await complete.audit.run()
  assert.deepEqual(complete.sent, ['event'])
  const records = await stores.auditRecords.list({ after: 0, limit: 10 })
  assert.deepEqual(records.map(({ type }) => type).toSorted(), ['audit.unreadable', 'user.disabled'])
  assert.equal(await complete.audit.erase('bob'), 1)
  // A process that has read the version of a root key that it can't open leaves rows of that key to others.
  await stores.webhookMessages.add([event('evt_3')])
  lacking.read()
  await lacking.webhook.deliver()
  assert.deepEqual(lacking.sent, [])
  // After a pause, the store may contain root keys that were not read yet.
  advance(100)
  const last = damaged(event('evt_4'))
  await stores.webhookMessages.add([last])
  await complete.webhook.deliver()
  assert.equal(await stores.webhookMessages.count(last.endpoint, 10), 1)
})
