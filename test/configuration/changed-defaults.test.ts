/** `config check` lists the changed defaults that affect a configuration, each with its section in the guide. */

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

/** An affected configuration, and a similar one that is not affected. */
const examples: Readonly<Record<string, readonly [affected: object, unaffected: object]>> = {
  'LDAP groups are lists': [
    { identity_providers: [staff({ groups: 'memberOf' })] },
    { identity_providers: [staff({ name: 'cn' })] },
  ],
  'Configured users sign in like stored users': [
    { users: [{ sub: '1', username: 'alice', password: 'a password that is long' }] },
    { accounts: {}, mail },
  ],
  'Introspection returns token_type Bearer': [
    { api_resources: [{ name: 'api', api_secrets: [{ value: 'a secret of the api' }] }] },
    { api_resources: [{ name: 'api' }] },
  ],
  'ID tokens contain idp only on request': [
    { clients: [{ ...open, scope: 'openid' }] },
    { clients: [{ ...open, scope: 'openid' }], compatibility: 'identityserver4' },
  ],
  'Loopback redirect URIs accept any port': [
    { clients: [{ ...open, redirect_uris: ['http://127.0.0.1:8080/cb'] }] },
    { clients: [open] },
  ],
  'Application URI schemes require PKCE': [
    { clients: [{ ...lax, redirect_uris: ['com.example.app:/cb'] }] },
    { clients: [lax] },
  ],
  'x-forwarded-host is ignored by default': [byHost, { ...byHost, trust_forwarded_host: true }],
  'Sign-up is off in shared tenants': [
    { ...signUp, tenants },
    { ...signUp, tenants: [{ name: 'acme', accounts: { sign_up: true } }] },
  ],
  'User names are not email addresses': [signUp, { accounts: {}, mail }],
  'Guesses at client and API secrets are limited': [{ clients: [machine] }, { clients: [open] }],
  'Exchanged tokens end with their subject token': [{ clients: [exchanger] }, { clients: [machine] }],
  'Sensitive account pages ask for the second factor': [{ accounts: {}, mail }, {}],
  'The dev mailbox is local only': [
    { issuer: 'http://localhost:5080', host: '0.0.0.0', accounts: {} },
    { issuer: 'http://localhost:5080', host: '127.0.0.1', accounts: {} },
  ],
  'Software statements override names and logos': [
    { registration: { mode: 'open', trusted_software_issuers } },
    { registration: { mode: 'open' } },
  ],
  'Errors do not redirect to unknown self-registered clients': [
    { registration: { mode: 'open' } },
    { registration: { mode: 'off' } },
  ],
  'Registration omits values that are not allowed': [{ registration: { mode: 'open' } }, {}],
  'Registration limits changed': [
    {
      registration: {
        mode: 'initial_access_token',
        initial_access_tokens: [{ value: 'a-token-that-is-long-enough' }],
      },
    },
    {},
  ],
  'Unused self-registered clients are replaced': [{ registration: { mode: 'open' } }, {}],
  'Hook results are validated': [{ profile: { claims: () => ({}) } }, {}],
  'A password validator no longer replaces configured users': [
    {
      validators: { password: { check: () => ({ ok: false }) } },
      users: [{ sub: '1', username: 'a', password: 'b' }],
    },
    { users: [{ sub: '1', username: 'a', password: 'b' }] },
  ],
  'Hooks have a time limit': [{ mfaPolicy: () => undefined }, {}],
  'A new SQLite database with a used key is refused': [{ storage: 'sqlite:./a.db' }, { storage: 'memory:' }],
  'Nodes use the clock of PostgreSQL': [{ storage: 'postgres://127.0.0.1/a' }, { storage: 'sqlite:./a.db' }],
  'Hung workers are replaced': [{ storage: 'sqlite:./a.db' }, { storage: 'sqlite:./a.db', workers: 1 }],
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
  test(`changed defaults: "${title}" is listed for an affected configuration, and for no other`, () => {
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
