/** Webhooks of a process that is killed: every event of a response that a client got arrives. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { webhookSecret } from '../support/events.ts'
import { freePort, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { startReceiver, status } from '../support/receiver.ts'
import { until } from '../support/until.ts'

const count = 12

test('kill -9 loses no event of a token that a client got, and what was being sent is sent again', async () => {
  const receiver = await startReceiver()
  receiver.answer = () => {}
  const { file, directory, remove } = await writeConfiguration({
    storage: 'sqlite:./tessera.db',
    workers: 1,
    outbound: { allowed_private_networks: ['127.0.0.1'] },
    api_scopes: [{ name: 'api1' }],
    clients: [
      {
        client_id: 'machine',
        client_secrets: [{ value: 'a-long-secret-of-a-machine' }],
        grant_types: ['client_credentials'],
        scope: 'api1',
      },
    ],
    webhooks: [{ url: receiver.url, secrets: [webhookSecret], events: ['token.issued'] }],
  })
  const port = await freePort()
  let server = await serveConfiguration(file, port)
  try {
    const issue = async () => {
      const { status } = await fetch(`${server.url}/connect/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa('machine:a-long-secret-of-a-machine')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      })
      assert.equal(status, 200)
    }
    for (let issued = 0; issued < count - 1; issued++) await issue()
    await until('requests are in progress', () => receiver.deliveries.length === 8)
    await issue()
    await server.kill()
    const database = new DatabaseSync(join(directory, 'tessera.db'))
    assert.equal(
      database.prepare("select count(*) as stored from webhook_messages where endpoint <> 'audit'").get()
        ?.stored,
      count,
    )
    // The minute for which the killed process had claimed them is over.
    database.exec('update webhook_messages set due_at = 0')
    database.close()
    const before = receiver.deliveries.length
    receiver.answer = status(204)
    server = await serveConfiguration(file, port)
    const idsOf = (deliveries: typeof receiver.deliveries) => new Set(deliveries.map(({ event }) => event.id))
    await until('every event', () => receiver.deliveries.length - before === count)
    assert.equal(idsOf(receiver.deliveries.slice(before)).size, count)
    // Those that were being sent have the same ids.
    for (const id of idsOf(receiver.deliveries.slice(0, before)))
      assert.ok(idsOf(receiver.deliveries.slice(before)).has(id))
    await server.stop()
    const left = new DatabaseSync(join(directory, 'tessera.db'))
    assert.equal(
      left.prepare("select count(*) as stored from webhook_messages where endpoint <> 'audit'").get()?.stored,
      0,
    )
    left.close()
  } finally {
    await server.kill()
    await remove()
  }
})
