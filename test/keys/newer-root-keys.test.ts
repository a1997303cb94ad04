/** Queued rows that were sealed with a root key that this process has not read yet. */

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { auditEndpoint } from '../../packages/server/src/model/audit-record.ts'
import { accountsWorld } from '../support/accounts.ts'
import { webhookSecret } from '../support/events.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const url = 'https://receiver.example/events'

/** Sealed with the ninth root key. */
const sealed = new Uint8Array([9, 1, 2, 3])

/** Each queue: how a row is added, how the queue runs, and how many rows are due once it can be tried again. */
const queues: Readonly<Record<string, (server: TestServer) => Promise<Queue>>> = {
  mails: async ({ stores: { waitingMails }, clock, runMails }) => {
    const now = clock.now()
    await waitingMails.add({ id: 'm', sealed, attempts: 0, due_at: now, expires_at: now + 3600 }, 10)
    return { run: runMails, due: async () => (await waitingMails.claim(clock.now(), now, 9)).length }
  },
  webhooks: server => messagesOf(server, hash('sha256', url, 'base64url').slice(0, 22), server.runWebhooks),
  'audit records': server => messagesOf(server, auditEndpoint, server.runAudit),
}

type Queue = { readonly run: () => Promise<void>; readonly due: () => Promise<number> }

async function messagesOf(
  { stores: { webhookMessages }, clock }: TestServer,
  endpoint: string,
  run: () => Promise<void>,
): Promise<Queue> {
  const now = clock.now()
  const message = { event_id: 'e', endpoint, sealed, attempts: 0, due_at: now, expires_at: now + 3600 }
  await webhookMessages.add([message])
  return {
    run,
    due: async () =>
      (await webhookMessages.claim(endpoint, clock.now(), now, 9)).filter(one => one.event_id === 'e').length,
  }
}

for (const [name, open] of Object.entries(queues))
  test(`root keys: ${name} sealed with a newer key are left to processes that have it`, async () => {
    const webhooks = [{ url, secrets: [webhookSecret], events: ['token.issued'] }]
    const server = await createTestServer({ ...accountsWorld(), webhooks, audit: { enabled: true } })
    // Another process may have made such a key since this one last read them.
    server.clock.advance(600)
    const { run, due } = await open(server)
    await run()
    // Others can claim it immediately, so it was postponed to now.
    assert.equal(await due(), 1)
  })
