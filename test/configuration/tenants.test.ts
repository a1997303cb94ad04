/** Tenants with their own issuer in a configuration: their own settings, inherited ones, and impossible ones. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { followPort } from '../../packages/server/src/configuration/issuer.ts'
import { assertErrors, type Input, machine, parsed, spa } from './errors.ts'

const withTenant = (tenant: Input, more: Input = {}): Input => ({
  issuer: 'https://id.example',
  tenants: [{ name: 'acme', issuer: 'path', ...tenant }],
  ...more,
})

const ownOf = (input: Input, options?: Parameters<typeof parsed>[1]) => {
  const own = parsed(input, options).configuration.tenantIssuers.get('acme')
  assert.ok(own)
  return own
}

test('tenants: the issuer is the path below the server’s, or the tenant’s origin', () => {
  assert.equal(ownOf(withTenant({})).issuer, 'https://id.example/t/acme')
  const below = withTenant({}, { issuer: 'https://example.com/login' })
  assert.equal(ownOf(below).issuer, 'https://example.com/login/t/acme')
  assert.equal(ownOf(withTenant({ issuer: 'https://id.acme.example' })).issuer, 'https://id.acme.example')
})

test('tenants: an issuer by path has the port of a server without a configured issuer', () => {
  const { configuration } = parsed({
    port: 0,
    tenants: [
      { name: 'acme', issuer: 'path' },
      { name: 'globex', issuer: 'http://globex.localhost:5080' },
    ],
  })
  const { issuer, tenantIssuers } = followPort(configuration, 4711)
  assert.equal(issuer, 'http://localhost:4711')
  assert.equal(tenantIssuers.get('acme')?.issuer, 'http://localhost:4711/t/acme')
  assert.equal(tenantIssuers.get('globex')?.issuer, 'http://globex.localhost:5080')
})

test('tenants: users belong to one issuer only, and there to no tenant', () => {
  const alice = { sub: '1', username: 'alice', password: 'a' }
  const input = withTenant({}, { users: [alice, { ...alice, tenant: 'acme' }] })
  const { configuration } = parsed(input)
  assert.deepEqual(
    configuration.users.map(({ sub, tenant }) => [sub, tenant]),
    [['1', undefined]],
  )
  assert.deepEqual(
    ownOf(input).users.map(({ sub, tenant }) => [sub, tenant]),
    [['1', undefined]],
  )
  assert.deepEqual([...configuration.tenants], [])
})

test('tenants: clients, providers and trusted issuers are never inherited', () => {
  const provider = { name: 'corp', type: 'oidc', issuer: 'https://corp.example', client_id: 'x' }
  const jwks = {
    keys: [
      {
        kty: 'EC',
        crv: 'P-256',
        x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
        y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
      },
    ],
  }
  const everything = {
    clients: [machine],
    identity_providers: [provider],
    trusted_issuers: [{ issuer: 'https://sts.example', jwks }],
  }
  const inherited = ownOf(withTenant({}, everything))
  assert.deepEqual([...inherited.clients.all()], [])
  assert.equal(inherited.identityProviders.size, 0)
  assert.deepEqual(inherited.trustedIssuers, [])
  const own = ownOf(withTenant(everything))
  assert.equal([...own.clients.all()].length, 1)
  assert.equal(own.identityProviders.size, 1)
  assert.equal(own.trustedIssuers.length, 1)
})

test('tenants: scopes and APIs are the server’s unless the tenant has its own list, and no API’s secret is inherited', () => {
  const server = {
    api_scopes: [{ name: 'api1' }],
    api_resources: [{ name: 'urn:api', scopes: ['api1'], api_secrets: [{ value: 's' }] }],
    identity_resources: [{ name: 'roles', claims: ['role'] }],
  }
  const inherited = ownOf(withTenant({ clients: [{ ...machine, scope: 'api1' }] }, server)).resources
  assert.ok(inherited.apiScopes.has('api1') && inherited.identity.has('roles'))
  assert.deepEqual(inherited.apis.get('urn:api')?.api_secrets, [])
  const own = ownOf(withTenant({ api_resources: [], api_scopes: [{ name: 'api2' }] }, server)).resources
  assert.deepEqual([...own.apiScopes.keys()], ['api2'])
  assert.equal(own.apis.size, 0)
  assert.ok(own.identity.has('roles'))
})

test('tenants: settings are the server’s unless the tenant has its own', () => {
  const server = { compatibility: 'identityserver4', emit_state_hash: true }
  const { compatibility, emitStateHash } = ownOf(withTenant({ compatibility: 'none' }, server))
  assert.equal(compatibility, 'none')
  assert.equal(emitStateHash, true)
})

test('tenants: an operator’s hooks get the tenant of the user', async () => {
  const asked: unknown[] = []
  const check = (request: { tenant?: string }) => {
    asked.push(request.tenant)
    return { ok: false } as const
  }
  const claims = ({ subject }: { subject: { tenant?: string } }) => {
    asked.push(subject.tenant)
    return {}
  }
  const input = withTenant(
    { identity_providers: [{ name: 'directory', credentialAuthority: { check } }] },
    { validators: { password: { check } }, profile: { claims } },
  )
  const own = ownOf(input, { isModule: true })
  const request = { username: 'u', password: 'p', client_id: 'c' }
  await own.validators.password?.check(request)
  await own.identityProviders.get('directory')?.credentialAuthority?.check(request)
  const subject = { sub: '1', idp: 'local' }
  await own.profile?.claims?.({ subject, client_id: 'c', names: [], use: 'userinfo' })
  assert.deepEqual(asked, ['acme', 'acme', 'acme'])
  assert.equal(own.profile?.isActive, undefined)
})

test('tenants: an error in a tenant’s own entries is reported with its path', () => {
  assertErrors(
    withTenant({
      clients: [
        { ...spa, redirect_uris: [] },
        { ...machine, scop: 'x' },
      ],
    }),
    [
      { path: 'tenants[0].clients[0].redirect_uris', problem: /no redirect URI/ },
      { path: 'tenants[0].clients[1].scop', problem: /not a known key/, nearest: 'scope' },
    ],
  )
  assertErrors(withTenant({ clients: [{ ...machine, scope: 'nothing' }] }), [
    { path: 'tenants[0].clients[0].scope', problem: /"nothing" is not a known scope/ },
  ])
  assertErrors(withTenant({ clients: [machine, machine] }), [
    { path: 'tenants[0].clients[1].client_id', problem: /also tenants\[0\].clients\[0\].client_id/ },
  ])
})

test('tenants: an error of the server is reported once, however many tenants inherit it', () => {
  const scopes = { api_scopes: [{ name: 'offline_access' }] }
  assertErrors(withTenant({}, scopes), [{ path: 'api_scopes[0].name', problem: /is predefined/ }])
})

test('tenants: names and subs must be unique within an issuer, not across issuers', () => {
  const alice = { sub: '1', username: 'alice', tenant: 'acme' }
  parsed(
    withTenant(
      { clients: [machine] },
      { clients: [machine], users: [alice, { ...alice, tenant: undefined }] },
    ),
  )
  assertErrors(withTenant({}, { users: [alice, alice] }), [
    { path: 'users[1].sub', problem: /also users\[0\].sub/ },
    { path: 'users[1].username', problem: /also users\[0\].username/ },
  ])
  assertErrors(withTenant({ clients: [machine] }, { users: [{ ...alice, sub: 'machine' }] }), [
    { path: 'users[0].sub', problem: /client_id too/ },
  ])
})

test('tenants: a tenant that shares the server’s issuer has no other settings of its own', () => {
  assertErrors({ tenants: [{ name: 'acme', clients: [machine], compatibility: 'none' }] }, [
    { path: 'tenants[0].clients', problem: /shares the server's issuer/, fix: /"issuer": "path"/ },
    { path: 'tenants[0].compatibility', problem: /shares the server's issuer/ },
  ])
})

test('tenants: a tenant that shares the server’s issuer may enable sign-up, and nothing else of accounts', () => {
  const accounts = { email_verification: 'off' }
  const tenants = [{ name: 'acme', accounts: { sign_up: true } }, { name: 'globex' }]
  const { configuration, warnings } = parsed({ accounts, tenants })
  assert.deepEqual([...configuration.signUpTenants], ['acme'])
  assert.equal(configuration.accounts.signUp, false)
  assert.deepEqual(
    warnings.map(({ path }) => path),
    ['tenants[0].accounts.sign_up'],
  )
  assert.match(warnings[0]?.problem ?? '', /anyone can create an account in tenant "acme"/)

  const everywhere = parsed({ accounts: { ...accounts, sign_up: true }, tenants: [{ name: 'globex' }] })
  assert.deepEqual([...everywhere.configuration.signUpTenants], [])
  assert.deepEqual(everywhere.warnings, [])

  const more = { sign_up: true, password_reset: true, password_policy: { min_length: 8 } }
  assertErrors({ accounts, tenants: [{ name: 'acme', accounts: more }] }, [
    { path: 'tenants[0].accounts.password_reset', problem: /shares the server's issuer/ },
    { path: 'tenants[0].accounts.password_policy', problem: /shares the server's issuer/ },
  ])
  assertErrors({ tenants: [{ name: 'acme', accounts: { sign_up: true } }] }, [
    { path: 'tenants[0].accounts.sign_up', problem: /top level of the configuration has no "accounts"/ },
  ])
  assertErrors({ issuer: 'https://id.example', accounts: {}, tenants }, [
    { path: 'tenants[0].accounts.sign_up', problem: /"mail" is not configured/ },
  ])
})

test('tenants: server-wide settings are not keys of a tenant', () => {
  for (const key of [
    'host',
    'port',
    'storage',
    'workers',
    'drain_delay',
    'metrics',
    'master_key_file',
    'masterKey',
    'trusted_proxies',
    'trust_forwarded_host',
    'mtls',
    'outbound',
    'users',
    'tenants',
  ])
    assertErrors(withTenant({ [key]: [] }), [{ path: `tenants[0].${key}`, problem: /not a known key/ }])
})

test('tenants: a name for addresses and file names has lower-case letters, digits and hyphens', () => {
  for (const name of ['Acme', 'a_b', '-a', 'a-', '..', 'a/b', 'a'.repeat(64)])
    assertErrors(withTenant({ name }), [
      { path: 'tenants[0].name', problem: /characters that are not allowed there/ },
    ])
  parsed(withTenant({ name: 'a'.repeat(63) }))
  parsed({ tenants: [{ name: 'Acme_Shared' }] })
})

test('tenants: an issuer by host has its own origin', () => {
  for (const issuer of [
    'https://acme.example/',
    'https://acme.example/login',
    'http://acme.example',
    'HTTPS://acme.example',
    'acme.example',
    'https://acme.example:443',
    '',
  ])
    assertErrors(withTenant({ issuer }), [{ path: 'tenants[0].issuer', problem: /./ }])
  assertErrors(withTenant({ issuer: 'https://id.example' }), [
    { path: 'tenants[0].issuer', problem: /the server has the same host/ },
  ])
  const two = ['acme', 'globex'].map(name => ({ name, issuer: 'https://same.example' }))
  assertErrors({ tenants: two }, [{ path: 'tenants[1].issuer', problem: /tenant "acme" has the same host/ }])
})

test('tenants: no client of the server may name a tenant of another issuer', () => {
  const client = { ...machine, tenants: ['shared', 'acme'] }
  const tenants = [{ name: 'shared' }, { name: 'acme', issuer: 'path' }]
  assertErrors({ clients: [client], tenants }, [{ path: 'clients[0].tenants[1]', problem: /its own issuer/ }])
})
