/** Resources, identity providers and tenants that are made while the server runs. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entryKinds } from '../../packages/server/src/model/entry.ts'
import { createBrowser } from '../support/browser.ts'
import { authorizePath } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'
import { actor, made, refused, service, tokenOf } from './outcomes.ts'

const file = {
  api_scopes: [{ name: 'api1' }],
  clients: [service({ client_id: 'filed', client_secrets: [{ value: 'secret' }] })],
  tenants: [{ name: 'globex', issuer: 'path', clients: [] }],
}

test('administration: scopes, APIs and clients that refer to each other are made in order, and removed in reverse', async () => {
  const server = await createTestServer(file)
  const of = () => server.administration
  const client = service({ scope: 'orders' })
  const api = { name: 'urn:orders', scopes: ['orders'] }
  assert.equal(refused(await of().api_resources.create(api, { actor })), 'entry_invalid, scopes[0]')
  assert.equal(refused(await of().clients.create(client, { actor })), 'entry_invalid, scope')
  made(await of().api_scopes.create({ name: 'orders' }, { actor }))
  made(await of().api_resources.create(api, { actor }))
  made(await of().clients.create(client, { actor }))
  const { json } = await tokenOf(server, 'made', 'top secret', 'orders')
  assert.match(Buffer.from(json.access_token.split('.')[1], 'base64url').toString(), /"aud":"urn:orders"/)
  assert.equal(
    refused(await of().api_scopes.remove('orders', { actor })),
    'entry_referenced, api_resources urn:orders, clients made',
  )
  made(await of().clients.remove('made', { actor }))
  made(await of().api_resources.remove('urn:orders', { actor }))
  made(await of().api_scopes.remove('orders', { actor }))
  assert.equal(refused(await of().api_scopes.get('orders')), 'entry_unknown')
})

test('administration: the default scopes of an API apply immediately, and an identity scope among them can’t be removed', async () => {
  const client = service({ client_id: 'filed', client_secrets: [{ value: 'secret' }], scope: 'api1 api2' })
  const server = await createTestServer({
    ...file,
    api_scopes: [{ name: 'api1' }, { name: 'api2' }],
    clients: [client],
  })
  const { api_resources, identity_resources } = server.administration
  const ask = async () => {
    const form = { grant_type: 'client_credentials', resource: 'urn:orders' }
    return (await server.token(form, { client: ['filed', 'secret'] })).json.scope
  }
  const api = { name: 'urn:orders', scopes: ['api1', 'api2'] }
  const stranger = { ...api, default_scopes: ['groups'] }
  assert.equal(refused(await api_resources.create(stranger, { actor })), 'entry_invalid, default_scopes[0]')
  made(await api_resources.create(api, { actor }))
  assert.equal(await ask(), 'api1 api2')
  made(await identity_resources.create({ name: 'groups' }, { actor }))
  const { entry } = made(
    await api_resources.replace(
      'urn:orders',
      { ...api, default_scopes: ['api2', 'openid', 'groups'] },
      { actor },
    ),
  )
  assert.deepEqual(entry.entry.default_scopes, ['api2', 'openid', 'groups'])
  assert.equal(await ask(), 'api2')
  assert.equal(
    refused(await identity_resources.remove('groups', { actor })),
    'entry_referenced, api_resources urn:orders',
  )
})

test('administration: a stale version does not name an entry of any kind that was removed and made again', async () => {
  const server = await createTestServer(file)
  const examples = {
    clients: service(),
    api_scopes: { name: 'made' },
    api_resources: { name: 'made' },
    identity_resources: { name: 'made' },
    identity_providers: { name: 'made', type: 'oidc', issuer: 'https://corp.example', client_id: 'tessera' },
    tenants: { name: 'made' },
  }
  for (const kind of entryKinds) {
    const of = () => server.administration[kind]
    const { version } = made(await of().create(examples[kind], { actor })).entry
    made(await of().remove('made', { actor, version }))
    const again = made(await of().create(examples[kind], { actor })).entry
    const stale = { actor, version }
    assert.ok(again.version > version)
    assert.equal(refused(await of().replace('made', examples[kind], stale)), 'entry_changed')
    assert.equal(refused(await of().rotateSecret('made', stale)), 'entry_changed')
    assert.equal(refused(await of().remove('made', stale)), 'entry_changed')
    made(await of().remove('made', { actor, version: again.version }))
  }
})

test('administration: names that would collide are refused', async () => {
  const server = await createTestServer(file)
  const of = () => server.administration
  assert.equal(refused(await of().api_scopes.create({ name: 'api1' }, { actor })), 'entry_exists')
  assert.equal(refused(await of().api_scopes.create({ name: 'openid' }, { actor })), 'entry_invalid, name')
  assert.equal(
    refused(await of().api_resources.create({ name: 'filed', access_token_typ: 'JWT' }, { actor })),
    'entry_invalid, access_token_typ',
  )
  made(await of().api_resources.create({ name: 'https://api.example' }, { actor }))
  assert.equal(
    refused(await of().api_resources.create({ name: 'https://API.example/' }, { actor })),
    'entry_invalid, name',
  )
  made(await of().identity_resources.create({ name: 'profile', claims: ['name'] }, { actor }))
  made(await of().identity_resources.remove('profile', { actor }))
})

test('administration: an identity provider appears on the login page, and its secret is stored sealed', async () => {
  const server = await createTestServer({
    ...file,
    clients: [
      {
        client_id: 'web',
        token_endpoint_auth_method: 'none',
        scope: 'openid',
        redirect_uris: ['https://a.example/'],
      },
    ],
  })
  const provider = {
    name: 'corp',
    type: 'oidc',
    display_name: 'Corporation',
    issuer: 'https://corp.example',
    client_id: 'tessera',
    client_secret: 'upstream secret',
  }
  const { identity_providers } = server.administration
  made(await identity_providers.create(provider, { actor }))
  const text = JSON.stringify([
    await server.stores.entries.shared(),
    await server.administration.identity_providers.list(),
    server.logged,
  ])
  assert.ok(!text.includes('upstream secret'))
  const { entry } = made(await server.administration.identity_providers.get('corp'))
  const page = await createBrowser(server).visit(
    authorizePath({ redirect_uri: 'https://a.example/', scope: 'openid' }),
  )
  assert.match(page.body, /Corporation/)
  // Written back as it was read, it keeps its secret.
  made(
    await server.administration.identity_providers.replace(
      'corp',
      { ...entry, display_name: 'Corp' },
      { actor },
    ),
  )
  const [stored] = await server.stores.entries.shared()
  assert.match(JSON.stringify(stored?.entry), /"client_secret":\{"sealed":"/)
  assert.equal(
    refused(
      await server.administration.identity_providers.create(
        { ...provider, name: 'other', client_secret: { file: '/etc/passwd' } },
        { actor },
      ),
    ),
    'entry_invalid, client_secret',
  )
  assert.equal(
    refused(
      await server.administration.identity_providers.create(
        { ...provider, name: 'other', client_secret: { hidden: 'guess' } },
        { actor },
      ),
    ),
    'entry_invalid, client_secret',
  )
})

test('administration: a tenant with its own issuer answers as soon as it is made, and not once it is removed', async () => {
  const server = await createTestServer(file)
  const metadata = async (name: string) =>
    (await server.send('GET', `/t/${name}/.well-known/openid-configuration`)).status
  assert.equal(await metadata('acme'), 404)
  const acme = { name: 'acme', issuer: 'path', clients: [service({ client_id: 'inline' })] }
  made(await server.administration.tenants.create(acme, { actor }))
  assert.equal(await metadata('acme'), 200)
  const token = await server.send('POST', '/t/acme/connect/token', {
    form: { grant_type: 'client_credentials', client_id: 'inline', client_secret: 'top secret' },
  })
  assert.equal(token.status, 200)
  const stored = JSON.stringify(await server.stores.entries.shared())
  assert.ok(!stored.includes('top secret'))
  assert.equal(
    refused(await server.administration.tenants.create({ ...acme, name: 'Acme Inc' }, { actor })),
    'entry_invalid, name',
  )
  assert.equal(
    refused(
      await server.administration.tenants.create(
        { ...acme, name: 'other', templates: '/etc', branding: { logo: 'a.png' } },
        { actor },
      ),
    ),
    'entry_invalid, branding.logo, templates',
  )
  assert.equal(
    refused(await server.administration.tenants.create({ name: 'globex' }, { actor })),
    'entry_exists',
  )
  made(await server.administration.tenants.remove('acme', { actor }))
  assert.equal(await metadata('acme'), 404)
})

test('administration: a tenant that shares the issuer is known to clients, which keep it from being removed', async () => {
  const server = await createTestServer(file)
  made(await server.administration.tenants.create({ name: 'acme' }, { actor }))
  made(await server.administration.clients.create(service({ tenants: ['acme'] }), { actor }))
  assert.ok(server.administration)
  assert.equal(
    refused(await server.administration.tenants.remove('acme', { actor })),
    'entry_referenced, clients made',
  )
  assert.equal(
    refused(await server.administration.tenants.replace('acme', { issuer: 'path' }, { actor })),
    'entry_referenced, clients made',
  )
})

test('administration: a tenant that shares the issuer is neither removed nor moved while users belong to it', async () => {
  const server = await createTestServer({ ...file, accounts: {} })
  const of = () => server.administration.tenants
  for (const name of ['acme', 'other']) made(await of().create({ name }, { actor }))
  for (const username of ['dora', 'erin']) {
    const added = await server.accounts.add({ username, tenant: 'acme', password: 'a long password of hers' })
    assert.ok(added.ok, JSON.stringify(added))
  }
  assert.equal(refused(await of().remove('acme', { actor })), 'entry_has_users, 2 users')
  assert.equal(refused(await of().remove('acme', { actor, dryRun: true })), 'entry_has_users, 2 users')
  assert.equal(refused(await of().replace('acme', { issuer: 'path' }, { actor })), 'entry_has_users, 2 users')
  made(await of().replace('acme', { display_name: 'Acme' }, { actor }))
  made(await of().remove('other', { actor }))
})

test('administration: an entry that a new file collides with is left out, with what refers to it', async () => {
  const server = await createTestServer(file)
  made(await server.administration.api_scopes.create({ name: 'orders' }, { actor }))
  made(
    await server.administration.api_resources.create({ name: 'urn:orders', scopes: ['orders'] }, { actor }),
  )
  await server.reconfigure({ ...file, identity_resources: [{ name: 'orders' }] })
  assert.deepEqual(
    server.logged.filter(({ event }) => event === 'entry_invalid').map(({ kind, id }) => [kind, id]),
    [
      ['api_scopes', 'orders'],
      ['api_resources', 'urn:orders'],
    ],
  )
  const { scopes_supported } = (await server.send('GET', '/.well-known/openid-configuration')).json
  assert.ok(scopes_supported.includes('orders'))
  await server.reconfigure(file)
  assert.equal(made(await server.administration.api_scopes.get('orders')).origin, 'stored')
})
