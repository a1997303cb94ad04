/** Refresh tokens of the server before this one, which a hook knows: redeemed once, after every check. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxTokenLength } from '@tessera/protocol/parameters'
import type { PreviousRefreshToken } from '../../packages/server/src/model/previous-refresh-token.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { claimsOf, createTestServer, startOfTime, type TestServer } from '../support/tessera.ts'

const secret = 'the-secret-of-a-client'
const token = 'eyJhbGciOiJIUzI1NiJ9.e30.c2ln'
const known: PreviousRefreshToken = {
  ...{ sub: '1', client_id: 'app', scope: ['openid', 'api1'] },
  ...{ expires_at: startOfTime + 86_400, auth_time: startOfTime - 500, amr: ['pwd'] },
}
const app = { client_secrets: [{ value: secret }], grant_types: ['refresh_token'] }
const worldWith = (found: PreviousRefreshToken | undefined = known) => {
  const asked: object[] = []
  return {
    asked,
    input: {
      previousRefreshToken: (request: { refresh_token: string }) => {
        asked.push(request)
        return request.refresh_token === token ? found : null
      },
      users: [
        { sub: '1', username: 'alice', password: 'wonderland' },
        { sub: '2', username: 'ina', password: 'ina', active: false },
        { sub: '3', username: 'carol', password: 'carol', tenant: 'acme' },
      ],
      tenants: [{ name: 'acme' }, { name: 'globex' }],
      api_scopes: [{ name: 'api1' }, { name: 'api2' }],
      clients: [
        { ...app, client_id: 'app', scope: 'openid api1 offline_access', tenants: ['globex'] },
        { ...app, client_id: 'other', scope: 'openid api1 offline_access' },
        { ...app, client_id: 'online', scope: 'openid api1' },
      ],
    },
  }
}
type Changes = { readonly client?: string; readonly scope?: string }
const refresh = (server: TestServer, refresh_token = token, { client = 'app', ...more }: Changes = {}) =>
  server.token({ grant_type: 'refresh_token', refresh_token, ...more }, { client: [client, secret] })

test('previous refresh token: a new authorization and family begin, with the user and time of the old ones', async () => {
  const { input, asked } = worldWith()
  const server = await createTestServer(input)
  const { status, json } = await refresh(server, token, { scope: 'openid' })
  assert.equal(status, 200)
  assert.deepEqual(asked, [{ refresh_token: token, client_id: 'app' }])
  const { sub, auth_time, amr, authorization_id } = claimsOf(json.access_token)
  assert.deepEqual([sub, auth_time, amr], ['1', startOfTime - 500, ['pwd']])
  assert.equal(claimsOf(json.id_token).auth_time, startOfTime - 500)
  assert.equal((await server.stores.authorizations.find(authorization_id as never))?.sub, '1')
  assert.equal(json.scope, 'openid')
  // Narrowing affects the access token only, and the family rotates like any other.
  const next = await refresh(server, json.refresh_token)
  assert.deepEqual([next.status, next.json.scope], [200, 'api1 offline_access openid'])
  assert.equal(asked.length, 1)
})

test('previous refresh token: of concurrent redemptions at two nodes one wins, and every later one is refused', async () => {
  const { input } = worldWith()
  const tenantStores = createMemoryTenantStores()
  const nodes = [
    await createTestServer(input, { tenantStores }),
    await createTestServer(input, { tenantStores }),
  ]
  const statuses = await Promise.all([...nodes, ...nodes].map(async node => (await refresh(node)).status))
  assert.deepEqual(statuses.toSorted(), [200, 400, 400, 400])
  const restarted = await createTestServer(input, { tenantStores })
  restarted.clock.advance(86_399)
  await restarted.runCleanUp()
  assert.equal((await refresh(restarted)).status, 400)
  assert.equal(restarted.reason(), 'assertion_replayed')
})

const refusals: readonly (readonly [
  name: string,
  found: Partial<PreviousRefreshToken>,
  reason: string,
  request?: Changes,
])[] = [
  ['of another client', { client_id: 'other' }, 'refresh_token_of_another_client'],
  ['that has expired', { expires_at: startOfTime }, 'refresh_token_expired'],
  [
    'of a client without offline_access',
    { client_id: 'online' },
    'offline_access_withdrawn',
    { client: 'online' },
  ],
  ['of an inactive user', { sub: '2' }, 'user_inactive'],
  ['of a user of another tenant', { sub: '3' }, 'user_of_another_tenant'],
  ['of a client as its user', { sub: 'other' }, 'user_inactive'],
  ['with a scope that the client lost', { scope: ['api2'] }, 'scope_not_allowed'],
  ['with an unknown scope', { scope: ['api9'] }, 'scope_unknown'],
  ['for a wider scope', { scope: ['openid'] }, 'scope_widened', { scope: 'api1' }],
]

for (const [name, found, reason, request] of refusals)
  test(`previous refresh token: one ${name} is refused, and stays unused`, async () => {
    const { input } = worldWith({ ...known, ...found })
    const tenantStores = createMemoryTenantStores()
    const server = await createTestServer(input, { tenantStores })
    const { status, json } = await refresh(server, token, request)
    assert.deepEqual([status, json.refresh_token, server.reason()], [400, undefined, reason])
    const repaired = await createTestServer(worldWith().input, { tenantStores })
    assert.equal((await refresh(repaired)).status, 200)
  })

test('previous refresh token: text in the format of this server, and unknown text, is refused', async () => {
  const { input, asked } = worldWith()
  const server = await createTestServer(input)
  const cases = [
    [`tr_${'A'.repeat(76)}`, 'refresh_token_malformed', 0],
    ['x'.repeat(maxTokenLength + 1), 'parameter_too_long', 0],
    ['unknown', 'refresh_token_malformed', 1],
  ] as const
  for (const [text, reason, calls] of cases) {
    assert.equal((await refresh(server, text)).status, 400)
    assert.deepEqual([server.reason(), asked.length], [reason, calls])
  }
})

test('previous refresh token: one from before the client was revoked is refused, and one of a later sign-in is redeemed', async () => {
  const { auth_time: _, ...untimed } = known
  for (const [found, status] of [
    [known, 400],
    [untimed, 400],
    [{ ...known, auth_time: startOfTime + 2 }, 200],
  ] as const) {
    const server = await createTestServer(worldWith(found).input)
    assert.ok(await server.revokeClient('app'))
    server.clock.advance(3)
    assert.equal((await refresh(server)).status, status)
    if (status === 400) assert.equal(server.reason(), 'authorization_revoked')
  }
})
