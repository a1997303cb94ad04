/** Clients that are made, changed and removed while the server runs. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleUser } from '../contracts/stores/samples.ts'
import { createCountingStores, isBackground } from '../support/counting.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'
import { actor, made, refused, service, tokenOf } from './outcomes.ts'

const file = {
  api_scopes: [{ name: 'api1' }],
  api_resources: [{ name: 'urn:api', scopes: ['api1'], api_secrets: [{ value: 'api-secret' }] }],
  clients: [service({ client_id: 'filed', client_secrets: [{ value: 'secret' }] })],
  users: [{ sub: 'alice', username: 'alice', password: 'alice' }],
}

test('administration: a client gets tokens as soon as it is made, and none once it is disabled or removed', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 401)
  const { entry, secret } = made(await clients.create(service(), { actor }))
  assert.equal(secret, undefined)
  assert.deepEqual([entry.id, entry.version, entry.origin], ['made', 1, 'stored'])
  const issued = await tokenOf(server, 'made', 'top secret')
  assert.equal(issued.status, 200)
  assert.equal((await tokenOf(server, 'made', 'wrong')).status, 401)
  const isActive = async () =>
    (
      await server.send('POST', '/connect/introspect', {
        form: { token: issued.json.access_token },
        headers: { authorization: `Basic ${Buffer.from('urn%3Aapi:api-secret').toString('base64')}` },
      })
    ).json.active
  assert.equal(await isActive(), true)
  const { entry: shown } = made(await clients.get('made'))
  made(await clients.replace('made', { ...shown, enabled: false }, { actor, version: 1 }))
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 401)
  assert.equal(await isActive(), false)
  made(await clients.replace('made', { ...shown, enabled: true }, { actor }))
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 200)
  made(await clients.remove('made', { actor }))
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 401)
  assert.equal(await isActive(), false)
  assert.equal(refused(await clients.get('made')), 'entry_unknown')
})

test('administration: a client that does not fit is refused with the errors of a configuration file', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  const cases: readonly (readonly [object, string])[] = [
    [{ scope: 'api1 api2', tenants: ['acme'] }, 'entry_invalid, scope, tenants[0]'],
    [{ redirect_uri: 'https://a.example' }, 'entry_invalid, redirect_uri'],
    [{ client_secrets: [] }, 'entry_invalid, token_endpoint_auth_method'],
    [{ client_secrets: [{ value: 'a', sha256: 'b' }] }, 'entry_invalid, client_secrets[0].sha256'],
    [{ grant_types: ['authorization_code'] }, 'entry_invalid, redirect_uris'],
    [
      { token_endpoint_auth_method: 'tls_client_auth' },
      'entry_invalid, tls_client_auth_subject_dn, token_endpoint_auth_method',
    ],
    [{ client_id: 'alice' }, 'entry_invalid, client_id'],
    [{ client_id: 'urn:api', access_token_type: 'opaque' }, 'entry_invalid, access_token_type'],
    [{ client_name: 'x'.repeat(300_000) }, 'entry_invalid, (top)'],
    [{ client_id: 'filed' }, 'entry_exists'],
    [{ client_id: 7 }, 'entry_invalid, client_id'],
  ]
  for (const [more, expected] of cases)
    assert.equal(refused(await clients.create(service(more as never), { actor })), expected)
  const user = sampleUser()
  assert.equal(await server.stores.storedUsers.add(user), true)
  const like = service({ client_id: user.sub } as never)
  assert.equal(refused(await clients.create(like, { actor })), 'entry_invalid, client_id')
  assert.equal(refused(await clients.replace('filed', service(), { actor })), 'entry_read_only')
  assert.equal(refused(await clients.remove('filed', { actor })), 'entry_read_only')
  assert.equal(refused(await clients.remove('unknown', { actor })), 'entry_unknown')
  made(await clients.create(service(), { actor }))
  assert.equal(refused(await clients.create(service(), { actor })), 'entry_exists')
  assert.equal(
    refused(await clients.replace('made', service({ client_id: 'other' }), { actor })),
    'entry_invalid, client_id',
  )
  assert.equal(refused(await clients.replace('made', service(), { actor, version: 2 })), 'entry_changed')
  assert.equal(refused(await clients.remove('made', { actor, version: 2 })), 'entry_changed')
})

test('administration: a dry run reports the same errors, and changes nothing', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  const dry = { actor, dryRun: true }
  assert.equal(refused(await clients.create(service({ scope: 'api2' }), dry)), 'entry_invalid, scope')
  const { entry, secret } = made(await clients.create(service(), { ...dry, generateSecret: true }))
  assert.deepEqual([entry.version, secret], [1, undefined])
  assert.equal(refused(await clients.get('made')), 'entry_unknown')
  made(await clients.create(service(), { actor }))
  assert.equal(made(await clients.replace('made', service({ client_name: 'New' }), dry)).entry.version, 2)
  made(await clients.remove('made', dry))
  assert.equal(made(await clients.get('made')).entry.client_name, 'Made')
})

test('administration: of many simultaneous changes of one version, one is made', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  const creations = await Promise.all([1, 2, 3].map(() => clients.create(service(), { actor })))
  assert.equal(creations.filter(({ ok }) => ok).length, 1)
  const changes = await Promise.all(
    ['a', 'b', 'c'].map(client_name =>
      clients.replace('made', service({ client_name }), { actor, version: 1 }),
    ),
  )
  assert.equal(changes.filter(({ ok }) => ok).length, 1)
})

test('administration: clients of the file, stored and registered ones are listed together, in pages', async () => {
  const server = await createTestServer({ ...file, registration: { mode: 'open' } })
  const { clients } = server.administration
  for (const client_id of ['a', 'b', 'z']) made(await clients.create(service({ client_id }), { actor }))
  const { client_id } = (
    await server.send('POST', '/connect/register', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['https://app.example/cb'], client_name: 'Its own' }),
    })
  ).json
  const first = await clients.list({ limit: 3 })
  const rest = await clients.list({ limit: 3, cursor: first.cursor })
  const rows = [...first.entries, ...rest.entries]
  assert.equal(first.entries.length, 3)
  assert.equal(rest.cursor, undefined)
  assert.deepEqual(
    new Map(rows.map(({ id, origin }) => [id, origin])),
    new Map(
      [
        ['a', 'stored'],
        ['b', 'stored'],
        ['filed', 'file'],
        ['z', 'stored'],
        [client_id, 'registered'],
      ].toSorted() as never,
    ),
  )
  const found = async (filter: object) => (await clients.list({ filter })).entries.map(({ id }) => id)
  assert.deepEqual(await found({ text: 'ITS' }), [client_id])
  assert.deepEqual(await found({ text: 'Z', origin: 'stored' }), ['z'])
  assert.deepEqual(await found({ origin: 'file' }), ['filed'])
  assert.equal(made(await clients.get(client_id)).origin, 'registered')
  assert.equal(refused(await clients.replace(client_id, service(), { actor })), 'entry_read_only')
  const { version } = made(await clients.get(client_id))
  assert.equal(refused(await clients.remove(client_id, { actor, version: version + 1 })), 'entry_changed')
  made(await clients.remove(client_id, { actor, version }))
  assert.equal(refused(await clients.get(client_id)), 'entry_unknown')
})

test('administration: an unknown or configured client costs no read of a stored one, and a stored one costs one', async () => {
  const { stores, calls } = createCountingStores()
  const server = await createTestServer(file, { stores })
  made(await server.administration.clients.create(service(), { actor }))
  const reads = async (id: string, secret: string): Promise<readonly string[]> => {
    calls.length = 0
    await tokenOf(server, id, secret)
    return calls.filter(call => /^(entries|registeredClients)\./.test(call) && !isBackground(call))
  }
  assert.deepEqual(await reads('filed', 'secret'), [])
  for (const id of ['unknown', 'x'.repeat(100)]) assert.deepEqual(await reads(id, 'secret'), [])
  assert.deepEqual(await reads('made', 'top secret'), ['entries.find'])
  assert.deepEqual(await reads('made', 'top secret'), [])
})

test('administration: what a client needs of the whole server is there with the client', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  const cors = async () =>
    (
      await server.send('OPTIONS', '/connect/token', {
        headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
      })
    ).headers['access-control-allow-origin']
  const metadata = async () => (await server.send('GET', '/.well-known/openid-configuration')).json
  assert.equal(await cors(), undefined)
  assert.ok(!(await metadata()).code_challenge_methods_supported.includes('plain'))
  const needing = service({
    client_id: 'a:b',
    allowed_cors_origins: ['https://app.example'],
    id_token_signed_response_alg: 'PS256',
    allow_plain_pkce: true,
    accent_color: '#225588',
    access_token_lifetime: 20 * 86_400,
  })
  made(await clients.create(needing, { actor }))
  assert.equal(await cors(), 'https://app.example')
  assert.ok((await metadata()).code_challenge_methods_supported.includes('plain'))
  assert.ok((await metadata()).id_token_signing_alg_values_supported.includes('PS256'))
  // The header is not encoded: the client_id ends at its second colon.
  const headers = { authorization: `Basic ${Buffer.from('a:b:top secret').toString('base64')}` }
  const answer = await server.token({ grant_type: 'client_credentials', scope: 'api1' }, { headers })
  assert.equal(answer.status, 200)
  assert.equal(claimsOf(answer.json.access_token).client_id, 'a:b')
})

test('administration: a client of the file replaces a stored one of its name, until the file lets go of it', async () => {
  const server = await createTestServer(file)
  made(await server.administration.clients.create(service(), { actor }))
  await server.reconfigure({ ...file, clients: [service({ client_secrets: [{ value: 'of the file' }] })] })
  assert.equal((await tokenOf(server, 'made', 'of the file')).status, 200)
  const warning = server.logged.find(({ event }) => event === 'entry_hidden_by_file')
  assert.deepEqual([warning?.kind, warning?.id], ['clients', 'made'])
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 401)
  const { clients } = server.administration
  assert.equal(made(await clients.get('made')).origin, 'file')
  assert.equal(refused(await clients.replace('made', service(), { actor })), 'entry_read_only')
  await server.reconfigure(file)
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 200)
})

test('administration: a client that a new file no longer fits is not used until it fits again, and the log says why', async () => {
  const server = await createTestServer(file)
  made(await server.administration.clients.create(service(), { actor }))
  await server.reconfigure({ clients: [] })
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 401)
  const line = server.logged.find(({ event }) => event === 'entry_invalid') as any
  assert.deepEqual([line.kind, line.id, line.errors[0].path], ['clients', 'made', 'scope'])
  await server.reconfigure(file)
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 200)
})

test('administration: tokens of a removed client stay revoked if it is made again at once', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  made(await clients.create(service(), { actor }))
  const { json } = await tokenOf(server, 'made', 'top secret')
  const introspect = () =>
    server.send('POST', '/connect/introspect', {
      form: { token: json.access_token, client_id: 'made', client_secret: 'top secret' },
    })
  assert.equal((await introspect()).json.active, true)
  made(await clients.remove('made', { actor }))
  made(await clients.create(service(), { actor }))
  assert.equal((await introspect()).json.active, false)
})
