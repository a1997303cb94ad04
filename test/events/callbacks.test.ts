/** Callbacks of events: a callback can't affect a request, whatever it does. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../../packages/server/src/model/events.ts'
import type { HookContext } from '../../packages/server/src/model/hook.ts'
import { createCallbacks, mostUnderWay } from '../../packages/server/src/operations/events/callbacks.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createTestServer } from '../support/tessera.ts'
import { unreadableThrown } from '../support/thrown.ts'
import { until } from '../support/until.ts'
import { secret, world } from '../support/world.ts'

const start = (events: object, changes: object = {}) => createTestServer({ ...world, events, ...changes })
type Started = Awaited<ReturnType<typeof start>>

const issue = async (server: Started) => {
  const answer = await server.token(
    { grant_type: 'client_credentials', scope: 'api1' },
    { client: ['client', secret] },
  )
  assert.equal(answer.status, 200)
}

const failures = ({ logged }: Started) =>
  logged.filter(({ event }) => event === 'event_callback_failed').map(({ hook, reason }) => [hook, reason])

test('callbacks: one that throws or rejects is logged by its name, and affects neither the request nor others', async () => {
  const called: string[] = []
  const server = await start({
    'token.issued': () => {
      throw new Error('broken')
    },
    '*': async ({ type }: Event) => {
      called.push(type)
      throw new Error('broken too')
    },
  })
  await issue(server)
  await server.settled()
  assert.deepEqual(called, ['token.issued'])
  assert.deepEqual(failures(server), [
    ['events["token.issued"]', 'hook_failed'],
    ['events["*"]', 'hook_failed'],
  ])
})

test('callbacks: any value that one throws is logged by its name', async () => {
  for (const thrown of unreadableThrown) {
    const server = await start({
      'token.issued': () => {
        throw thrown
      },
    })
    await issue(server)
    await server.settled()
    assert.deepEqual(failures(server), [['events["token.issued"]', 'hook_failed']])
  }
})

test('callbacks: one that hangs is aborted by its signal, and no request waits for it', async () => {
  const signals: AbortSignal[] = []
  const server = await start(
    {
      'token.issued': (_: Event, { signal }: HookContext) => {
        signals.push(signal)
        return new Promise(() => {})
      },
    },
    { hook_timeout: 1 },
  )
  await issue(server)
  await issue(server)
  await server.settled()
  assert.deepEqual(failures(server), [
    ['events["token.issued"]', 'hook_timed_out'],
    ['events["token.issued"]', 'hook_timed_out'],
  ])
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, true],
  )
})

test('callbacks: each gets an event of its own, so that a change by one is not seen by another', async () => {
  const seen: unknown[] = []
  const spoil = (event: { data: object }) => {
    seen.push(structuredClone(event.data))
    Object.assign(event, { data: 'spoiled' })
  }
  const server = await start({ 'token.issued': spoil, '*': spoil })
  await issue(server)
  await server.settled()
  assert.equal(seen.length, 2)
  assert.deepEqual(seen[0], seen[1])
  assert.equal(typeof seen[0], 'object')
})

test('callbacks: further events are dropped and counted while too many callbacks are in progress', async () => {
  const dropped: unknown[] = []
  let called = 0
  const finish = Promise.withResolvers<void>()
  const callbacks = createCallbacks(
    {
      'key.removed': () => {
        called += 1
        return finish.promise
      },
    },
    { limit: 30, log: { ...silentLog, error: (event, fields) => void dropped.push([event, fields?.hook]) } },
  )
  for (let count = 0; count < mostUnderWay + 5; count++)
    callbacks.call('key.removed', JSON.stringify({ count }))
  await until('all that may run were called', () => called === mostUnderWay)
  assert.deepEqual(dropped, [['event_callbacks_dropped', 'events["key.removed"]']])
  finish.resolve()
  await callbacks.settled()
  assert.equal(called, mostUnderWay)
  callbacks.call('key.removed', '{}')
  await callbacks.settled()
  assert.equal(called, mostUnderWay + 1)
})

test('callbacks: events that strangers can cause leave half of the places to others', async () => {
  const finish = Promise.withResolvers<void>()
  const called: string[] = []
  const callbacks = createCallbacks(
    {
      '*': ({ type }: Event) => {
        called.push(type)
        return finish.promise
      },
    },
    { limit: 30, log: silentLog },
  )
  const callOften = (type: 'key.removed' | 'token.refused') => {
    for (let count = 0; count < mostUnderWay; count++) callbacks.call(type, JSON.stringify({ type }))
  }
  callOften('token.refused')
  callOften('key.removed')
  await until('all that may run were called', () => called.length === mostUnderWay)
  assert.equal(called.filter(type => type === 'key.removed').length, mostUnderWay / 2)
  finish.resolve()
  await callbacks.settled()
  callbacks.call('token.refused', JSON.stringify({ type: 'token.refused' }))
  await callbacks.settled()
  assert.equal(called.length, mostUnderWay + 1)
})

test('callbacks: a tenant with its own issuer inherits them, and its events name it', async () => {
  const events: Event[] = []
  const server = await start(
    { '*': (event: Event) => events.push(event) },
    { tenants: [{ name: 'acme', issuer: 'path', clients: world.clients }] },
  )
  const answer = await server.send('POST', '/t/acme/connect/token', {
    form: { grant_type: 'client_credentials', scope: 'api1', client_id: 'client', client_secret: 'wrong' },
  })
  assert.equal(answer.status, 401)
  await until('the event', () => events.length > 0)
  assert.deepEqual(
    events.map(({ type, issuer, tenant }) => [type, issuer, tenant]),
    [['token.refused', 'https://id.example/t/acme', 'acme']],
  )
})

test('callbacks: a refused client is named however it stated its id', async () => {
  const named: unknown[] = []
  const server = await start({
    'token.refused': ({ data }: { data: { client_id?: string } }) => named.push(data.client_id),
  })
  const form = { grant_type: 'client_credentials' }
  await server.token(form, { client: ['client', 'wrong'] })
  await server.token({ ...form, client_id: 'client', client_secret: 'wrong' })
  await server.token(form, { client: ['nobody', 'wrong'] })
  await server.token(form)
  await server.settled()
  assert.deepEqual(named, ['client', 'client', 'nobody', undefined])
})
