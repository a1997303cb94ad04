/** Guesses at the secrets of APIs when a Basic header can be read in several ways (RFC 6749 §2.3.1, RFC 7662 §2.1). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused } from '../support/refused.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const nested = {
  ...withClients({
    client_id: 'a+b',
    ...{ client_secrets: [{ value: secret }], grant_types: ['client_credentials'], scope: 'api1' },
  } as never),
  api_resources: [
    ...world.api_resources,
    { name: 'urn:api:v2', api_secrets: [{ value: 'v2-secret' }] },
    { name: 'a%2Bb', api_secrets: [{ value: 'percent-secret' }] },
  ],
}

const ask = (server: TestServer, id: string, value: string) =>
  server.send('POST', '/connect/introspect', {
    form: { token: 'x' },
    headers: { authorization: `Basic ${Buffer.from(`${id}:${value}`).toString('base64')}` },
  })

/** Guesses until the server responds 429; returns how many guesses were checked. */
async function guesses(server: TestServer, id: (n: number) => string): Promise<number> {
  for (let count = 0; count < 300; count++)
    if ((await ask(server, id(count), `wrong-${count}`)).status === 429) return count
  return 300
}

test('attack: an API whose name begins with that of another has a hundred guesses, however its name is sent', async () => {
  const server = await createTestServer(nested)
  const spellings = ['urn:api:v2', 'urn%3Aapi%3Av2']
  assert.equal(await guesses(server, n => spellings[n % 2] ?? ''), 100)
  for (const id of spellings)
    assertRefused(await ask(server, id, 'v2-secret'), 'invalid_client', 'client_guessed_too_often')
})

test('attack: guesses at one API do not lock out another whose name begins with its name', async () => {
  const server = await createTestServer(nested)
  assert.equal(await guesses(server, () => 'urn%3Aapi'), 100)
  assertRefused(await ask(server, 'urn:api', 'api-secret'), 'invalid_client', 'client_guessed_too_often')
  for (const id of ['urn:api:v2', 'urn%3Aapi%3Av2'])
    assert.equal((await ask(server, id, 'v2-secret')).status, 200, id)
})

test('attack: a client whose header may also be an API has a hundred guesses, shared by introspection and other endpoints', async () => {
  const server = await createTestServer(nested)
  assert.equal(await guesses(server, () => 'a%2Bb'), 100)
  const form = { grant_type: 'client_credentials', scope: 'api1', client_id: 'a+b', client_secret: secret }
  assertRefused(await server.token(form), 'invalid_client', 'client_guessed_too_often')
})

test('attack: a client whose id begins with the name of an API has a hundred guesses, shared by introspection and other endpoints', async () => {
  const server = await createTestServer({
    ...nested,
    clients: [
      {
        client_id: 'urn:api:client',
        ...{ client_secrets: [{ value: secret }], grant_types: ['client_credentials'], scope: 'api1' },
      },
    ],
  })
  assert.equal(await guesses(server, () => 'urn:api:client'), 100)
  const form = { grant_type: 'client_credentials', scope: 'api1' }
  const answer = await server.token({ ...form, client_id: 'urn:api:client', client_secret: secret })
  assertRefused(answer, 'invalid_client', 'client_guessed_too_often')
})

for (const name of [`urn:${'a'.repeat(196)}`, `https://api.example/${'+%'.repeat(90)}`])
  test(`introspection: an API whose name has ${name.length} characters authenticates, and has a hundred guesses: ${name.slice(0, 5)}`, async () => {
    const server = await createTestServer({
      ...world,
      api_resources: [{ name, scopes: ['api1'], api_secrets: [{ value: 'long-secret' }] }],
    })
    const { json } = await server.token(
      { grant_type: 'client_credentials', scope: 'api1' },
      { client: ['client', secret] },
    )
    const token = json.access_token
    const form = (client_secret: string) => ({ token, client_id: name, client_secret })
    const inBody = await server.send('POST', '/connect/introspect', { form: form('long-secret') })
    assert.equal(inBody.json.active, true)
    for (const id of [name, encodeURIComponent(name)])
      assert.equal((await ask(server, id, 'long-secret')).status, 200)
    assertRefused(await ask(server, `${name}b`, 'x'), 'invalid_client', ['basic_malformed', 'client_unknown'])
    for (let count = 0; count < 100; count++)
      await server.send('POST', '/connect/introspect', { form: form(`wrong-${count}`) })
    assertRefused(await ask(server, name, 'long-secret'), 'invalid_client', 'client_guessed_too_often')
  })
