/** Auth0: the tenant that its deploy tool exports, its users, and the hashes that its support sends. */

import assert from 'node:assert/strict'
import { scryptSync } from 'node:crypto'
import { test } from 'node:test'
import { migrate } from '../../packages/server/src/migration/migrate.ts'
import { readSourceFile } from '../../packages/server/src/migration/source-file.ts'
import { findPasswordHash } from '../../packages/server/src/runtime/password-hash/read.ts'
import { testFolder } from '../support/folder.ts'
import { at, importerNamed, migrateFixture } from './fixtures.ts'

const folder = testFolder()
const tenant = await migrateFixture('auth0', 'auth0-tenant.yaml', 'auth0-users.ndjson', 'auth0-hashes.ndjson')
const imported = await migrateFixture('auth0', 'auth0-import.json')

type Entries = readonly Record<string, any>[]
const entry = (list: string, key: string, name: string) =>
  (tenant.configuration[list] as Entries).find(one => one[key] === name)
const client = (name: string) => entry('clients', 'client_name', name)
const user = (email: string, of = tenant) => of.users.find(one => one.email === email)
const outcomesAt = ({ lines }: typeof tenant, file: string, ...path: readonly (string | number)[]) =>
  lines
    .filter(line => line.file === file && JSON.stringify(line.source) === JSON.stringify(path))
    .map(({ outcome }) => outcome)

test('migration: an application of Auth0 has the keys that do the same', () => {
  const { scope, ...web } = client('Web Shop')!
  assert.deepEqual(web, {
    client_id: 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6',
    client_name: 'Web Shop',
    redirect_uris: ['https://shop.example/callback'],
    post_logout_redirect_uris: ['https://shop.example/bye'],
    grant_types: ['authorization_code', 'implicit', 'refresh_token'],
    response_types: [
      'code',
      'id_token',
      'id_token token',
      'code id_token',
      'code token',
      'code id_token token',
    ],
    require_pkce: false,
    allowed_cors_origins: ['https://shop.example'],
    token_endpoint_auth_method: 'client_secret_post',
    client_secrets: [{ value: { env: 'WEB_SHOP_SECRET' } }],
    id_token_signed_response_alg: 'RS256',
    identity_token_lifetime: 36_000,
    refresh_token_expiration: 'sliding',
    sliding_refresh_token_lifetime: 1_296_000,
    absolute_refresh_token_lifetime: 2_592_000,
    backchannel_logout_uri: 'https://shop.example/backchannel',
  })
  assert.equal(scope, 'openid profile email address phone offline_access read:orders write:orders')
})

test('migration: what an application of Auth0 is allowed does not grow', () => {
  assert.equal(client('Console')?.token_endpoint_auth_method, 'none')
  // Only one of the two providers was enabled for it.
  assert.deepEqual(client('Console')?.identity_provider_restrictions, ['google-oauth2'])
  const partner = client('Partner')!
  assert.deepEqual([partner.require_consent, partner.enable_local_login], [true, false])
  assert.deepEqual(partner.client_secrets, [{ value: { env: 'AUTH0_SECRET_PARTNER' } }])
  assert.equal(partner.scope, 'openid profile email address phone')
  assert.deepEqual(
    outcomesAt(tenant, 'auth0-tenant.yaml', 'clients', 3, 'name').includes('not_possible'),
    true,
  )
  const worker = client('Worker')!
  assert.deepEqual(
    [worker.token_endpoint_auth_method, worker.jwks.keys[0].kty, worker.scope],
    ['private_key_jwt', 'EC', 'read:orders write:orders'],
  )
  assert.equal(client('All Applications'), undefined)
})

test('migration: APIs, providers and settings of an Auth0 tenant', () => {
  assert.deepEqual(entry('api_resources', 'name', 'https://api.shop.example/orders'), {
    name: 'https://api.shop.example/orders',
    display_name: 'Orders',
    access_token_signing_alg: 'RS256',
    scopes: ['read:orders', 'write:orders'],
  })
  assert.deepEqual(entry('api_resources', 'name', 'urn:stock')?.scopes, ['read:stock', 'read:orders'])
  assert.equal((tenant.configuration.api_resources as Entries).length, 2)
  assert.deepEqual(entry('identity_providers', 'name', 'corp'), {
    name: 'corp',
    display_name: 'Corporate',
    type: 'oidc',
    issuer: 'https://corp.example',
    client_id: 'corp-client',
    client_secret: 'corp-secret',
    scope: 'openid profile',
    domains: ['corp.example'],
  })
  const google = entry('identity_providers', 'name', 'google-oauth2')
  assert.deepEqual([google?.client_secret, google?.scope], [{ env: 'GOOGLE_SECRET' }, 'openid email profile'])
  assert.equal(entry('identity_providers', 'name', 'facebook'), undefined)
  const { accounts, branding, sessions } = tenant.configuration
  assert.deepEqual(accounts, { sign_up: true, password_policy: { min_length: 10 } })
  assert.deepEqual(branding, { name: 'Example Shop', logo: 'https://cdn.shop.example/logo.png' })
  assert.deepEqual(sessions, { absolute_lifetime: 604_800, idle_lifetime: 261_000, keep_signed_in: true })
})

test('migration: users of Auth0 keep their sub, and get the hash that its support sends', () => {
  const dora = user('dora@shop.example')!
  assert.deepEqual([dora.sub, dora.username], ['auth0|64f1a2b3c4d5e6f708192a3b', 'dora@shop.example'])
  assert.match(dora.password_hash ?? '', /^\$2b\$10\$/)
  assert.deepEqual([dora.roles, dora.groups], [['admin'], ['ops']])
  assert.deepEqual(dora.claims?.user_metadata, { color: 'blue' })
  assert.deepEqual(dora.identities, [
    { provider: 'corp', authority: 'https://corp.example', id: 'corp-dora' },
  ])
  const gus = user('gus@gmail.example')!
  assert.deepEqual([gus.sub, gus.disabled, gus.password_hash], ['google-oauth2|108', true, undefined])
  assert.deepEqual(gus.identities, [
    { provider: 'google-oauth2', authority: 'https://accounts.google.com', id: '108' },
  ])
  assert.equal(user('ivy@shop.example')?.sub, 'auth0|64f1a2b3c4d5e6f708192a3e')
  assert.equal(user('hal@shop.example')?.password_hash, undefined)
  assert.deepEqual(outcomesAt(tenant, 'auth0-hashes.ndjson', 2, 'passwordHash'), ['not_possible'])
  assert.deepEqual(outcomesAt(tenant, 'auth0-users.ndjson', 2, 'multifactor'), ['not_possible'])
})

test('migration: hashes in the format of imports into Auth0 are converted, or reported', async () => {
  const password = 'correct hörse'
  for (const name of ['scrypt', 'pbkdf2', 'sha', 'bcrypt']) {
    const hash = findPasswordHash(user(`${name}@shop.example`, imported)?.password_hash ?? '')
    assert.equal(await hash?.matches(password), true, name)
    assert.equal(await hash?.matches(`${password}x`), false, name)
  }
  for (const [index, name] of [
    [3, 'md5'],
    [4, 'prefix'],
  ] as const) {
    assert.equal(user(`${name}@shop.example`, imported)?.password_hash, undefined)
    assert.deepEqual(outcomesAt(imported, 'auth0-import.json', index, 'custom_password_hash'), [
      'not_possible',
    ])
  }
  assert.equal(user('bcrypt@shop.example', imported)?.totp_secret, 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP')
  assert.equal(user('bcrypt@shop.example', imported)?.sub, 'auth0|i6')
})

test('migration: keywords of the deploy tool may stand without quotes, and are reported wherever they are kept', async () => {
  const text = `
tenant:
  friendly_name: ##NAME##
  enabled_locales: @@LANGUAGES@@
clients:
  - name: 'Web ##STAGE##'
    client_id: web
    client_secret: ##WEB_SECRET##   # from the vault
    callbacks: [@@CALLBACKS@@, 'https://app.example/cb']
    grant_types: [authorization_code]
    allowed_logout_urls:
      - ##LOGOUT##
databases:
  # Without a strategy, as in the tool's own example.
  - name: users
    enabled_clients: [ web ]
connections:
  - name: google-oauth2
    strategy: google-oauth2
    enabled_clients: [ web ]
    options: { email: true }
`
  const file = await folder.write('keywords.yaml', text)
  const importer = importerNamed('auth0')
  const read = await readSourceFile(file, importer)
  assert.ok(read.ok, JSON.stringify(read))
  const user = { user_id: 'google-oauth2|1', identities: [{ connection: 'google-oauth2', user_id: '1' }] }
  const { configuration, users, variables, lines } = migrate(
    importer,
    [read.file, { name: 'users.ndjson', value: [user] }],
    at,
  )
  assert.partialDeepStrictEqual(configuration, {
    branding: { name: '##NAME##' },
    clients: [{ client_name: 'Web ##STAGE##', redirect_uris: ['https://app.example/cb'] }],
  })
  assert.deepEqual(variables, ['WEB_SECRET'])
  const reported = (outcome: string, why: RegExp) =>
    lines
      .filter(line => line.outcome === outcome && why.test(line.why ?? ''))
      .map(({ source }) => source.join('.'))
  assert.deepEqual(reported('changed', /keyword/), ['clients.0.name', 'tenant.friendly_name'])
  assert.deepEqual(reported('not_possible', /keyword/), [
    'clients.0.callbacks.0',
    'clients.0.allowed_logout_urls.0',
  ])
  assert.deepEqual(reported('not_possible', /client_id/), ['connections.0'])
  // The operator adds the provider under the same name.
  assert.deepEqual(users[0]?.identities, [
    { provider: 'google-oauth2', authority: 'https://accounts.google.com', id: '1' },
  ])
  assert.equal(configuration.identity_providers, undefined)
  assert.equal('enable_local_login' in (configuration.clients as any[])[0], false)
})

test('migration: an identity of Auth0 without the id of its user is left out and reported', () => {
  const connections = [{ name: 'google-oauth2', strategy: 'google-oauth2', options: {} }]
  const identity = { connection: 'google-oauth2', provider: 'google-oauth2' }
  const users = [{ user_id: 'google-oauth2|1', identities: [identity, { ...identity, user_id: '1' }] }]
  const outcome = migrate(
    importerNamed('auth0'),
    [
      { name: 'tenant.json', value: { connections } },
      { name: 'users.json', value: users },
    ],
    at,
  )
  assert.deepEqual(outcome.users[0]?.identities, [
    { provider: 'google-oauth2', authority: 'https://accounts.google.com', id: '1' },
  ])
  assert.ok(outcome.lines.some(({ why }) => why === 'its connection is not carried over'))
})

test('migration: a salt of Auth0 without an encoding is text, and passwords in another encoding are refused', async () => {
  const password = 'my password'
  const key = scryptSync(password, 'some salt', 64, { N: 16_384, r: 8, p: 1 })
  const custom = {
    ...{ algorithm: 'scrypt', cost: 16_384, blockSize: 8, parallelization: 1, keylen: 64 },
    hash: { value: key.toString('hex'), encoding: 'hex' },
    salt: { value: 'some salt' },
  }
  const users = [custom, { ...custom, password: { encoding: 'utf16le' } }].map(
    (custom_password_hash, index) => ({
      user_id: `${index}`,
      email: `${index}@a.example`,
      custom_password_hash,
    }),
  )
  const migrated = migrate(importerNamed('auth0'), [{ name: 'users.json', value: users }], at)
  const [known, other] = migrated.users
  assert.equal(await findPasswordHash(known?.password_hash ?? '')?.matches(password), true)
  assert.equal(other?.password_hash, undefined)
  assert.deepEqual(outcomesAt(migrated, 'users.json', 1, 'custom_password_hash'), ['not_possible'])
})

test('migration: users are asked for consent for an application of Auth0 unless the file says that it is a first party', () => {
  const consentOf = (is_first_party: unknown) => {
    const value = { clients: [{ name: 'app', client_id: 'app', is_first_party }] }
    const { configuration } = migrate(importerNamed('auth0'), [{ name: 'f', value }], at)
    return (configuration.clients as Entries)[0]?.require_consent
  }
  // Auth0 writes it for each application.
  for (const own of [true, undefined]) assert.equal(consentOf(own), undefined)
  for (const other of [false, 'true', '@@FIRST_PARTY@@']) assert.equal(consentOf(other), true)
})
