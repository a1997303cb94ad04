/**
 * Two nodes on one store: a change through one takes effect at the other, although each keeps its configuration in
 * memory.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused } from '../support/refused.ts'
import { manage, register } from '../support/registering.ts'
import { callback } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { placesOf, tenantsWorld } from '../support/tenants.ts'
import { type Answer, basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { secret, world } from '../support/world.ts'

const options = { timeout: 30_000 }

/** Creates two nodes with the same file. */
async function nodesOf(input: object): Promise<readonly [TestServer, TestServer]> {
  const { open } = await beginShared()
  const begin = async () => createTestServer(input, { tenantStores: await open() })
  // One after the other, because the tests with one clock require their keys in order.
  const nodes = [await begin(), await begin()] as const
  return nodes
}

const close = (nodes: readonly TestServer[]) => Promise.all(nodes.map(node => node.close()))

const roclient = ['roclient', secret] as const
const signIn = (server: TestServer): Promise<Answer> =>
  server.token(
    { grant_type: 'password', username: 'bob', password: 'bob', scope: 'openid api1 offline_access' },
    { client: roclient },
  )
const refresh = (server: TestServer, refresh_token: string): Promise<Answer> =>
  server.token({ grant_type: 'refresh_token', refresh_token }, { client: roclient })
const machine = (server: TestServer): Promise<Answer> =>
  server.token({ grant_type: 'client_credentials', scope: 'api1' }, { client: ['client', secret] })
const isActive = async (server: TestServer, token: string): Promise<boolean> => {
  const headers = basic('urn:api', 'api-secret')
  return (await server.send('POST', '/connect/introspect', { form: { token }, headers })).json.active
}

const withoutClients = (...ids: readonly string[]) => ({
  ...world,
  clients: world.clients.filter(({ client_id }) => !ids.includes(client_id)),
})

test(
  'nodes: a client removed at one is refused by the other, though its file still contains it',
  options,
  async () => {
    const [one, other] = await nodesOf(world)
    const { access_token, refresh_token } = (await signIn(other)).json
    const own = (await machine(other)).json.access_token
    await one.reconfigure(withoutClients('roclient', 'client'))
    // At once, by the condition in the write.
    assert.notEqual((await refresh(other, refresh_token)).status, 200)
    assert.notEqual((await signIn(other)).status, 200)
    // A client's own JWT is not stored: the node has been notified.
    await until(
      'the other node refuses the client',
      async () => (await machine(other)).json.error === 'invalid_client',
    )
    assert.equal(await isActive(other, access_token), false)
    assert.equal(await isActive(other, own), false)
    await one.reconfigure(world)
    await until('the other node accepts the client again', async () => (await machine(other)).status === 200)
    assert.equal((await refresh(other, refresh_token)).status, 200)
    await close([one, other])
  },
)

test('nodes: a user removed at one is refused by the other', options, async () => {
  const [one, other] = await nodesOf(world)
  const { access_token, refresh_token } = (await signIn(other)).json
  assert.equal(await isActive(other, access_token), true)
  await one.reconfigure({ ...world, users: world.users.filter(({ username }) => username !== 'bob') })
  // By the condition in the write, or because the node has been notified by now.
  assertRefused(await refresh(other, refresh_token), 'invalid_grant', ['no_longer_valid', 'user_inactive'])
  await until('the token is inactive at the other node', async () => !(await isActive(other, access_token)))
  assertRefused(await signIn(other), 'invalid_grant', 'user_inactive')
  await close([one, other])
})

test(
  'nodes: a tenant’s client removed at one remains removed, although the other composes the tenant again',
  options,
  async () => {
    const [one, other] = await nodesOf(tenantsWorld)
    const acmeOf = (server: TestServer) => placesOf(server).find(({ name }) => name === 'acme')!
    const ask = async (server: TestServer, client: string) =>
      (await acmeOf(server).token({ grant_type: 'client_credentials', scope: 'api1' }, client)).status
    const without = {
      ...tenantsWorld,
      tenants: tenantsWorld.tenants.map(tenant =>
        tenant.name === 'acme' && 'clients' in tenant
          ? { ...tenant, clients: tenant.clients?.filter(({ client_id }) => client_id !== 'opaque') }
          : tenant,
      ),
    }
    assert.deepEqual([await ask(other, 'opaque'), await ask(other, 'web')], [200, 200])
    // The first node got no request for this tenant, so it is not active there.
    await one.reconfigure(without)
    assert.notEqual(await ask(other, 'opaque'), 200)
    other.clock.advance(4000)
    await other.runTenantJobs()
    assert.notEqual(await ask(other, 'opaque'), 200)
    assert.equal(await ask(other, 'web'), 200)
    // The whole tenant.
    await one.reconfigure({
      ...tenantsWorld,
      tenants: tenantsWorld.tenants.filter(({ name }) => name !== 'acme'),
      users: tenantsWorld.users.filter(({ tenant }) => tenant !== 'acme'),
    })
    await until('the other node refuses the tenant’s client', async () => (await ask(other, 'web')) !== 200)
    await one.reconfigure(tenantsWorld)
    assert.equal(await ask(one, 'opaque'), 200)
    await until(
      'the other node serves both clients',
      async () => (await ask(other, 'opaque')) === 200 && (await ask(other, 'web')) === 200,
    )
    await close([one, other])
  },
)

test('nodes: an algorithm added at one is published and verified by the other', options, async () => {
  const [one, other] = await nodesOf(world)
  const apis = world.api_resources.map(api => ({ ...api, access_token_signing_alg: 'EdDSA' }))
  await one.reconfigure({ ...world, api_resources: apis })
  const { access_token } = (await signIn(one)).json
  const [header = ''] = access_token.split('.')
  assert.equal(JSON.parse(Buffer.from(header, 'base64url').toString()).alg, 'EdDSA')
  await until('the token is active at the other node', () => isActive(other, access_token))
  const { json } = await other.send('GET', '/.well-known/openid-configuration/jwks')
  assert.ok(json.keys.some(({ alg }: { alg: string }) => alg === 'EdDSA'))
  await close([one, other])
})

test('nodes: keys rotated at one are published by the other', options, async () => {
  const [one, other] = await nodesOf(world)
  const made = (await one.keys.rotate({ now: true })).map(({ kid }) => kid)
  await until('the other node has the change', async () => {
    const { json } = await other.send('GET', '/.well-known/openid-configuration/jwks')
    return made.every(kid => json.keys.some((key: { kid: string }) => key.kid === kid))
  })
  await close([one, other])
})

test(
  'nodes: a client registered, changed or removed at one is so at the other [RFC 7592]',
  options,
  async () => {
    const [one, other] = await nodesOf({
      ...world,
      registration: {
        mode: 'open',
        allowed_grant_types: ['authorization_code', 'client_credentials'],
        allowed_scope: 'openid api1',
      },
    })
    const metadata = {
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'client_credentials'],
      scope: 'api1',
    }
    const ask = async (server: TestServer, { client_id, client_secret }: Answer['json']) =>
      (
        await server.token(
          { grant_type: 'client_credentials', scope: 'api1' },
          { client: [client_id, client_secret] },
        )
      ).json.error
    const first = (await register(one, metadata)).json
    assert.equal(await ask(other, first), undefined)
    const { client_id } = first
    const changed = { ...metadata, grant_types: ['authorization_code'] }
    const second = (await manage(one, 'PUT', first, { ...changed, client_id })).json
    assert.equal(await ask(other, { ...first, ...second }), 'unauthorized_client')
    assert.equal((await manage(one, 'DELETE', second)).status, 204)
    assert.equal(await ask(other, { ...first, ...second }), 'invalid_client')
    await close([one, other])
  },
)

test('nodes: a stored user who is disabled at one is disabled at the other', options, async () => {
  const [one, other] = await nodesOf({ ...world, accounts: {} })
  const password = 'correct horse battery'
  await one.accounts.add({ username: 'dora', sub: 'dora', password })
  const ask = () =>
    other.token(
      { grant_type: 'password', username: 'dora', password, scope: 'openid api1 offline_access' },
      { client: roclient },
    )
  const { access_token, refresh_token } = (await ask()).json
  assert.equal(await isActive(other, access_token), true)
  await one.accounts.setActive('dora', false)
  assertRefused(await refresh(other, refresh_token), 'invalid_grant', 'authorization_revoked')
  assertRefused(await ask(), 'invalid_grant', 'user_inactive')
  assert.equal(await isActive(other, access_token), false)
  await close([one, other])
})

test('nodes: one with another issuer is reported when it starts', options, async () => {
  const { open } = await beginShared()
  const changesAt = async (issuer: string) => {
    const server = await createTestServer({ ...world, issuer }, { tenantStores: await open(), jobs: true })
    const changes = server.logged.filter(({ event }) => event === 'issuer_changed')
    return changes.map(({ level, before }) => [level, before])
  }
  const [one, other] = ['https://one.example', 'https://other.example'] as const
  const reported = []
  for (const issuer of [one, one, other, other, one]) reported.push(await changesAt(issuer))
  assert.deepEqual(reported, [[], [], [['warn', one]], [], [['warn', other]]])
})
