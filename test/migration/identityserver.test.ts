/** IdentityServer4's quickstart and tables: converted, served, and used by the clients of the quickstart. */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { migrate } from '../../packages/server/src/migration/migrate.ts'
import { tessera } from '../cli/tessera.ts'
import { createBrowser } from '../support/browser.ts'
import { testFolder } from '../support/folder.ts'
import { readText } from '../support/repository.ts'
import { answerOf, authorizePath, signIn, verifier } from '../support/sign-in.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'
import { at, importerNamed, migrateFixture } from './fixtures.ts'

const folder = testFolder()
const quickstart = fileURLToPath(new URL('fixtures/identityserver4-quickstart.json', import.meta.url))
const importing = ['import', '--from', 'identityserver', quickstart]

test("migration: IdentityServer4's quickstart is converted by one command and served, and its clients sign in", async () => {
  const output = folder.at('tessera.json')
  const { code, stdout, stderr } = await tessera([...importing, '--output', output])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^clients: 3, API scopes: 1, .*configured users: 2/m)
  assert.match(stdout, /^carried over: \d+, changed: 0, not needed: 2, not possible: 0$/m)
  assert.doesNotMatch(stdout, /K7gNU3sdo|alice$/m)
  assert.equal((await stat(output)).mode & 0o777, 0o600)

  const server = await createTestServer(JSON.parse(await readFile(output, 'utf8')), { isModule: false })
  const machine = await server.token(
    { grant_type: 'client_credentials', scope: 'api1' },
    { client: ['client', 'secret'] },
  )
  assert.equal(machine.status, 200)
  // APIs of IdentityServer4 expect a list.
  assert.deepEqual(claimsOf(machine.json.access_token).scope, ['api1'])
  assert.equal(
    (await server.token({ grant_type: 'client_credentials' }, { client: ['client', 'x'] })).status,
    400,
  )

  const redirect_uri = 'https://localhost:5002/signin-oidc'
  const request = { client_id: 'mvc', redirect_uri, scope: 'openid profile api1 offline_access' }
  const bob = { username: 'bob', password: 'bob', button: 'login' }
  const page = await signIn(createBrowser(server), authorizePath(request), bob)
  const code1 = answerOf(page, redirect_uri).get('code') ?? ''
  const exchange = { grant_type: 'authorization_code', code: code1, redirect_uri, code_verifier: verifier }
  const tokens = await server.token(exchange, { client: ['mvc', 'secret'] })
  assert.equal(tokens.status, 200)
  assert.equal(claimsOf(tokens.json.id_token).sub, '88421113')
  const { refresh_token } = tokens.json
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token },
    { client: ['mvc', 'secret'] },
  )
  assert.equal(refreshed.status, 200)
  const userinfo = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${refreshed.json.access_token}` },
  })
  assert.equal(userinfo.json.name, 'Bob Smith')
  assert.equal(userinfo.json.website, 'http://bob.com')

  const browserApp = { client_id: 'js', redirect_uri: 'https://localhost:5003/callback.html' }
  const alice = { username: 'alice', password: 'alice', button: 'login' }
  const ofJs = await signIn(
    createBrowser(server),
    authorizePath({ ...browserApp, scope: 'openid profile api1' }),
    alice,
  )
  const redeemed = await server.token(
    {
      ...{
        grant_type: 'authorization_code',
        code: answerOf(ofJs, browserApp.redirect_uri).get('code') ?? '',
      },
      ...{ ...browserApp, code_verifier: verifier },
    },
    { headers: { origin: 'https://localhost:5003' } },
  )
  assert.equal(redeemed.status, 200)
  assert.equal(redeemed.headers['access-control-allow-origin'], 'https://localhost:5003')

  const again = await tessera([...importing, '--output', output])
  assert.equal(again.code, 1)
  assert.match(again.stderr, /tessera\.json exists; choose another name/)
})

test('migration: the rows of the tables become clients, resources and users', async () => {
  const { configuration, users, variables } = await migrateFixture(
    'identityserver',
    'identityserver4-tables.json',
  )
  const clients = new Map((configuration.clients as any[]).map(client => [client.client_id, client]))
  const { client_secrets, claims, ...web } = clients.get('web')
  assert.deepEqual(Object.keys(client_secrets[0]), ['sha256'])
  assert.deepEqual(Object.keys(client_secrets[1]), ['sha512', 'expires_at'])
  assert.equal(client_secrets[1].expires_at, '2030-01-01T00:00:00.000Z')
  assert.deepEqual(claims, [{ type: 'tier', value: 'gold' }])
  assert.partialDeepStrictEqual(web, {
    grant_types: ['authorization_code', 'implicit', 'refresh_token'],
    response_types: ['code id_token', 'code token', 'code id_token token'],
    redirect_uris: ['https://invoices.example/signin-oidc'],
    scope: 'openid profile email roles invoices.read offline_access',
    refresh_token_usage: 'reuse',
    refresh_token_expiration: 'sliding',
    access_token_type: 'reference',
    default_max_age: 7200,
    id_token_signed_response_alg: 'ES256',
    require_pkce: false,
    always_send_client_claims: true,
  })
  const partner = clients.get('partner')
  assert.equal(partner.token_endpoint_auth_method, 'private_key_jwt')
  assert.deepEqual(
    partner.jwks.keys.map((key: object) => Object.keys(key).includes('x5c')),
    [false, true],
  )
  assert.partialDeepStrictEqual(clients.get('spa'), {
    enabled: false,
    response_types: ['id_token', 'id_token token'],
    token_endpoint_auth_method: 'none',
  })
  const tv = clients.get('tv')
  assert.deepEqual(tv.grant_types, ['urn:ietf:params:oauth:grant-type:device_code'])
  assert.equal('require_pkce' in tv, false)
  assert.deepEqual(clients.get('broken').client_secrets, [{ value: { env: 'CLIENT_SECRET_BROKEN' } }])
  assert.deepEqual(variables, ['CLIENT_SECRET_BROKEN'])
  assert.equal(clients.has('federation'), false)
  assert.deepEqual(configuration.api_resources, [
    {
      name: 'invoices',
      display_name: 'Invoices',
      claims: [{ claim: 'role', from: 'roles' }],
      access_token_signing_alg: 'RS256',
      scopes: ['invoices.read'],
      api_secrets: [{ sha512: client_secrets[1].sha512 }],
    },
  ])
  assert.deepEqual(
    users.map(({ password_hash: _, ...user }) => user),
    [
      {
        sub: '5f3759df-0000-4000-8000-000000000001',
        username: 'dora@example.com',
        email: 'dora@example.com',
        email_verified: true,
        claims: { name: 'Dora', phone_number: '+49 6221 0', phone_number_verified: true },
        roles: ['admin', 'accounting'],
        totp_secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
      },
      {
        sub: '5f3759df-0000-4000-8000-000000000002',
        username: 'emil',
        email_verified: false,
        disabled: true,
      },
    ],
  )
})

test('migration: a value that can not be read never allows more than before', () => {
  const value = {
    Clients: [
      {
        ClientId: 'off',
        Enabled: 'no',
        EnableLocalLogin: 0,
        RequirePkce: 'maybe',
        AllowedGrantTypes: ['authorization_code'],
        RedirectUris: ['https://app.example/cb', 'https://*.example/cb'],
        RequireClientSecret: {},
        ClientSecrets: [
          { Value: 'K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=', Expiration: 'soon' },
          { Value: 'plain text' },
        ],
      },
    ],
    AspNetUsers: [{ Id: '1', UserName: 'u', LockoutEnd: 'always' }],
    TestUsers: [{ SubjectId: '2', Username: 't', IsActive: 'nein', Password: 't' }],
  }
  const { configuration, users } = migrate(importerNamed('identityserver'), [{ name: 'f', value }], at)
  const [client] = configuration.clients as any[]
  assert.partialDeepStrictEqual(client, {
    enabled: false,
    enable_local_login: false,
    redirect_uris: ['https://app.example/cb'],
    client_secrets: [{ expires_at: '2000-01-01T00:00:00Z' }],
  })
  assert.equal(client.client_secrets.length, 1)
  assert.equal('require_pkce' in client || 'token_endpoint_auth_method' in client, false)
  assert.equal(users[0]?.disabled, true)
  assert.partialDeepStrictEqual(configuration.users, [{ active: false }])
  assert.ok(!('roles' in (configuration.users as readonly object[])[0]!))
})

test('migration: appsettings with numbers as strings, enums by name and a TimeSpan', () => {
  const value = {
    IdentityServer: {
      IssuerUri: 'https://id.example',
      Authentication: { CookieLifetime: '10:00:00' },
      clients: [
        {
          clientId: 'a',
          accessTokenLifetime: '60',
          refreshTokenUsage: 'reuse',
          accessTokenType: 'Reference',
          allowOfflineAccess: 'True',
          allowedGrantTypes: ['client_credentials'],
          clientSecrets: [{ value: 'K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=', type: 'SharedSecret' }],
        },
      ],
      ApiResources: [{ Name: 'old', Scopes: [{ Name: 'old.read', UserClaims: ['email'] }] }],
    },
  }
  const { configuration } = migrate(importerNamed('identityserver'), [{ name: 'f', value }], at)
  assert.partialDeepStrictEqual(configuration, {
    issuer: 'https://id.example',
    sessions: { absolute_lifetime: 36_000 },
    clients: [
      {
        client_id: 'a',
        access_token_lifetime: 60,
        refresh_token_usage: 'reuse',
        access_token_type: 'reference',
        scope: 'offline_access',
      },
    ],
    api_scopes: [{ name: 'old.read', claims: ['email'] }],
    api_resources: [{ name: 'old', scopes: ['old.read'] }],
  })
})

test('migration: users with numbers as keys keep them, and a lockout counts only if it is enabled', () => {
  const LockoutEnd = '9999-12-31T23:59:59+00:00'
  const AspNetUsers = [
    { Id: 7, UserName: 'a', LockoutEnd, LockoutEnabled: false },
    { Id: 8, UserName: 'b', LockoutEnd, LockoutEnabled: true },
    { Id: '9', UserName: 'c', LockoutEnd },
    // Numbers of JavaScript are not exact here, and this would be the sub of another user.
    JSON.parse('{ "Id": 9007199254740993, "UserName": "d" }'),
  ]
  const { users, lines } = migrate(
    importerNamed('identityserver'),
    [{ name: 'f', value: { AspNetUsers } }],
    at,
  )
  assert.match(
    lines.find(({ source }) => source.join('.') === 'AspNetUsers.3.Id')?.why ?? '',
    /export it as text/,
  )
  assert.deepEqual(users, [
    { sub: '7', username: 'a' },
    { sub: '8', username: 'b', disabled: true },
    { sub: '9', username: 'c', disabled: true },
  ])
})

test('migration: a list of appsettings may be an object, as in .NET', () => {
  const Clients = {
    web: {
      ClientId: 'web',
      AllowedGrantTypes: { 0: 'client_credentials' },
      ClientSecrets: { 0: { Value: 'K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=' } },
      AllowedScopes: { a: 'api1' },
    },
  }
  const value = { IdentityServer: { Clients, ApiScopes: { 0: { Name: 'api1' } } } }
  const { configuration, lines } = migrate(importerNamed('identityserver'), [{ name: 'f', value }], at)
  assert.partialDeepStrictEqual(configuration, {
    clients: [{ client_id: 'web', grant_types: ['client_credentials'], scope: 'api1' }],
    api_scopes: [{ name: 'api1' }],
  })
  assert.deepEqual([...new Set(lines.map(({ outcome }) => outcome))], ['carried_over'])
})

test("migration: the guide's appsettings are converted without loss", () => {
  const [, example = ''] =
    /```json\n([\s\S]*?)\n```/.exec(readText('docs/guides/from-identityserver4.md')) ?? []
  const { configuration, lines } = migrate(
    importerNamed('identityserver'),
    [{ name: 'appsettings.json', value: JSON.parse(example) }],
    at,
  )
  assert.deepEqual(
    lines.filter(({ outcome }) => outcome !== 'carried_over'),
    [],
  )
  assert.equal(configuration.issuer, 'https://login.example')
  assert.equal((configuration.clients as any[])[0].scope, 'openid profile api1 offline_access')
})

test('migration: a public client of IdentityServer4 has no grant that needs a secret', () => {
  const client = {
    ...{ ClientId: 'spa', RequireClientSecret: false, RedirectUris: ['https://app.example/cb'] },
    AllowedGrantTypes: ['authorization_code', 'client_credentials'],
  }
  const value = { Clients: [client] }
  const { configuration } = migrate(importerNamed('identityserver'), [{ name: 'f', value }], at)
  assert.partialDeepStrictEqual((configuration.clients as any[])[0], {
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
  })
})

test('migration: of a private key of IdentityServer4, the public part is carried over', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [own, others] = [privateKey, publicKey].map(key => key.export({ format: 'jwk' }))
  const client = {
    ...{
      ClientId: 'web',
      RedirectUris: ['https://app.example/cb'],
      AllowedGrantTypes: ['authorization_code'],
    },
    ClientSecrets: [{ Type: 'JWK', Value: JSON.stringify(own) }],
  }
  const { configuration } = migrate(
    importerNamed('identityserver'),
    [{ name: 'f', value: { Clients: [client] } }],
    at,
  )
  assert.partialDeepStrictEqual((configuration.clients as any[])[0], {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [others] },
  })
  assert.ok(!JSON.stringify(configuration).includes(String(own?.d)))
})

test('migration: a secret key of IdentityServer4 is never published as a public one', () => {
  const jwk = { kty: 'oct', k: 'c2VjcmV0' }
  const client = {
    ...{
      ClientId: 'web',
      RedirectUris: ['https://app.example/cb'],
      AllowedGrantTypes: ['authorization_code'],
    },
    ClientSecrets: [{ Type: 'JWK', Value: JSON.stringify(jwk) }],
  }
  const { configuration, variables, lines } = migrate(
    importerNamed('identityserver'),
    [{ name: 'f', value: { Clients: [client] } }],
    at,
  )
  const [converted] = configuration.clients as any[]
  assert.deepEqual([converted.jwks, variables.length], [undefined, 1])
  assert.doesNotMatch(JSON.stringify([configuration, lines]), /c2VjcmV0/)
})

test('migration: of the claims of a user of IdentityServer4, only the type role becomes a role, and no claim an address', () => {
  const claim = (ClaimType: string, ClaimValue: string) => ({ ClaimType, ClaimValue })
  const value = {
    AspNetUsers: [
      {
        ...{ Id: '1', UserName: 'mallory', Email: 'm@corp.example', EmailConfirmed: false },
        AspNetUserClaims: [
          ...[
            claim('role', 'reader'),
            claim('roles', 'admin'),
            claim('groups', 'staff'),
            claim('team', 'blue'),
          ],
          ...[claim('email', 'ceo@corp.example'), claim('email_verified', 'true'), claim('email#de', 'x')],
          claim('tenant', 'acme'),
        ],
      },
    ],
  }
  const { users, lines } = migrate(importerNamed('identityserver'), [{ name: 'tables.json', value }], at)
  assert.deepEqual(users, [
    {
      ...{ sub: '1', username: 'mallory', email: 'm@corp.example', email_verified: false },
      ...{ claims: { team: 'blue' }, groups: ['staff'], roles: ['reader'] },
    },
  ])
  const outcomeOf = (index: number) =>
    lines
      .filter(({ source }) => source.includes('AspNetUserClaims') && source.includes(index))
      .map(({ outcome }) => outcome)
  for (const index of [1, 6, 7]) assert.deepEqual(outcomeOf(index), ['not_possible'], `claim ${index}`)
})
