/** `tessera config plan`: what a changed file changes, and which tokens it ends. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { planChanges } from '../../packages/server/src/configuration/plan.ts'
import { createTestServer, masterKey } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const parsed = (input: object) => {
  const outcome = parseConfiguration(
    { issuer: 'https://id.example', storage: 'memory:', ...input },
    { isModule: true, environment: { TESSERA_MASTER_KEY: masterKey } },
  )
  assert.ok(outcome.ok, JSON.stringify(outcome))
  return outcome.configuration
}
const plan = (next: object, before: object = world) =>
  planChanges(parsed(before), parsed(next)).map(({ subject, change, keys, effects }) =>
    [`${change} ${subject}`, keys.join(' '), ...effects].filter(part => part !== ''),
  )
const withClient = (client_id: string, changes: object) => ({
  ...world,
  clients: world.clients.map(client => (client.client_id === client_id ? { ...client, ...changes } : client)),
})

test('config plan: the same configuration, and its defaults written out, change nothing', () => {
  assert.deepEqual(plan(world), [])
  assert.deepEqual(plan(withClient('web', { enabled: true, response_types: ['code'] })), [])
})

for (const [what, next, lines] of [
  [
    'a removed client',
    { ...world, clients: world.clients.filter(({ client_id }) => client_id !== 'web') },
    [['removed client "web"', 'its codes and tokens are refused within a second']],
  ],
  [
    'a disabled client',
    withClient('web', { enabled: false }),
    [['changed client "web"', 'enabled', 'its codes and tokens are refused within a second']],
  ],
  [
    'another secret',
    withClient('web', { client_secrets: [{ value: 'another' }] }),
    [['changed client "web"', 'client_secrets', 'a secret that is removed is refused immediately']],
  ],
  [
    'a scope and a grant that a client loses',
    withClient('web', { scope: 'openid profile other_api', grant_types: ['authorization_code'] }),
    [
      [
        'changed client "web"',
        'grant_types scope',
        'refresh tokens that were granted api1 offline_access are refused',
        'its refresh tokens are refused',
      ],
    ],
  ],
  [
    'an added and a disabled user',
    {
      ...world,
      users: [
        ...world.users.map(user => (user.sub === '3' ? { ...user, active: false } : user)),
        { sub: 'new', username: 'new', claims: {} },
      ],
    },
    [
      ['changed user "3"', 'active', 'their sessions and tokens are refused within a second'],
      ['added user "new"'],
    ],
  ],
  ['a key of the server', { ...world, mfa: { mode: 'required' } }, [['changed mfa']]],
  [
    'a tenant with users that is removed',
    {
      ...world,
      tenants: [{ name: 'acme' }],
    },
    [['removed tenant "globex"', 'its users lose their access, and can no longer sign in']],
  ],
  [
    'another issuer',
    { ...world, issuer: 'https://other.example' },
    [['changed issuer', 'a running server refuses the whole file; restart it']],
  ],
] as const)
  test(`config plan: ${what}`, () => {
    assert.deepEqual(plan(next), lines)
  })

test('config plan: the clients of a tenant with its own issuer are compared with the name of the tenant', () => {
  const tenant = (scope: string) => ({
    tenants: [
      {
        name: 'own',
        issuer: 'path',
        api_scopes: [{ name: 'a' }, { name: 'b' }],
        clients: [
          {
            client_id: 'app',
            client_secrets: [{ value: 's' }],
            grant_types: ['client_credentials'],
            scope,
          },
        ],
      },
    ],
  })
  assert.deepEqual(plan(tenant('a'), tenant('a b')), [['changed tenant "own": client "app"', 'scope']])
  assert.deepEqual(plan({}, tenant('a')), [
    ['removed tenant "own"', 'its issuer no longer responds; its store stays'],
  ])
})

test('config plan: no value of a secret is in a plan', () => {
  const text = JSON.stringify(planChanges(parsed(world), parsed({ issuer: 'https://other.example' })))
  assert.match(text, /removed/)
  assert.ok(!text.includes(`"${secret}"`) && !text.includes(masterKey))
})

test('config plan: what it says of a disabled client and a withdrawn scope is what a reload does', async () => {
  const server = await createTestServer(world)
  const signIn = async () =>
    (
      await server.token(
        { grant_type: 'password', username: 'bob', password: 'bob', scope: 'openid api1 offline_access' },
        { client: ['roclient', secret] },
      )
    ).json
  const refresh = (refresh_token: string) =>
    server.token({ grant_type: 'refresh_token', refresh_token }, { client: ['roclient', secret] })
  const { refresh_token } = await signIn()
  await server.reconfigure(withClient('roclient', { scope: 'openid offline_access' }))
  assert.equal((await refresh(refresh_token)).reason, 'scope_withdrawn')
  await server.reconfigure(withClient('roclient', { enabled: false }))
  assert.equal((await refresh(refresh_token)).reason, 'client_disabled')
  await server.reconfigure(world)
  assert.equal((await refresh(refresh_token)).status, 200, 'accepted again')
})
