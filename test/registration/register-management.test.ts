/** Registered clients read, update and delete their registration (RFC 7592). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { issueCode, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { bearer, jsonType, manage, register } from '../support/registering.ts'
import { callback, pagesWorld } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'

const configured = {
  ...pagesWorld,
  registration: {
    mode: 'open',
    allowed_grant_types: ['authorization_code', 'client_credentials'],
    allowed_scope: 'openid api1',
  },
}
const machine = {
  redirect_uris: [callback],
  grant_types: ['authorization_code', 'client_credentials'],
  scope: 'openid api1',
}

const works = async (
  server: TestServer,
  { client_id, client_secret }: { client_id: string; client_secret: string },
) =>
  (
    await server.token(
      { grant_type: 'client_credentials', scope: 'api1' },
      { client: [client_id, client_secret] },
    )
  ).status

test('registration: a client reads its registration, without its secret [RFC 7592 §2.1]', async () => {
  const server = await createTestServer(configured)
  const { client_secret, ...told } = (await register(server, machine)).json
  const { status, headers, json } = await manage(server, 'GET', told)
  assert.equal(status, 200)
  assert.match(String(headers['cache-control']), /no-store/)
  assert.deepEqual(json, told)
})

test('registration: an update replaces all metadata and the access token [RFC 7592 §2.2]', async () => {
  const server = await createTestServer(configured)
  const client = (await register(server, { ...machine, client_name: 'Before', contacts: ['a@b.example'] }))
    .json
  assert.equal(await works(server, client), 200)
  const { client_id } = client
  const { status, json } = await manage(server, 'PUT', client, {
    client_id,
    redirect_uris: [callback],
    client_name: 'After',
  })
  assert.equal(status, 200)
  assert.equal(json.client_name, 'After')
  assert.equal(json.contacts, undefined)
  assert.deepEqual(json.grant_types, ['authorization_code'])
  assert.equal(json.client_secret, undefined)
  assert.equal(json.client_id_issued_at, client.client_id_issued_at)
  assert.notEqual(json.registration_access_token, client.registration_access_token)
  // The grant is removed at once.
  const { json: refused } = await server.token(
    { grant_type: 'client_credentials' },
    { client: [client_id, client.client_secret] },
  )
  assert.equal(refused.error, 'unauthorized_client')
  assert.equal((await manage(server, 'GET', client)).status, 401)
  assert.equal((await manage(server, 'GET', json)).json.client_name, 'After')
})

test('registration: an update may remove the secret, and create a new one', async () => {
  const server = await createTestServer(configured)
  const client = (await register(server, machine)).json
  const { client_id } = client
  const open = (
    await manage(server, 'PUT', client, {
      client_id,
      redirect_uris: [callback],
      token_endpoint_auth_method: 'none',
    })
  ).json
  assert.equal(open.client_secret_expires_at, undefined)
  assert.equal(await works(server, client), 401)
  const again = (await manage(server, 'PUT', open, { client_id, ...machine })).json
  assert.notEqual(again.client_secret, client.client_secret)
  assert.equal(await works(server, client), 401)
  assert.equal(await works(server, again), 200)
})

for (const [what, changes, error] of [
  ['without its client_id', { client_id: undefined }, 'invalid_client_metadata'],
  ['with the client_id of another', { client_id: 'web' }, 'invalid_client_metadata'],
  ['with a secret that is not its own', { client_secret: 'chosen' }, 'invalid_client_metadata'],
  ['with its access token', { registration_access_token: 'x' }, 'invalid_client_metadata'],
  ['with an issue time', { client_id_issued_at: 1 }, 'invalid_client_metadata'],
  ['without a grant that may be registered', { grant_types: ['password'] }, 'invalid_client_metadata'],
  ['with an invalid redirect URI', { redirect_uris: ['http://app.example'] }, 'invalid_redirect_uri'],
] as const) {
  test(`registration: an update ${what} changes nothing`, async () => {
    const server = await createTestServer(configured)
    const client = (await register(server, machine)).json
    const { status, json } = await manage(server, 'PUT', client, {
      client_id: client.client_id,
      ...machine,
      ...changes,
    })
    assert.deepEqual([status, json.error], [400, error])
    assert.equal((await manage(server, 'GET', client)).status, 200)
    assert.equal(await works(server, client), 200)
  })
}

test('registration: a used client remains used after its update, and is not deleted as unused', async () => {
  const server = await createTestServer(configured)
  const { json } = await register(server, machine)
  const { client_id } = json
  const row = () => server.stores.registeredClients.find(client_id)
  assert.equal((await row())?.used_at, undefined)
  const code = await issueCode(server, { client_id, sub: '1' }, { redirect_uri: callback })
  const { status } = await server.token(
    { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier },
    { client: [client_id, json.client_secret] },
  )
  assert.equal(status, 200)
  // Not awaited by the request.
  const used = await until('the use is recorded', async () => (await row())?.used_at)
  assert.equal(used, server.clock.now())
  server.clock.advance(100)
  assert.equal((await manage(server, 'PUT', json, { ...machine, client_id, client_name: 'New' })).status, 200)
  const updated = await row()
  assert.deepEqual([updated?.version, updated?.used_at], [2, used])
  assert.equal(updated?.used_by, hashHandle('1'))
})

test('registration: an update returns a new secret if secrets expire, and keeps one that does not [RFC 7592 §2.2]', async () => {
  for (const client_secret_lifetime of [0, 1000]) {
    const registration = { ...configured.registration, client_secret_lifetime }
    const server = await createTestServer({ ...configured, registration })
    const { json } = await register(server, machine)
    server.clock.advance(100)
    const update = { ...machine, client_id: json.client_id }
    const { status, json: updated } = await manage(server, 'PUT', json, update)
    assert.equal(status, 200)
    const ends = client_secret_lifetime > 0
    assert.equal(updated.client_secret !== undefined, ends)
    assert.equal(await works(server, json), ends ? 401 : 200)
    if (!ends) continue
    assert.equal(updated.client_secret_expires_at, server.clock.now() + client_secret_lifetime)
    assert.equal(await works(server, updated), 200)
  }
})

test('registration: a trusted client remains trusted after its update, but an omitted statement no longer counts', async () => {
  const server = await createTestServer(configured)
  const { json } = await register(server, machine)
  const { client_id } = json
  const { registeredClients } = server.stores
  const row = (await registeredClients.find(client_id))!
  for (const [vouched_by, after] of [
    [undefined, undefined],
    ['initial_access_token', 'initial_access_token'],
    ['unknown', 'unknown'],
    ['software_statement', undefined],
  ] as const) {
    await registeredClients.remove(client_id)
    await registeredClients.add({ ...row, ...(vouched_by !== undefined && { vouched_by }) }, 10)
    const { status } = await manage(server, 'PUT', json, { ...machine, client_id })
    assert.equal(status, 200)
    assert.equal((await registeredClients.find(client_id))?.vouched_by, after)
  }
})

test('registration: an update that sends members of the server is refused [RFC 7592 §2.2]', async () => {
  const server = await createTestServer(configured)
  const { json } = await register(server, machine)
  const update = { ...machine, client_id: json.client_id }
  for (const member of [
    'registration_access_token',
    'registration_client_uri',
    'client_secret_expires_at',
    'client_id_issued_at',
  ]) {
    const refused = await manage(server, 'PUT', json, { ...update, [member]: json[member] })
    assertRefused(refused, 'invalid_client_metadata', 'client_update_malformed', member)
    assert.match(refused.json.error_description, new RegExp(member))
  }
  for (const client_id of [undefined, 'web', `${json.client_id} `]) {
    const refused = await manage(server, 'PUT', json, { ...update, client_id })
    assertRefused(refused, 'invalid_client_metadata', 'client_update_malformed', String(client_id))
  }
  assert.equal((await manage(server, 'PUT', json, update)).status, 200)
})

test('registration: the correct secret may be included', async () => {
  const server = await createTestServer(configured)
  const client = (await register(server, machine)).json
  const { client_id, client_secret } = client
  assert.equal((await manage(server, 'PUT', client, { ...machine, client_id, client_secret })).status, 200)
  assert.equal(await works(server, client), 200)
})

test('registration: a client that deletes itself is refused immediately, and so are its tokens [RFC 7592 §2.3]', async () => {
  const server = await createTestServer(configured)
  const client = (await register(server, machine)).json
  const { client_id, client_secret } = client
  const tokens = await server.token(
    { grant_type: 'client_credentials', scope: 'api1' },
    { client: [client_id, client_secret] },
  )
  const active = async () =>
    (
      await server.send('POST', '/connect/introspect', {
        form: { token: tokens.json.access_token, client_id: 'machine', client_secret: 's' },
      })
    ).json.active
  const removed = await manage(server, 'DELETE', client)
  assert.deepEqual([removed.status, removed.body], [204, ''])
  assert.equal(await works(server, client), 401)
  assert.equal(await active(), false)
  for (const method of ['GET', 'PUT', 'DELETE'] as const)
    assert.equal((await manage(server, method, client, {})).status, 401)
})

test("registration: only the client's own access token is accepted, and an unknown client gets the same response", async () => {
  const server = await createTestServer(configured)
  const [client, other] = [(await register(server, machine)).json, (await register(server, machine)).json]
  const unknown = {
    ...client,
    registration_client_uri: `${client.registration_client_uri.slice(0, -22)}${'a'.repeat(22)}`,
  }
  const answers = await Promise.all([
    manage(server, 'GET', { ...client, registration_access_token: other.registration_access_token }),
    manage(server, 'GET', { ...client, registration_access_token: client.client_secret }),
    manage(server, 'GET', unknown),
    manage(server, 'GET', { ...client, registration_client_uri: 'https://id.example/connect/register/web' }),
    manage(server, 'GET', { ...client, registration_client_uri: 'https://id.example/connect/register/' }),
  ])
  assert.deepEqual(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size, 1)
  assert.equal(answers[0]?.status, 401)
  assert.match(String(answers[0]?.headers['www-authenticate']), /^Bearer .*error="invalid_token"/)
  const path = new URL(client.registration_client_uri).pathname
  assert.equal((await server.send('GET', path)).status, 401)
  assert.equal(
    (await server.send('POST', path, { headers: bearer(client.registration_access_token) })).status,
    405,
  )
})

test('registration: of many concurrent updates one succeeds, and the others change nothing', async () => {
  const server = await createTestServer(configured)
  const client = (await register(server, machine)).json
  const { client_id } = client
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      manage(server, 'PUT', client, { ...machine, client_id, client_name: `n${index}` }),
    ),
  )
  const made = answers.filter(({ status }) => status === 200)
  assert.equal(made.length, 1)
  assert.equal((await manage(server, 'GET', made[0]?.json)).json.client_name, made[0]?.json.client_name)
})

test('registration: secrets are neither stored nor logged', async () => {
  const server = await createTestServer(configured)
  const { client_id, client_secret, registration_access_token } = (await register(server, machine)).json
  const kept = JSON.stringify([await server.stores.registeredClients.find(client_id), server.logged])
  assert.ok(!kept.includes(client_secret.slice(4)) && !kept.includes(registration_access_token.slice(4)))
})

test('registration: two processes on one store see each other’s clients, and a restart loses none', async () => {
  const { open } = await beginShared()
  const nodes = [await open(), await open()] as const
  const [one, two] = [
    await createTestServer(configured, { tenantStores: nodes[0] }),
    await createTestServer(configured, { tenantStores: nodes[1] }),
  ]
  const client = (await register(one, machine)).json
  assert.deepEqual([await works(one, client), await works(two, client)], [200, 200])
  const updated = (
    await manage(two, 'PUT', client, { client_id: client.client_id, redirect_uris: [callback] })
  ).json
  assert.equal(await works(one, client), 400)
  assert.equal((await manage(one, 'DELETE', updated)).status, 204)
  assert.deepEqual([await works(one, client), await works(two, client)], [401, 401])

  const kept = (await register(one, machine)).json
  const again = await createTestServer(configured, { tenantStores: nodes[1] })
  assert.equal(await works(again, kept), 200)
  // Registration is disabled now: existing clients continue, and what is no longer allowed does not.
  const closed = await createTestServer({ ...pagesWorld, registration: {} }, { tenantStores: nodes[1] })
  assert.equal(await works(closed, kept), 200)
  const { api_scopes, api_resources, ...rest } = pagesWorld
  const clients = rest.clients
    .filter(({ client_id }) => client_id === 'nolocal')
    .map(one => ({ ...one, scope: 'openid' }))
  const smaller = await createTestServer({ ...rest, clients }, { tenantStores: nodes[1] })
  assert.equal(await works(smaller, kept), 401)
  assert.ok(smaller.logged.some(({ event }) => event === 'registered_client_unfit'))
})

test('registration: the body of an update must be JSON too', async () => {
  const server = await createTestServer(configured)
  const client = (await register(server, machine)).json
  const path = new URL(client.registration_client_uri).pathname
  const headers = { ...jsonType, ...bearer(client.registration_access_token) }
  assert.equal(
    (await server.send('PUT', path, { headers, body: '[1]' })).json.error,
    'invalid_client_metadata',
  )
})

test('registration: a tenant with its own issuer registers its own clients, and only if it allows this', async () => {
  const mode = { mode: 'open' }
  const tenants = [
    { name: 'one', issuer: 'path', registration: mode },
    { name: 'two', issuer: 'path', registration: mode },
    { name: 'closed', issuer: 'path' },
  ]
  const server = await createTestServer({ registration: mode, tenants })
  const at = (path: string): Pick<TestServer, 'send'> => ({
    send: (method, target, options) => server.send(method, path + target, options),
  })
  const metadata = { redirect_uris: [callback] }
  assert.equal((await register(at('/t/closed'), metadata)).status, 404)
  const client = (await register(at('/t/one'), metadata)).json
  assert.match(client.registration_client_uri, /^https:\/\/id\.example\/t\/one\/connect\/register\//)
  assert.equal((await manage(server, 'GET', client)).status, 200)
  for (const elsewhere of ['/t/two', '']) {
    const uri = client.registration_client_uri.replace('/t/one', elsewhere)
    const moved = { ...client, registration_client_uri: uri }
    assert.equal((await manage(server, 'GET', moved)).status, 401)
    assert.equal((await manage(server, 'DELETE', moved)).status, 401)
    const form = {
      grant_type: 'client_credentials',
      client_id: client.client_id,
      client_secret: client.client_secret,
    }
    assertRefused(
      await server.send('POST', `${elsewhere}/connect/token`, { form }),
      'invalid_client',
      'client_unknown',
    )
  }
  assert.equal((await manage(server, 'GET', client)).status, 200)
})
