/** Mistakes that `config check` did not report, or without saying what to write. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfiguration } from '../../packages/server/src/configuration/load.ts'
import { testFolder } from '../support/folder.ts'
import { masterKey } from '../support/tessera.ts'
import { assertErrors, errorsOf, type Input, machine, parsed, withClient } from './errors.ts'

const folder = testFolder()
const api = { api_scopes: [{ name: 'api1' }] }
const discovery = 'https://accounts.example/.well-known/openid-configuration'
const provider = { name: 'g', type: 'oidc', client_id: 'a', client_secret: 'a-secret-of-the-provider' }

for (const [name, input, path, problem, fix] of [
  [
    'the address of a discovery document as issuer of a provider',
    { identity_providers: [{ ...provider, issuer: discovery }] },
    'identity_providers[0].issuer',
    /discovery document/,
    /write "https:\/\/accounts\.example"$/,
  ],
  [
    'the address of a discovery document of RFC 8414 as issuer of a provider',
    {
      identity_providers: [
        { ...provider, issuer: 'https://accounts.example/a/.well-known/oauth-authorization-server' },
      ],
    },
    'identity_providers[0].issuer',
    /discovery document/,
    /write "https:\/\/accounts\.example\/a"$/,
  ],
  [
    'the address of a discovery document as issuer',
    { issuer: discovery },
    'issuer',
    /discovery document/,
    /write "https:\/\/accounts\.example"$/,
  ],
  [
    'the address of a discovery document as trusted issuer',
    {
      trusted_issuers: [{ issuer: discovery, jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }] } }],
    },
    'trusted_issuers[0].issuer',
    /discovery document/,
    /write "https:\/\/accounts\.example"$/,
  ],
  ['text as client', { clients: ['web'] }, 'clients[0]', /a string/, /write an object: \{ "client_id": … \}/],
  [
    'text as client secret',
    withClient({ ...machine, client_secrets: ['secret-of-a-machine'] }),
    'clients[0].client_secrets[0]',
    /a string/,
    /write an object: \{ "value": … \}/,
  ],
  ['text as scope', { api_scopes: ['api1'] }, 'api_scopes[0]', /a string/, /\{ "name": … \}/],
  ['text as user', { users: ['bob'] }, 'users[0]', /a string/, /\{ "sub": … \}/],
] as const)
  test(`mistakes: ${name} is an error that says what to write`, () => {
    assertErrors({ ...input }, [{ path, problem, fix }])
  })

for (const [written, meant] of [
  ['device_code', 'urn:ietf:params:oauth:grant-type:device_code'],
  ['device_flow', 'urn:ietf:params:oauth:grant-type:device_code'],
  ['token-exchange', 'urn:ietf:params:oauth:grant-type:token-exchange'],
  ['jwt_bearer', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
  ['resource_owner_password', 'password'],
  ['ClientCredentials', 'client_credentials'],
  ['code', 'authorization_code'],
  ['hybrid', 'authorization_code'],
] as const)
  test(`mistakes: the grant ${written} leads to ${meant}`, () => {
    const errors = errorsOf(withClient({ ...machine, grant_types: [written] }))
    const error = errors.find(({ path }) => path === 'clients[0].grant_types[0]')
    assert.deepEqual([error?.nearest, error?.fix.includes(`write "${meant}"`)], [meant, true])
  })

for (const [parameter, problem] of [
  [true, /its parameter token is not an object/],
  [{ require: true }, /its parameter token has an unknown member require/],
  [{ required: 'yes' }, /required that is not true or false/],
  [{ maxLength: '10' }, /maxLength that is not a number/],
  [{ maxLength: 0 }, /maxLength that is not a number/],
] as const)
  test(`mistakes: a grant with the parameter ${JSON.stringify(parameter)} is an error`, () => {
    const grant = { grantType: 'urn:x:y', parameters: { token: parameter }, decide: () => ({}) }
    assertErrors({ grants: [grant] }, [{ path: 'grants[0]', problem, fix: /token: \{ required: true/ }], {
      isModule: true,
    })
  })

test('mistakes: parameters of a grant may be empty, required or limited', () => {
  const parameters = { a: {}, b: { required: true }, c: { required: false, maxLength: 10 } }
  parsed({ grants: [{ grantType: 'urn:x:y', parameters, decide: () => ({}) }] }, { isModule: true })
})

const warningsOf = (input: Input, environment = {}) =>
  parsed({ issuer: 'https://id.example', ...input }, { environment }).warnings.map(({ path }) => path)

test('mistakes: PostgreSQL without a master key is a warning, since the check may run elsewhere', () => {
  const postgres = { storage: 'postgres://u:p@db.example/tessera' }
  assert.deepEqual(warningsOf(postgres), ['master_key_file'])
  assert.deepEqual(warningsOf(postgres, { TESSERA_MASTER_KEY: masterKey }), [])
  assert.deepEqual(warningsOf({ storage: 'memory:' }), [])
})

test('mistakes: scopes of users at a client without a grant for users are a warning [RFC 6749 §4.4.3]', () => {
  const client = { ...machine, scope: 'openid offline_access api1' }
  const [warning, ...more] = parsed({ ...api, ...withClient(client) }).warnings
  assert.deepEqual([warning?.path, more], ['clients[0].scope', []])
  assert.match(warning?.problem ?? '', /never have "openid", "offline_access"$/)
  for (const grant_types of [['client_credentials', 'authorization_code'], ['password']]) {
    const redirect_uris = ['https://a.example/']
    assert.deepEqual(warningsOf({ ...api, ...withClient({ ...client, grant_types, redirect_uris }) }), [])
  }
  assert.deepEqual(warningsOf({ ...api, ...withClient({ ...machine, scope: 'api1' }) }), [])
  // Only this grant gives the scopes of the admin API.
  const operator = withClient({ ...machine, scope: 'api1 admin:users.read' })
  assert.deepEqual(warningsOf({ ...api, ...operator, admin_api: { enabled: true } }), [])
})

for (const [name, text] of [
  ['empty.json', ''],
  ['blank.jsonc', '// nothing yet\n\n/* or later */\n'],
  ['empty.yaml', ''],
  ['comment.yaml', '# nothing yet\n'],
  ['null.yaml', '~\n'],
] as const)
  test(`mistakes: ${name} is empty`, async () => {
    const outcome = await loadConfiguration({ file: await folder.write(name, text), environment: {} })
    assert.ok(!outcome.ok)
    assert.deepEqual(
      outcome.errors.map(({ problem }) => problem),
      ['it is empty'],
    )
  })
