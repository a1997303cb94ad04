/** Records of a server, and how the admin API shows them. */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { importedKey } from '../../packages/server/src/keys/imported-key.ts'
import { withOrigin } from '../../packages/server/src/runtime/async/origin.ts'
import { StoreUnavailable } from '../../packages/server/src/runtime/ports.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { adminToken, adminWorld } from '../support/admin.ts'
import { createBrowser } from '../support/browser.ts'
import { createCountingStores } from '../support/counting.ts'
import { assertRefused } from '../support/refused.ts'
import { manage, register } from '../support/registering.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { createTestServer, startOfTime, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { secret, world } from '../support/world.ts'

type Shown = {
  readonly record: Record<string, any>
  readonly personal?: Record<string, any>
  readonly signature: string
}

const recordsOf = async (server: TestServer): Promise<readonly Shown[]> => {
  await server.settled()
  await server.runAudit()
  const rows = await server.stores.auditRecords.list({ after: 0, limit: 500 })
  return rows.map(({ record, personal, signature }) => ({
    record: JSON.parse(record),
    signature,
    ...(personal !== undefined && { personal: JSON.parse(personal) }),
  }))
}

const ofType = (records: readonly Shown[], type: string) =>
  records.filter(({ record }) => record.type === type)

test('audit: a change by the admin API has its request, its author, its values and no secret', async () => {
  const server = await createTestServer(adminWorld)
  const authorization = `Bearer ${await adminToken(server)}`
  const headers = { authorization, 'content-type': 'application/json' }
  const send = (method: string, path: string, body: object, etag?: string) =>
    server.send(method, `/admin/api/v1${path}`, {
      headers: { ...headers, ...(etag && { 'if-match': etag }) },
      body: JSON.stringify(body),
      from: '192.0.2.7',
    })
  const client = { client_id: 'new', grant_types: ['client_credentials'], scope: 'api1' }
  const made = await send('POST', '/clients', { ...client, client_secrets: [{ value: 'one-secret-of-it' }] })
  assert.equal(made.status, 201)
  const changed = { ...made.json, client_name: 'New' }
  const put = await send('PUT', '/clients/new', changed, '*')
  assert.equal(put.status, 200, put.body as string)
  const dry = await send('PUT', '/clients/new?dry_run=true', changed, '*')
  assert.equal(dry.status, 200, String(dry.body))
  const user = await send('POST', '/users', { username: 'dora', password: 'seven purple kettles' })
  assert.equal(user.status, 201, String(user.body))
  const { sub } = user.json
  const renamed = { username: 'theodora' }
  const patch = { authorization, 'content-type': 'application/merge-patch+json', 'if-match': '*' }
  const body = JSON.stringify(renamed)
  const patched = await server.send('PATCH', `/admin/api/v1/users/${sub}`, { headers: patch, body })
  assert.equal(patched.status, 200, String(patched.body))

  const records = await recordsOf(server)
  assert.deepEqual(
    records.map(({ record }) => record.data.operation ?? record.type),
    ['createClient', 'entry.created', 'putClient', 'entry.updated', 'createUser', 'user.created'].concat([
      ...['patchUser', 'user.updated'],
    ]),
  )
  for (const { record } of records) {
    assert.deepEqual(record.actor, { kind: 'admin', client_id: 'operator' })
    assert.match(record.request_id, /./)
  }
  const [updated] = ofType(records, 'entry.updated')
  assert.deepEqual(updated?.record.data.changes, { client_name: { to: 'New' } })
  assert.equal(updated?.record.data.network, '192.0.2.7')
  const [rename] = ofType(records, 'user.updated')
  assert.deepEqual(rename?.record.data, { changed: ['username'] })
  assert.deepEqual(rename?.personal?.changes, { username: { from: 'dora', to: 'theodora' } })
  assert.equal(rename?.personal?.sub, sub)
  const text = JSON.stringify(records)
  for (const secret of ['one-secret-of-it', 'kettles', authorization.slice(7), 'argon2id'])
    assert.ok(!text.includes(secret), secret)

  const session = `/admin/api/v1/users/${sub}/sessions/unknown-session`
  await server.send('DELETE', session, { headers: { authorization } })
  const ended = (await recordsOf(server)).at(-1)
  assert.equal(ended?.personal?.sid, 'unknown-session')
  assert.doesNotMatch(JSON.stringify(ended?.record), /unknown-session/)

  const list = (query: string) => server.send('GET', `/admin/api/v1/audit${query}`, { headers })
  const page = await list('?limit=3')
  assert.deepEqual(page.json.items, records.slice(0, 3))
  const rest = await list(`?limit=3&sub=1&cursor=${page.json.next_cursor}`)
  assert.equal(rest.status, 400)
  const next = await list(`?limit=3&cursor=${page.json.next_cursor}`)
  assert.deepEqual(next.json.items, records.slice(3, 6))
  assert.deepEqual((await list(`?sub=${sub}`)).json.items.length, 4)
  assert.deepEqual((await list('?type=entry.created')).json.items.length, 1)
  assert.deepEqual((await list('?client_id=operator&since=1')).json.items.length, 9)
  assert.deepEqual((await list('?client_id=other')).json.items, [])
  assert.deepEqual((await list('?until=1')).json.items, [])
  const weak = `Bearer ${await adminToken(server, ['admin:keys.read'])}`
  const refused = await server.send('GET', '/admin/api/v1/audit', { headers: { authorization: weak } })
  assert.equal(refused.status, 403)
})

test('audit: an imported key is recorded, also if it only verifies', async () => {
  const server = await createTestServer(pagesWorld)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  for (const use of ['verify', 'sign'] as const)
    await server.keys.importKeys([
      importedKey({ key: privateKey, kid: `old ${use}` }, { use, signs: ['ES256'] }),
    ])
  assert.deepEqual(
    ofType(await recordsOf(server), 'key.imported').map(({ record }) => record.data),
    ['verify', 'sign'].map(use => ({ kid: `old ${use}`, alg: 'ES256', use })),
  )
  await server.close()
})

test('audit: a change that can not be recorded is not made', async () => {
  const server = await createTestServer(adminWorld)
  const authorization = `Bearer ${await adminToken(server)}`
  const add = async () => {
    throw new StoreUnavailable('the disk is full')
  }
  Object.assign(server.stores.webhookMessages, { add })
  const body = JSON.stringify({ client_id: 'new', token_endpoint_auth_method: 'none' })
  const headers = { authorization, 'content-type': 'application/json' }
  assert.equal((await server.send('POST', '/admin/api/v1/clients', { headers, body })).status, 503)
  assert.equal(await server.stores.entries.find('clients', 'new'), undefined)
})

test('audit: sign-ins and refused ones are recorded, without what was typed', async () => {
  const server = await createTestServer(pagesWorld)
  await signIn(createBrowser(server), authorizePath())
  for (const username of ['alice', 'my-password-by-mistake']) {
    const browser = createBrowser(server)
    const page = await browser.visit(authorizePath())
    await browser.submit(page, { username, password: 'wrong-guess', button: 'login' })
  }
  const records = await recordsOf(server)
  const [signedIn, known, unknown] = records
  assert.equal(signedIn?.record.type, 'user.signed_in')
  assert.deepEqual(signedIn?.record.actor, { kind: 'browser' })
  assert.equal(signedIn?.personal?.sub, '1')
  assert.ok(signedIn?.personal?.sid && signedIn.personal.network)
  assert.equal(known?.record.type, 'user.sign_in_failed')
  assert.equal(known?.personal?.sub, '1')
  assert.equal(known?.record.data.reason, 'credentials_refused')
  assert.equal(unknown?.personal, undefined)
  assert.doesNotMatch(JSON.stringify(records), /by-mistake|wrong-guess/)
})

test('audit: a refused password grant has its request and network, also if only the second factor is missing', async () => {
  const server = await createTestServer({ ...world, mfa: { mode: 'required' } })
  const ask = (username: string, password: string, from: string) =>
    server.token(
      { grant_type: 'password', username, password, scope: 'api1' },
      { client: ['roclient', secret], from },
    )
  assertRefused(await ask('bob', 'wrong-guess', '192.0.2.1'), 'invalid_grant', 'credentials_refused')
  assertRefused(await ask('bob', 'bob', '192.0.2.2'), 'invalid_grant', 'second_factor_needed')
  await ask('nobody', 'wrong-guess', '192.0.2.3')
  const records = ofType(await recordsOf(server), 'user.sign_in_failed')
  const reasons = ['credentials_refused', 'second_factor_needed', 'credentials_refused']
  assert.deepEqual(
    records.map(({ record }) => record.data.reason),
    reasons,
  )
  for (const { record } of records) {
    assert.equal(record.data.client_id, 'roclient')
    assert.ok(record.request_id)
    assert.deepEqual(record.actor, { kind: 'server' })
  }
  const [wrong, missing, unknown] = records
  assert.equal(wrong?.personal?.network, '192.0.2.1')
  assert.equal(missing?.personal?.network, '192.0.2.2')
  assert.equal(unknown?.record.data.network, '192.0.2.3')
})

test('audit: passwords that one network guesses by the password grant hide no others, and a reload forgets no count', async () => {
  const server = await createTestServer(world)
  const guess = (username: string, from: string) =>
    server.token(
      { grant_type: 'password', username, password: 'wrong-guess', scope: 'api1' },
      { client: ['roclient', secret], from },
    )
  for (let count = 0; count < 61; count++) await guess(`nobody${count}`, '192.0.2.1')
  await guess('bob', '192.0.2.2')
  const records = ofType(await recordsOf(server), 'user.sign_in_failed')
  assert.equal(records.length, 61)
  assert.equal(records.at(-1)?.personal?.network, '192.0.2.2')
  await server.reconfigure(world)
  const [omitted] = await until('the count is recorded', async () => {
    const found = ofType(await recordsOf(server), 'audit.omitted')
    return found.length > 0 && found
  })
  assert.deepEqual(omitted?.record.data, { type: 'user.sign_in_failed', count: 1 })
})

test('audit: what clients register that someone vouched for is recorded', async () => {
  const initial = 'an-initial-access-token'
  const registration = { mode: 'initial_access_token', initial_access_tokens: [{ value: initial }] }
  const server = await createTestServer({ ...world, registration })
  const send = (method: string, path: string, { body, token }: { body?: object; token?: string } = {}) =>
    server.send(method, path, {
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
      from: '192.0.2.7',
    })
  const metadata = { redirect_uris: ['https://app.example/callback'], client_name: 'A shown name' }
  const made = await send('POST', '/connect/register', { body: metadata, token: initial })
  assert.equal(made.status, 201)
  const { client_id, registration_access_token: token } = made.json
  const path = `/connect/register/${client_id}`
  const updated = await send('PUT', path, { body: { ...metadata, client_id, client_name: 'New' }, token })
  assert.equal(updated.status, 200)
  assert.equal((await send('DELETE', path, { token: updated.json.registration_access_token })).status, 204)
  // Refused ones change nothing.
  const refused = await send('POST', '/connect/register', { body: { redirect_uris: [] }, token: initial })
  assert.equal(refused.status, 400)
  const records = await recordsOf(server)
  const shown = records.filter(({ record }) => record.type.startsWith('client.'))
  const names = ['client.registered', 'client.registration_updated', 'client.registration_removed']
  assert.deepEqual(
    shown.map(({ record }) => record.type),
    names,
  )
  for (const { record } of shown) {
    assert.deepEqual(record.data, {
      ...{ client_id, network: '192.0.2.7' },
      vouched_by: 'initial_access_token',
    })
    assert.deepEqual(record.actor, { kind: 'server' })
    assert.ok(record.request_id)
  }
  assert.doesNotMatch(JSON.stringify(records), new RegExp(`${token}|A shown name`))
})

test('audit: what strangers register leaves no record', async () => {
  const server = await createTestServer({ ...world, registration: { mode: 'open' } })
  const metadata = { redirect_uris: ['https://app.example/callback'] }
  const { json } = await register(server, metadata)
  const { json: updated } = await manage(server, 'PUT', json, { ...metadata, client_id: json.client_id })
  assert.equal((await manage(server, 'DELETE', updated)).status, 204)
  const records = await recordsOf(server)
  assert.ok(records.every(({ record }) => !record.type.startsWith('client.')))
})

test('audit: a refused sign-in is looked up again for the log only, so not at all if that is turned off', async () => {
  const lookups = async (enabled: boolean) => {
    const { stores, calls } = createCountingStores()
    const server = await createTestServer({ ...world, audit: { enabled } }, { stores })
    calls.length = 0
    const form = { grant_type: 'password', username: 'nobody', password: 'wrong-guess', scope: 'api1' }
    await server.token(form, { client: ['roclient', secret] })
    await server.settled()
    return calls.filter(call => call.startsWith('storedUsers.')).length
  }
  assert.equal((await lookups(true)) - (await lookups(false)), 1)
})

test('audit: what a reload changes is recorded by one process', async () => {
  const server = await createTestServer({ ...pagesWorld, drain_delay: 1 }, { jobs: true })
  await server.reconfigure({ ...pagesWorld, drain_delay: 2 })
  const records = await recordsOf(server)
  assert.match(ofType(records, 'configuration.started')[0]?.record.data.digest, /^[\w-]{43}$/)
  const [applied] = ofType(records, 'configuration.applied')
  assert.deepEqual(applied?.record.data.changes, [{ subject: 'drain_delay', change: 'changed', keys: [] }])
  assert.deepEqual(applied?.record.actor, { kind: 'server' })
  await server.close()
})

test('audit: a reload that can’t be recorded is served as a whole, and recorded with the next one', async () => {
  const stores = createMemoryStores()
  const { add } = stores.webhookMessages
  const proxied = (changes: object) => ({ ...pagesWorld, trusted_proxies: ['192.0.2.0/24'], ...changes })
  const server = await createTestServer(proxied({ drain_delay: 1 }), { jobs: true, stores })
  Object.assign(stores.webhookMessages, {
    async add() {
      throw new StoreUnavailable('away')
    },
  })
  await server.reconfigure(proxied({ drain_delay: 2, registration: { mode: 'open' } }))
  const { json } = await server.send('GET', '/.well-known/openid-configuration')
  assert.ok(json.registration_endpoint)
  assert.equal(server.logged.filter(({ event }) => event === 'configuration_not_recorded').length, 1)
  Object.assign(stores.webhookMessages, { add })
  await server.reconfigure(proxied({ drain_delay: 2, trusted_proxies: [] }))
  const applied = ofType(await recordsOf(server), 'configuration.applied')
  assert.deepEqual(
    applied.map(({ record }) => record.data.changes.map(({ subject }: { subject: string }) => subject)),
    [['drain_delay', 'trusted_proxies']],
  )
  await server.close()
})

test('audit: users that a reload changes can be erased', async () => {
  const user = (sub: string) => ({ sub, username: sub, password: 'a-long-pass-phrase' })
  const tenant = (...users: readonly object[]) => ({
    ...world,
    users: [...world.users, ...users],
    tenants: [...world.tenants, { name: 'apart', issuer: 'path' }],
  })
  const before = tenant(user('sub-of-dora'), { ...user('sub-of-emil'), tenant: 'apart' })
  const server = await createTestServer(before, { jobs: true })
  await server.reconfigure(tenant({ ...user('sub-of-dora'), active: false }))
  const records = await recordsOf(server)
  assert.doesNotMatch(JSON.stringify(records.map(({ record }) => record)), /sub-of-/)
  assert.equal(ofType(records, 'configuration.applied')[0]?.record.data.users, 2)
  assert.deepEqual(
    ofType(records, 'configuration.user_changed').map(({ record, personal }) => [personal?.sub, record.data]),
    [
      ['sub-of-dora', { change: 'changed', keys: ['active'] }],
      ['sub-of-emil', { change: 'removed', keys: [] }],
    ],
  )
  await server.close()
})

test('audit: a user who deletes the own account can be erased from its record', async () => {
  const server = await createTestServer({ ...world, accounts: { self_deletion: true } })
  const { accounts } = server
  const added = await accounts.add({ username: 'dora', sub: 'sub-of-dora' } as never)
  assert.ok(added.ok)
  await accounts.remove('sub-of-dora', 'sub-of-dora')
  const [deleted] = ofType(await recordsOf(server), 'user.deleted')
  assert.equal(deleted?.personal?.actor, 'sub-of-dora')
  assert.doesNotMatch(JSON.stringify(deleted?.record), /sub-of-dora/)
})

test('audit: a log shows that it was turned off, by a reload or a start; one that was never on is empty', async () => {
  const [on, off] = [true, false].map(enabled => ({ ...pagesWorld, audit: { enabled } }))
  const stores = createMemoryStores()
  const server = await createTestServer(on ?? {}, { stores, jobs: true })
  await server.reconfigure(off ?? {})
  await signIn(createBrowser(server), authorizePath())
  await recordsOf(server)
  await server.close()
  const records = await recordsOf(await createTestServer(off ?? {}, { stores, jobs: true }))
  assert.deepEqual(
    records.map(({ record }) => [record.type, record.data.audit]).filter(([type]) => type !== 'key.created'),
    [
      ['configuration.started', true],
      ['configuration.applied', false],
      ['configuration.started', false],
    ],
  )
  assert.deepEqual(await recordsOf(await createTestServer(off ?? {}, { jobs: true })), [])
})

test('audit: a tenant with its own issuer has its own log', async () => {
  const server = await createTestServer({
    ...adminWorld,
    clients: [],
    tenants: [{ name: 'acme', issuer: 'path', clients: adminWorld.clients, admin_api: { enabled: true } }],
  })
  const at = { form: { grant_type: 'client_credentials', scope: 'admin:keys.write' } }
  const secret = Buffer.from('operator:a-secret-of-an-operator').toString('base64')
  const basic = { authorization: `Basic ${secret}` }
  const { json } = await server.send('POST', '/t/acme/connect/token', { ...at, headers: basic })
  const headers = { authorization: `Bearer ${json.access_token}`, 'content-type': 'application/json' }
  const rotated = await server.send('POST', '/t/acme/admin/api/v1/keys/rotation', { headers, body: '{}' })
  assert.equal(rotated.status, 200)
  await server.runAudit()
  assert.deepEqual(await recordsOf(server), [])
  const stores = await server.tenantStores.forTenant('acme')
  const [row] = await stores.auditRecords.list({ after: 0, limit: 9 })
  assert.equal(JSON.parse(row?.record ?? '{}').tenant, 'acme')
})

test('audit: what an issuer does by itself is not attributed to the request that composed it', async () => {
  const stores = createMemoryStores()
  await createTestServer(pagesWorld, { stores })
  const origin = { actor: { kind: 'admin', client_id: 'ops' } } as const
  const at = startOfTime + 100 * 86_400
  const server = await withOrigin(origin, () => createTestServer(pagesWorld, { stores, at }))
  const [rotated] = ofType(await recordsOf(server), 'key.rotated')
  assert.deepEqual(rotated?.record.actor, { kind: 'server' })
})

test('audit: a sign-in that a replay revoked is recorded once, however often the replay is repeated', async () => {
  const server = await createTestServer({ ...pagesWorld, audit: { enabled: true } })
  const code = answerOf(await signIn(createBrowser(server), authorizePath())).get('code') ?? ''
  const redeem = () =>
    server.token({
      ...{ grant_type: 'authorization_code', client_id: 'web', code },
      ...{ redirect_uri: callback, code_verifier: verifier },
    })
  assert.equal((await redeem()).status, 200)
  for (let count = 0; count < 5; count++) assertRefused(await redeem(), 'invalid_grant', 'code_replayed')
  assert.equal(ofType(await recordsOf(server), 'authorization.revoked').length, 1)
})

test('audit: refused token requests of one network do not hide those of another', async () => {
  const server = await createTestServer({ ...adminWorld, audit: { tokens: true } })
  const refuse = (from: string) => server.token({ grant_type: 'unknown' }, { from })
  for (let count = 0; count < 80; count++) await refuse('192.0.2.1')
  await refuse('198.51.100.7')
  const networks = ofType(await recordsOf(server), 'token.refused').map(({ record }) => record.data.network)
  assert.equal(networks.filter(network => network === '192.0.2.1').length, 60)
  assert.equal(networks.filter(network => network === '198.51.100.7').length, 1)
  assert.ok(server.reason())
})
