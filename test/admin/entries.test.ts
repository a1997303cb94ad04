/** Clients, resources, identity providers and tenants through the admin API. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adminScopes } from '../../packages/server/src/model/admin-api.ts'
import { adminToken, adminWorld, matching, startAdmin } from '../support/admin.ts'
import type { Answer } from '../support/tessera.ts'

const admin = await startAdmin()
const { server, call } = admin
const service = { grant_types: ['client_credentials'], scope: 'api1' }

const tokenOf = async (client_id: string, secret: string): Promise<number> =>
  (await server.token({ grant_type: 'client_credentials' }, { client: [client_id, secret] })).status

test('admin entries: a client is created with a generated secret that is shown once, and works at once', async () => {
  const created = await call('POST', '/clients?generate_secret=true', { ...service, client_name: 'One' })
  assert.equal(created.status, 201, created.body)
  const { client_id, client_secret, origin, client_secrets } = created.json
  assert.equal(created.headers.location, `${server.issuer}/admin/api/v1/clients/${client_id}`)
  assert.equal(origin, 'stored')
  assert.deepEqual(Object.keys(client_secrets[0]), ['sha256'])
  assert.equal(await tokenOf(client_id, client_secret), 200)
  const read = await call('GET', `/clients/${client_id}`)
  assert.equal(read.headers.etag, created.headers.etag)
  assert.equal(read.json.client_secret, undefined)
  assert.ok(!read.body.includes(client_secret))
  const rotated = await call('POST', `/clients/${client_id}/secrets`, { overlap: 60 }, matching(read))
  assert.equal(rotated.status, 200, rotated.body)
  assert.equal(await tokenOf(client_id, rotated.json.client_secret), 200)
  assert.equal(await tokenOf(client_id, client_secret), 200)
  server.clock.advance(61)
  assert.equal(await tokenOf(client_id, client_secret), 401)
  const stale = await call('POST', `/clients/${client_id}/secrets`, {}, matching(read))
  assert.equal(stale.status, 412)
})

test('admin entries: what was read can be edited and sent back, and keeps its secrets', async () => {
  const secret = 'a secret that is long enough'
  const body = { ...service, client_secrets: [{ value: secret }], client_name: 'Two' }
  const made = await call('PUT', '/clients/two', body)
  assert.equal(made.status, 201, made.body)
  assert.ok(!made.body.includes(secret))
  const again = await call('PUT', '/clients/two', { ...made.json, client_name: 'Zwei' }, matching(made))
  assert.deepEqual([again.status, again.json.client_name], [200, 'Zwei'])
  assert.equal(await tokenOf('two', secret), 200)
  const patched = await call('PATCH', '/clients/two', { enabled: false, client_name: null }, matching(again))
  assert.deepEqual([patched.json.enabled, 'client_name' in patched.json], [false, false])
  assert.equal(await tokenOf('two', secret), 401)
  const other = await call('PUT', '/clients/two', { ...body, client_id: 'three' }, matching(patched))
  assert.deepEqual([other.status, other.json.errors[0].path], [422, 'client_id'])
  assert.equal((await call('DELETE', '/clients/two', undefined, matching(patched))).status, 204)
  // In the same second: a new entry has another ETag than the one before.
  const new_ = await call('PUT', '/clients/two', body)
  assert.notEqual(new_.headers.etag, made.headers.etag)
  assert.equal((await call('DELETE', '/clients/two', undefined, matching(made))).status, 412)
})

test('admin entries: faults are those of the configuration, with paths from the entry', async () => {
  const body = {
    ...service,
    client_secrets: [{ value: 's' }],
    scope: 'api1 api9',
    redirect_uris: ['nonsense'],
  }
  const { status, json } = await call('PUT', '/clients/wrong', { ...body, require_pkse: true })
  assert.equal(status, 422)
  const byPath = new Map(json.errors.map((one: { path: string }) => [one.path, one]))
  assert.deepEqual([...byPath.keys()].toSorted(), ['redirect_uris[0]', 'require_pkse'])
  const { json: second } = await call('PUT', '/clients/wrong', {
    ...service,
    client_secrets: [{ value: 's' }],
    scope: 'api9',
  })
  assert.partialDeepStrictEqual(second.errors[0], { path: 'scope', problem: '"api9" is not a known scope' })
  const place = await call('PUT', '/clients/wrong', {
    ...service,
    client_secrets: [{ value: { env: 'HOME' } }],
  })
  assert.equal(place.status, 422)
  assert.equal((await call('GET', '/clients/wrong')).status, 404)
})

test('admin entries: an API is made with its scope, and neither is removed while it is needed', async () => {
  assert.equal((await call('PUT', '/api-scopes/orders.read', { display_name: 'Orders' })).status, 201)
  const api = await call('POST', '/api-resources?generate_secret=true', {
    ...{ name: 'https://orders.example', scopes: ['orders.read'] },
  })
  assert.deepEqual([api.status, typeof api.json.api_secret], [201, 'string'])
  const client = await call('POST', '/clients?generate_secret=true', { ...service, scope: 'orders.read' })
  assert.equal(client.status, 201, client.body)
  const { json } = await server.token(
    { grant_type: 'client_credentials' },
    { client: [client.json.client_id, client.json.client_secret] },
  )
  assert.equal(json.scope, 'orders.read')
  const scope = await call('GET', '/api-scopes/orders.read')
  const needed = await call('DELETE', '/api-scopes/orders.read', undefined, matching(scope))
  assert.deepEqual([needed.status, needed.json.reason], [409, 'admin_entry_in_use'])
  const path = `/api-resources/${encodeURIComponent('https://orders.example')}`
  assert.equal((await call('DELETE', `${path}?dry_run=true`, undefined, matching(api))).status, 200)
  assert.equal((await call('DELETE', path, undefined, matching(api))).status, 204)
  const removed = await call('DELETE', `/clients/${client.json.client_id}`, undefined, matching(client))
  assert.equal(removed.status, 204)
  assert.equal((await call('DELETE', '/api-scopes/orders.read', undefined, matching(scope))).status, 204)
})

test('admin entries: the secret of an identity provider is stored, hidden, and kept', async () => {
  const secret = 'a secret of the other server'
  const body = { type: 'oidc', issuer: 'https://one.example', client_id: 'tessera', client_secret: secret }
  const made = await call('PUT', '/identity-providers/one', body)
  assert.deepEqual([made.status, Object.keys(made.json.client_secret)], [201, ['hidden']], made.body)
  const kept = await call('PATCH', '/identity-providers/one', { display_name: 'One' }, matching(made))
  assert.deepEqual([kept.status, kept.json.client_secret], [200, made.json.client_secret], kept.body)
  assert.equal(kept.json.display_name, 'One')
  const changed = { client_secret: 'another secret' }
  const other = await call('PATCH', '/identity-providers/one', changed, matching(kept))
  assert.notDeepEqual(other.json.client_secret, made.json.client_secret)
  assert.ok(
    ![made, kept, other].some(
      ({ body: text }) => text.includes('secret of') || text.includes('another secret'),
    ),
  )
})

test('admin entries: nothing of the code of a provider in the file is shown', async () => {
  class Staff {
    readonly database = 'postgres://app:the-password@db.internal/staff'
    check = async () => ({ ok: false }) as const
  }
  class Guests {
    readonly database = 'postgres://app:the-password@db.internal/guests'
    async check() {
      return { ok: false } as const
    }
  }
  const grant = { grantType: 'urn:example:grant', parameters: {}, decide: async () => ({ ok: false }) }
  const userStore = { findBySub: async () => undefined, findByUsername: async () => undefined }
  const [staff, guests] = [
    { name: 'staff', display_name: 'Staff', credentialAuthority: new Staff() },
    { name: 'guests', credentialAuthority: new Guests() },
  ]
  const { server, call } = await startAdmin({
    ...adminWorld,
    identity_providers: [...adminWorld.identity_providers, staff, guests],
    tenants: [
      { name: 'acme' },
      {
        ...{ name: 'globex', issuer: 'path', identity_providers: [staff, guests] },
        ...{ userStore, grants: [grant] },
      },
    ],
  })
  const shown = [{ name: 'staff', display_name: 'Staff' }, { name: 'guests' }]
  const list = await call('GET', '/identity-providers')
  assert.deepEqual(
    list.json.items.map(({ name }: { name: string }) => name),
    ['corp', 'guests', 'staff'],
  )
  const one = await call('GET', '/identity-providers/staff')
  assert.deepEqual(one.json, { ...shown[0], origin: 'file' })
  const tenant = await call('GET', '/tenants/globex')
  assert.deepEqual(tenant.json, {
    ...{ name: 'globex', issuer: 'path', identity_providers: shown, origin: 'file' },
  })
  assert.equal((await call('GET', '/tenants')).status, 200)
  const replaced = await call('PUT', '/identity-providers/staff', shown[0], { 'if-match': '*' })
  assert.deepEqual([replaced.status, replaced.json.reason], [409, 'admin_entry_read_only'])
  for (const { body } of [list, one, tenant, replaced]) assert.doesNotMatch(body, /password|check/)
  await server.close()
})

test('admin entries: a tenant with users is not deleted until they are', async () => {
  const tenant = await call('PUT', '/tenants/initech', {})
  assert.equal(tenant.status, 201, tenant.body)
  const user = await call('POST', '/users', { username: 'peter', tenant: 'initech' })
  assert.equal(user.status, 201, user.body)
  for (const path of ['/tenants/initech', '/tenants/initech?dry_run=true']) {
    const refused = await call('DELETE', path, undefined, matching(tenant))
    assert.deepEqual([refused.status, refused.json.reason], [409, 'admin_entry_has_users'])
    assert.match(refused.json.detail, /their number is 1$/)
  }
  assert.equal((await call('DELETE', `/users/${user.json.sub}`, undefined, matching(user))).status, 204)
  assert.equal((await call('DELETE', '/tenants/initech', undefined, matching(tenant))).status, 204)
})

test('admin entries: a tenant with its own issuer answers as soon as it is made', async () => {
  const made = await call('PUT', '/tenants/globex', { issuer: 'path', display_name: 'Globex' })
  assert.equal(made.status, 201, made.body)
  const discovery = await server.send('GET', '/t/globex/.well-known/openid-configuration')
  assert.equal(discovery.json.issuer, `${server.issuer}/t/globex`)
  assert.equal((await call('DELETE', '/tenants/globex', undefined, matching(made))).status, 204)
  assert.equal((await server.send('GET', '/t/globex/.well-known/openid-configuration')).status, 404)
})

test('admin entries: the tokens of a client, or of a user, are revoked by one request', async () => {
  const client = ['web', 'a-secret-of-an-operator'] as const
  const user = { username: 'fiona', password: 'seven purple kettles', scope: 'openid offline_access' }
  const refresh = ({ json }: Pick<Answer, 'json'>) =>
    server.token({ grant_type: 'refresh_token', refresh_token: json.refresh_token }, { client })
  for (const path of ['/users/file-1/revocation', '/clients/web/revocation']) {
    const signedIn = await server.token({ grant_type: 'password', ...user }, { client })
    await call('POST', '/users/file-1/revocation?dry_run=true')
    await call('POST', '/users/another/revocation')
    const refreshed = await refresh(signedIn)
    assert.equal(refreshed.status, 200, refreshed.body)
    server.clock.advance(1)
    const { status } = await call('POST', path)
    assert.ok(status < 300, `${path}: ${status}`)
    server.clock.advance(1)
    const refused = await refresh(refreshed)
    assert.deepEqual([refused.status, refused.reason], [400, 'authorization_revoked'], path)
  }
})

test('admin entries: no caller gives a client scopes that it lacks, or changes a client that has them', async () => {
  const weak = await adminToken(server, ['admin:clients.read', 'admin:clients.write', 'admin:keys.read'])
  const own = { authorization: `Bearer ${weak}` }
  const withScope = (scope: string) => ({ ...service, client_secrets: [{ value: 'a-long-secret' }], scope })
  const strong = await call('PUT', '/clients/strong', withScope(adminScopes.join(' ')))
  assert.equal(strong.status, 201, strong.body)
  const tries = [
    await call('POST', '/clients', withScope('admin:users.read'), own),
    await call('PUT', '/clients/mine', withScope('api1 admin:users.passwords'), own),
    await call('PUT', '/clients/strong', withScope('api1'), { ...own, ...matching(strong) }),
    await call(
      'PATCH',
      '/clients/strong',
      { client_secrets: [{ value: 'my-own-secret' }] },
      { ...own, ...matching(strong) },
    ),
    await call('POST', '/clients/strong/secrets', {}, own),
    await call('POST', '/clients/strong/revocation', undefined, own),
    await call('DELETE', '/clients/strong', undefined, { ...own, ...matching(strong) }),
    await call('POST', '/clients?dry_run=true', withScope('admin:users.read'), own),
  ]
  for (const { status, json, reason } of tries)
    assert.deepEqual([status, json.reason, reason], [403, 'admin_scope_exceeded', 'admin_scope_exceeded'])
  assert.equal((await call('PUT', '/clients/mine', withScope('admin:keys.read'), own)).status, 201)
  const token = await server.token(
    { grant_type: 'client_credentials', scope: 'admin:users.write' },
    { client: ['strong', 'a-long-secret'] },
  )
  assert.equal(token.status, 200)
  for (const [path, body] of [
    ['/api-resources/mine', { scopes: ['admin:users.write'] }],
    ['/api-resources/urn:tessera:admin', {}],
    ['/api-scopes/admin:users.write', {}],
    ['/identity-resources/admin:users.write', {}],
  ] as const) {
    const refused = await call('PUT', path, body)
    assert.equal(refused.status, 422, `${path}: ${refused.body}`)
  }
})

const longest = `https://app.example/${'c'.repeat(1003)}`
const documented = { token_endpoint_auth_method: 'none', redirect_uris: ['https://app.example/cb'] }

test('admin entries: entries of the file are listed with their origin, page by page', async () => {
  const own = await startAdmin()
  for (const id of ['a', 'm', 'z'])
    await own.call('PUT', `/clients/${id}`, {
      ...service,
      client_name: `Client ${id}`,
      client_secrets: [{ value: 'a-long-secret' }],
    })
  const seen: string[] = []
  for (let query = '?limit=2'; query !== ''; ) {
    const { json } = await own.call('GET', `/clients${query}`)
    seen.push(
      ...json.items.map((one: { client_id: string; origin: string }) => `${one.client_id} ${one.origin}`),
    )
    if (seen.length === 2)
      await own.call('PUT', '/clients/b', { ...service, client_secrets: [{ value: 'a-long-secret' }] })
    query = json.next_cursor === undefined ? '' : `?limit=2&cursor=${json.next_cursor}`
  }
  assert.deepEqual(seen, ['a stored', 'm stored', 'operator file', 'web file', 'z stored'])
  const { json } = await own.call('GET', '/clients?text=CLIENT&origin=stored')
  assert.equal(json.items.length, 3)
  assert.ok(!JSON.stringify((await own.call('GET', '/clients/web')).json).includes('a-secret-of-an-operator'))
  const first = await own.call('GET', '/clients?limit=1')
  assert.equal((await own.call('GET', `/api-scopes?cursor=${first.json.next_cursor}`)).status, 400)
  // The cursor contains the id, and these are as long as an id can be.
  for (const end of ['0', '1'])
    assert.equal(
      (await own.call('PUT', `/clients/${encodeURIComponent(longest + end)}`, documented)).status,
      201,
    )
  const page = await own.call('GET', '/clients?limit=1&text=https')
  const last = await own.call('GET', `/clients?limit=1&text=https&cursor=${page.json.next_cursor}`)
  assert.deepEqual(
    [page, last].map(({ json }) => json.items?.[0]?.client_id),
    [`${longest}0`, `${longest}1`],
  )
  await own.server.close()
})

test('admin entries: of two writers with the same ETag one succeeds, and each change is reported once', async () => {
  const made = await call('PUT', '/api-scopes/race', { display_name: '0' })
  const writers = ['1', '2', '3'].map(display_name =>
    call('PUT', '/api-scopes/race', { display_name }, matching(made)),
  )
  const statuses = (await Promise.all(writers)).map(({ status }) => status)
  assert.deepEqual(statuses.toSorted(), [200, 412, 412])
  const creators = [1, 2].map(() => call('PUT', '/api-scopes/twice', {}, { 'if-none-match': '*' }))
  const created = (await Promise.all(creators)).map(({ status }) => status)
  assert.deepEqual(created.toSorted(), [201, 412])
  const reported = server.logged.filter(({ event, id }) => event === 'admin_change' && id === 'race')
  assert.deepEqual(
    reported.map(({ operation, kind, client_id }) => [operation, kind, client_id]),
    [
      ['putApiScope', 'ApiScope', 'operator'],
      ['putApiScope', 'ApiScope', 'operator'],
    ],
  )
})

test('admin entries: a client that registered itself is shown, and can only be deleted, which is recorded', async () => {
  const own = await startAdmin({ ...adminWorld, registration: { mode: 'open' } })
  const { json } = await own.server.send('POST', '/connect/register', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: ['https://app.example/cb'] }),
  })
  const path = `/clients/${json.client_id}`
  const read = await own.call('GET', path)
  assert.deepEqual([read.json.origin, read.json.redirect_uris], ['registered', ['https://app.example/cb']])
  const refused = await own.call('PATCH', path, { client_name: 'X' }, matching(read))
  assert.deepEqual([refused.status, refused.json.reason], [409, 'admin_entry_read_only'])
  assert.equal((await own.call('DELETE', path, undefined, matching(read))).status, 204)
  assert.equal((await own.call('GET', path)).status, 404)
  await own.server.settled()
  await own.server.runAudit()
  const records = await own.server.stores.auditRecords.list({ after: 0, limit: 100 })
  const deleted = records.flatMap(({ type, record }) =>
    type === 'entry.deleted' ? [JSON.parse(record).data.id] : [],
  )
  assert.deepEqual(deleted, [json.client_id])
  await own.server.close()
})

test('admin entries: dry_run checks a change and makes none', async () => {
  const body = { ...service, client_secrets: [{ value: 'a-long-secret' }] }
  const made = await call('PUT', '/clients/dry?dry_run=true&generate_secret=true', body)
  assert.deepEqual([made.status, made.json.client_secret], [200, undefined])
  assert.equal((await call('GET', '/clients/dry')).status, 404)
  assert.equal((await call('PUT', '/clients/dry?dry_run=true', { ...body, scope: 'api9' })).status, 422)
  assert.equal((await call('POST', '/clients?dry_run=true', { ...body, client_id: 'web' })).status, 409)
  const before = server.logged.filter(({ event }) => event === 'admin_change').length
  await call('POST', '/tenants?dry_run=true', { name: 'never' })
  assert.equal(server.logged.filter(({ event }) => event === 'admin_change').length, before)
})
