/** `config check` says which changed defaults affect a configuration, each with its section in the guide. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { changedDefaults } from '../../packages/server/src/configuration/changed-defaults.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { tessera } from '../cli/tessera.ts'

const guide = readFileSync(new URL('../../docs/guides/changed-defaults.md', import.meta.url), 'utf8')

const issuer = 'https://id.example'
const mail = { from: 'id@example.com', smtp: { host: 'mail.example' } }
const machine = {
  client_id: 'a',
  grant_types: ['client_credentials'],
  client_secrets: [{ value: 'a secret of the machine' }],
}
const open = {
  client_id: 'a',
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code'],
  redirect_uris: ['https://a.example/cb'],
}
const lax = {
  ...open,
  token_endpoint_auth_method: 'client_secret_basic',
  client_secrets: machine.client_secrets,
  require_pkce: false,
}
const exchanger = { ...machine, grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'] }
const trusted_software_issuers = [
  {
    issuer: 'https://trust.example',
    jwks: {
      keys: [
        {
          kty: 'EC',
          crv: 'P-256',
          x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
          y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
        },
      ],
    },
  },
]
const byHost = { trusted_proxies: ['10.0.0.1'], tenants: [{ name: 'acme', issuer: 'https://acme.example' }] }
const tenants = [{ name: 'acme' }]
const signUp = { accounts: { sign_up: true }, mail }

const staff = (claim_mapping: object) => ({
  ...{ name: 'staff', type: 'ldap', claim_mapping },
  directory: { url: 'ldaps://ldap.example', user_dn: 'uid={username},dc=example' },
})

/** A configuration that is affected, and one that is nearly the same and is not. */
const examples: Readonly<Record<string, readonly [affected: object, unaffected: object]>> = {
  'Groups of a directory are a list': [
    { identity_providers: [staff({ groups: 'memberOf' })] },
    { identity_providers: [staff({ name: 'cn' })] },
  ],
  'Configured users are compared as stored users are': [
    { users: [{ sub: '1', username: 'alice', password: 'a password that is long' }] },
    { accounts: {}, mail },
  ],
  'Introspection says Bearer': [
    { api_resources: [{ name: 'api', api_secrets: [{ value: 'a secret of the api' }] }] },
    { api_resources: [{ name: 'api' }] },
  ],
  'ID tokens have no idp unasked': [
    { clients: [{ ...open, scope: 'openid' }] },
    { clients: [{ ...open, scope: 'openid' }], compatibility: 'identityserver4' },
  ],
  'A loopback redirect URI takes any port': [
    { clients: [{ ...open, redirect_uris: ['http://127.0.0.1:8080/cb'] }] },
    { clients: [open] },
  ],
  'Responses to applications need PKCE': [
    { clients: [{ ...lax, redirect_uris: ['com.example.app:/cb'] }] },
    { clients: [lax] },
  ],
  'x-forwarded-host is not believed': [byHost, { ...byHost, trust_forwarded_host: true }],
  'Nobody signs up in a shared tenant': [
    { ...signUp, tenants },
    { ...signUp, tenants: [{ name: 'acme', accounts: { sign_up: true } }] },
  ],
  'Names that users choose have no @': [signUp, { accounts: {}, mail }],
  'Guesses at client and API secrets are limited': [{ clients: [machine] }, { clients: [open] }],
  'A token from an exchange ends with its subject token': [{ clients: [exchanger] }, { clients: [machine] }],
  'Sensitive account pages ask for the second factor': [{ accounts: {}, mail }, {}],
  'Mail is shown on the same machine only': [
    { issuer: 'http://localhost:5080', host: '0.0.0.0', accounts: {} },
    { issuer: 'http://localhost:5080', host: '127.0.0.1', accounts: {} },
  ],
  'Software statements decide what users see': [
    { registration: { mode: 'open', trusted_software_issuers } },
    { registration: { mode: 'open' } },
  ],
  'Self-registered clients get no redirect before the user knows them': [
    { registration: { mode: 'open' } },
    { registration: { mode: 'off' } },
  ],
  'Registration leaves out what is not allowed': [{ registration: { mode: 'open' } }, {}],
  'Floods of registrations keep nobody out': [
    {
      registration: {
        mode: 'initial_access_token',
        initial_access_tokens: [{ value: 'a-token-that-is-long-enough' }],
      },
    },
    {},
  ],
  'Unused self-registered clients give place': [{ registration: { mode: 'open' } }, {}],
  'Values of hooks are checked': [{ profile: { claims: () => ({}) } }, {}],
  'A new SQLite database beside a used key is refused': [
    { storage: 'sqlite:./a.db' },
    { storage: 'memory:' },
  ],
  'Nodes on PostgreSQL go by its clock': [
    { storage: 'postgres://127.0.0.1/a' },
    { storage: 'sqlite:./a.db' },
  ],
  'A worker that hangs is replaced': [{ storage: 'sqlite:./a.db' }, { storage: 'sqlite:./a.db', workers: 1 }],
}

function configurationOf(input: object) {
  const outcome = parseConfiguration(
    { issuer, storage: 'memory:', ...input },
    { isModule: true, environment: { TESSERA_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') } },
  )
  assert.ok(outcome.ok, JSON.stringify(outcome, null, 1))
  return outcome.configuration
}

test('changed defaults: the guide and the list have the same sections', () => {
  const sections = [...guide.matchAll(/^## (.+)$/gm)].map(([, title]) => title)
  assert.deepEqual(sections, ['Every server', ...changedDefaults.map(({ title }) => title)])
  assert.deepEqual(Object.keys(examples), sections.slice(1))
})

for (const { title, affects } of changedDefaults)
  test(`changed defaults: "${title}" is listed for a configuration that it affects, and for no other`, () => {
    const [affected, unaffected] = examples[title]!
    assert.equal(typeof affects(configurationOf(affected)), 'string')
    assert.equal(affects(configurationOf(unaffected)), undefined)
  })

test('changed defaults: config check lists them with a link to the guide', async () => {
  const { code, stdout } = await tessera(['config', 'check', 'examples/demo/tessera.jsonc'])
  assert.equal(code, 0)
  const links = [...stdout.matchAll(/docs\/guides\/changed-defaults\.md#([\w-]+)$/gm)].map(
    ([, anchor]) => anchor,
  )
  assert.ok(links.includes('guesses-at-client-and-api-secrets-are-limited'), stdout)
})
