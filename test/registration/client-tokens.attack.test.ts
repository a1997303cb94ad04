/** Attacks by clients that anyone can register: tokens of their own that fill the store. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bearer, register } from '../support/registering.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const token = 'an initial access token of the operator'
const world = (access_token_type: 'jwt' | 'reference', mode: 'open' | 'initial_access_token' = 'open') => ({
  api_scopes: [{ name: 'api1' }],
  clients: [
    {
      client_id: 'made',
      client_secrets: [{ value: 'a long enough secret' }],
      grant_types: ['client_credentials'],
      scope: 'api1',
      access_token_type,
    },
  ],
  registration: {
    mode,
    ...(mode === 'initial_access_token' && { initial_access_tokens: [{ value: token }] }),
    allowed_grant_types: ['client_credentials'],
    allowed_scope: 'api1',
    client_defaults: { access_token_type, access_token_lifetime: 600 },
  },
})

type Credentials = readonly [id: string, secret: string]

async function registered(server: TestServer, headers: object = {}): Promise<Credentials> {
  const { status, body, json } = await register(
    server,
    { grant_types: ['client_credentials'], scope: 'api1' },
    headers,
  )
  assert.equal(status, 201, body)
  return [json.client_id, json.client_secret]
}

const request = (server: TestServer, client: Credentials, from = '203.0.113.7') =>
  server.token({ grant_type: 'client_credentials' }, { client, from })

test('attack: a self-registered client can’t fill the store with reference tokens of its own', async () => {
  const server = await createTestServer(world('reference'), { earlierAttempts: { most: 1000, left: 20 } })
  const client = await registered(server)
  const answers = await Promise.all(Array.from({ length: 30 }, () => request(server, client)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 20)
  const refused = answers.filter(({ status }) => status === 429)
  assert.equal(refused.length, 10)
  for (const { json, headers } of refused)
    assert.deepEqual([json.error, headers['retry-after']], ['temporarily_unavailable', '600'])
  assert.equal(server.reason(), 'client_tokens_too_often')
  // Others are not affected, and the place of an expired token is free.
  assert.equal((await request(server, await registered(server))).status, 200)
  for (let sent = 0; sent < 30; sent++)
    assert.equal((await request(server, ['made', 'a long enough secret'])).status, 200)
  server.clock.advance(600)
  assert.equal((await request(server, client)).status, 200)
})

test('attack: many self-registered clients of one network can’t fill the store with reference tokens together', async () => {
  const server = await createTestServer(world('reference'), { earlierAttempts: { most: 10_000, left: 20 } })
  const clients: Credentials[] = []
  for (let made = 0; made < 5; made++) clients.push(await registered(server))
  const asked = clients.flatMap(client => Array.from({ length: 5 }, () => request(server, client)))
  const statuses = (await Promise.all(asked)).map(({ status }) => status)
  assert.equal(statuses.filter(status => status === 200).length, 20)
  assert.equal(statuses.filter(status => status === 429).length, 5)
  // Another network need not wait.
  assert.equal((await request(server, await registered(server), '198.51.100.7')).status, 200)
})

test('registration: clients that the operator vouched for are not limited by the network of their reference tokens', async () => {
  const server = await createTestServer(world('reference', 'initial_access_token'), {
    earlierAttempts: { most: 10_000, left: 2 },
  })
  for (let made = 0; made < 5; made++)
    assert.equal((await request(server, await registered(server, bearer(token)))).status, 200)
})

test('attack: nodes share the limit of reference tokens of a self-registered client', async () => {
  const { open } = await beginShared()
  const earlierAttempts = { most: 1000, left: 20 }
  const nodes = [
    await createTestServer(world('reference'), { tenantStores: await open(), earlierAttempts }),
    await createTestServer(world('reference'), { tenantStores: await open() }),
  ] as const
  const client = await registered(nodes[0])
  // Counts what the client received earlier.
  assert.equal((await request(nodes[0], client)).status, 200)
  const asked = nodes.flatMap(node => Array.from({ length: 15 }, () => request(node, client)))
  const statuses = (await Promise.all(asked)).map(({ status }) => status)
  assert.equal(statuses.filter(status => status === 200).length, 19)
  assert.equal(statuses.filter(status => status === 429).length, 11)
})

test('attack: JWTs of a self-registered client, which are not stored, are not limited', async () => {
  const server = await createTestServer(world('jwt'), { earlierAttempts: { most: 1000, left: 3 } })
  const client = await registered(server)
  for (let sent = 0; sent < 10; sent++) assert.equal((await request(server, client)).status, 200)
})
