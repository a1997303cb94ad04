/** Attacks on events: what strangers cause must not displace what happens to users. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../../packages/server/src/model/events.ts'
import type { Stores } from '../../packages/server/src/model/ports/stores.ts'
import type { WebhookMessage } from '../../packages/server/src/model/webhook.ts'
import { createAdmission, webhookLimits } from '../../packages/server/src/operations/events/admission.ts'
import { createLaterWrites } from '../../packages/server/src/operations/events/later-writes.ts'
import { withOrigin } from '../../packages/server/src/runtime/async/origin.ts'
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

test('events attack: many accounts of one network leave room for the events of others', async () => {
  const { waiting, waitingForAll, waitingForOne, waitingForNetwork } = webhookLimits
  const clock = { now: () => 1_790_000_000 }
  const admission = createAdmission({ about: {}, count: () => waitingForAll, clock, log: silentLog })
  await admission.recount()
  const signIns = (kind: 'browser' | 'server', network: string, sub: string): number =>
    withOrigin({ actor: { kind }, network }, () =>
      Array.from({ length: waitingForOne }, () => admission.admits('user.signed_in', `user ${sub}`)),
    ).filter(Boolean).length
  let stored = 0
  // A customer with a /48 takes no more than one with an address.
  for (let count = 0; count * waitingForOne < waiting; count++)
    stored += signIns('browser', `2001:db8:7:${count.toString(16)}`, `eve-${count}`)
  assert.equal(stored, waitingForNetwork)
  assert.equal(signIns('browser', '192.0.2.1', 'bob'), waitingForOne)
  // A client sends the requests of all its users from one network.
  for (let count = 0; count < 15; count++)
    assert.equal(signIns('server', '198.51.100.7', `user-${count}`), waitingForOne)
})
