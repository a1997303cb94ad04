/** Attacks on events: what strangers cause must not displace what happens to users. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../../packages/server/src/model/events.ts'
import type { Stores } from '../../packages/server/src/model/ports/stores.ts'
import type { WebhookMessage } from '../../packages/server/src/model/webhook.ts'
import { createLaterWrites } from '../../packages/server/src/operations/events/later-writes.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createTestServer } from '../support/tessera.ts'

const world = {
  clients: [
    {
      client_id: 'machine',
      client_secrets: [{ value: 's' }],
      grant_types: ['client_credentials'],
      scope: 'api1',
    },
  ],
  api_scopes: [{ name: 'api1' }],
}

test('events attack: refusals that wait for a slow store leave room for other events', async () => {
  const written = Promise.withResolvers<void>()
  const added: number[] = []
  const later = createLaterWrites({
    stores: {
      webhookMessages: {
        async add(messages: readonly unknown[]) {
          added.push(messages.length)
          await written.promise
        },
      } as unknown as Stores['webhookMessages'],
    },
    log: silentLog,
    onStored: () => {},
  })
  const message = {} as WebhookMessage
  for (let count = 0; count < 2000; count++) later.add([message], true)
  later.add([message], false)
  written.resolve()
  await later.settled()
  assert.deepEqual(added, [501])
})

test('events attack: neither nothing to store nor a store that throws at once ends the storing of events', async () => {
  let fails = false
  const added: number[] = []
  const later = createLaterWrites({
    stores: {
      webhookMessages: {
        add(messages: readonly unknown[]) {
          if (fails) throw new Error('closed')
          added.push(messages.length)
        },
      } as unknown as Stores['webhookMessages'],
    },
    log: silentLog,
    onStored: () => {},
  })
  const message = {} as WebhookMessage
  later.add([], true)
  await later.settled()
  later.add([message], true)
  await later.settled()
  fails = true
  later.add([message], true)
  await later.settled()
  fails = false
  later.add([message, message], true)
  await later.settled()
  assert.deepEqual(added, [1, 2])
})

test('events attack: refusals do not take the places of callbacks for other events', async () => {
  const seen: string[] = []
  const finish = Promise.withResolvers<void>()
  const server = await createTestServer({
    ...world,
    events: {
      '*': (event: Event) => {
        seen.push(event.type)
        return event.type === 'token.refused' ? finish.promise : undefined
      },
    },
  })
  for (let count = 0; count < 1010; count++)
    await server.token({ grant_type: 'unknown' }, { client: ['machine', 's'] })
  await server.token({ grant_type: 'client_credentials' }, { client: ['machine', 's'] })
  finish.resolve()
  await server.settled()
  assert.ok(seen.includes('token.issued'))
})
