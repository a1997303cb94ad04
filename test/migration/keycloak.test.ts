/** Keycloak: a realm that Keycloak itself exported is converted, and its users sign in with their old passwords. */

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openUserImport } from '../../packages/server/src/app/user-import.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { identityKey } from '../../packages/server/src/identity/external-identity.ts'
import { migrate } from '../../packages/server/src/migration/migrate.ts'
import { mostIdentityLinks } from '../../packages/server/src/model/ports/federation.ts'
import { createBrowser } from '../support/browser.ts'
import { appOf } from '../support/factors.ts'
import { assertRefused } from '../support/refused.ts'
import { authorizePath, signIn } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer, issuer, masterKey } from '../support/tessera.ts'
import { at, importerNamed, migrateFixture, readFixture } from './fixtures.ts'

const realm = await migrateFixture('keycloak', 'keycloak-realm.json')
const folder = await migrateFixture('keycloak', 'keycloak-folder-realm.json', 'keycloak-folder-users-0.json')

type Entries = readonly Record<string, any>[]
const entry = ({ configuration }: typeof realm, list: string, key: string, name: string) =>
  (configuration[list] as Entries).find(one => one[key] === name)
const client = (id: string, of = realm) => entry(of, 'clients', 'client_id', id)
const outcomesAt = ({ lines }: typeof realm, ...path: readonly (string | number)[]) =>
  lines.filter(({ source }) => JSON.stringify(source) === JSON.stringify(path)).map(({ outcome }) => outcome)

/** The users of the realm, their passwords, and how Keycloak hashed them. */
const passwords = {
  alice: ['Sunny meadow 1', /^\$argon2id\$v=19\$m=7168,t=5,p=1\$/],
  bob: ['Rainy harbour 2', /^\$pbkdf2-sha512\$i=210000\$/],
  carol: ['Misty tower 33', /^\$pbkdf2-sha256\$i=27500\$/],
  dan: ['Windy bridge 4', /^\$pbkdf2-sha1\$i=20000\$/],
} as const

// The import writes the log of the command line.
process.env.TESSERA_LOG_LEVEL = 'silent'

/** A server with the converted configuration, and its users in the store. */
async function served() {
  const { storage, open } = await beginShared()
  const direct = { client_id: 'direct', client_secrets: [{ value: 's' }], grant_types: ['password'] }
  const input = {
    ...realm.configuration,
    issuer,
    storage,
    clients: [
      ...(realm.configuration.clients as Entries),
      { ...direct, scope: 'openid email roles web-dedicated.access', access_token_type: 'jwt' },
    ],
  }
  const parsed = parseConfiguration(input, { environment: { TESSERA_MASTER_KEY: masterKey } })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  const adding = await openUserImport(parsed.configuration, parsed.configuration)
  const add = () => Promise.all(realm.users.map(user => adding.add(user)))
  assert.deepEqual(new Set((await add()).map(({ outcome }) => outcome)), new Set(['added']))
  assert.deepEqual(new Set((await add()).map(({ outcome }) => outcome)), new Set(['same']))
  const at = Math.floor(Date.now() / 1000) + 60
  return {
    adding,
    server: await createTestServer(input, { tenantStores: await open(), at, realPasswordCost: true }),
  }
}

const { adding, server } = await served()
after(() => adding.close())

test('migration: users of a Keycloak realm sign in with their old passwords, which are then argon2id', async () => {
  const tokensOf = (username: string, password: string) =>
    server.token(
      { grant_type: 'password', username, password, scope: 'openid email roles web-dedicated.access' },
      { client: ['direct', 's'] },
    )
  const storedHash = async (sub: string) => (await server.stores.storedUsers.find(sub))?.password ?? ''
  for (const [name, [password, before]] of Object.entries(passwords)) {
    const { sub } = realm.users.find(({ username }) => username === name)!
    assert.match(await storedHash(sub), before)
    const { status, json } = await tokensOf(name, password)
    assert.equal(status, 200, name)
    assert.match(await storedHash(sub), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    const claims = JSON.parse(Buffer.from(json.access_token.split('.')[1], 'base64url').toString())
    assert.equal(claims.sub, sub)
    if (name !== 'alice') continue
    assert.deepEqual(claims.realm_access, { roles: ['admin', 'editor'] })
    assert.deepEqual(claims.resource_access, { orders: { roles: ['read'] } })
    assert.deepEqual([claims.aud, claims.tier, claims.channel], ['orders', 'gold', 'web'])
    assert.deepEqual(claims.groups, ['/staff/sales'])
  }
  const page = await signIn(createBrowser(server), authorizePath(pageRequest), {
    username: 'alice',
    password: passwords.alice[0],
    button: 'login',
  })
  assert.match(page.location ?? page.text, /^https:\/\/shop\.example\/callback\?code=/)
  assertRefused(await tokensOf('dan', `${passwords.dan[0]}x`), 'invalid_grant', 'credentials_refused')
  // A disabled user, and one without a password.
  assertRefused(await tokensOf('frida', 'anything at all'), 'invalid_grant', 'credentials_refused')
})

const pageRequest = { client_id: 'web', redirect_uri: 'https://shop.example/callback', scope: 'openid email' }

test('migration: accounts of Keycloak at providers are linked to the same users', async () => {
  const { sub } = realm.users.find(({ username }) => username === 'alice')!
  const [link, ...others] = await server.stores.identityLinks.ofUser(sub)
  const provider = { name: 'corp', linking: 'none' } as const
  const identity = identityKey({ provider, authority: 'https://corp.example', id: 'corp-alice', claims: {} })
  assert.deepEqual([link?.provider, link?.identity, link?.label, others], ['corp', identity, 'alice', []])
})

test('migration: an account of Keycloak at a provider that is not carried over is reported and links nothing', async () => {
  const value = (await readFixture('keycloak-realm.json')) as { users: Record<string, unknown>[] }
  // "bank" is disabled, and none is named "gone".
  const accounts = ['corp', 'bank', 'gone'].map(identityProvider => ({ identityProvider, userId: '7' }))
  value.users[0]!.federatedIdentities = [...accounts, { identityProvider: 'corp' }]
  const outcome = migrate(importerNamed('keycloak'), [{ name: 'realm.json', value }], at)
  assert.deepEqual(outcome.users[0]?.identities, [
    { provider: 'corp', authority: 'https://corp.example', id: '7' },
  ])
  for (const index of [1, 2, 3])
    assert.deepEqual(outcomesAt(outcome, 'users', 0, 'federatedIdentities', index), ['not_possible'])
})

test('migration: a user who can not be added leaves no factor and no link behind', async () => {
  const { stores } = server
  const identities = [{ provider: 'corp', authority: 'https://corp.example', id: 'corp-zoe' }]
  const zoe = { sub: 'zoe-1', username: 'zoe', totp_secret: 'A'.repeat(32), identities }
  const add = (changes: object) => adding.add({ ...zoe, ...changes })
  const stored = async (sub: string) => [
    (await stores.storedUsers.find(sub)) !== undefined,
    (await stores.totpSecrets.find(sub)) !== undefined,
    (await stores.identityLinks.ofUser(sub)).length,
  ]
  assert.deepEqual(await add({ username: 'Alice' }), { outcome: 'conflict', problem: 'username_taken' })
  assert.deepEqual(await stored('zoe-1'), [false, false, 0])
  // Another user has the account at the provider.
  const taken = [...identities, { ...identities[0]!, id: 'corp-alice' }]
  assert.deepEqual(await add({ identities: taken }), { outcome: 'conflict', problem: 'identity_taken' })
  assert.deepEqual(await stored('zoe-1'), [false, false, 0])
  const many = Array.from({ length: mostIdentityLinks + 1 }, (_, index) => ({
    ...identities[0]!,
    id: `corp-zoe-${index}`,
  }))
  assert.deepEqual(await add({ identities: many }), {
    outcome: 'conflict',
    problem: 'identity_links_exhausted',
  })
  assert.deepEqual(await stored('zoe-1'), [false, false, 0])
  assert.deepEqual(await add({ email: 'not an address' }), {
    outcome: 'conflict',
    problem: 'email_malformed',
  })
  assert.deepEqual(await stored('zoe-1'), [false, false, 0])
  assert.deepEqual(await add({}), { outcome: 'added' })
  assert.deepEqual(await stored('zoe-1'), [true, true, 1])
  // A factor that the user has removed since does not come back.
  await stores.secondFactors.reset('zoe-1')
  assert.deepEqual(await add({}), { outcome: 'same' })
  assert.deepEqual(await stored('zoe-1'), [true, false, 1])
})

test('migration: an authenticator app of Keycloak is still the second factor', async () => {
  const form = { username: 'erin', password: 'Quiet garden 5', button: 'login' }
  const browser = createBrowser(server)
  const asked = await signIn(browser, authorizePath(pageRequest), form)
  assert.match(asked.target, /^\/mfa/)
  const refused = await server.token(
    { grant_type: 'password', username: 'erin', password: form.password, scope: 'openid' },
    { client: ['direct', 's'] },
  )
  assertRefused(refused, 'invalid_grant', 'second_factor_needed')
  // Python's base32 of the bytes of the text in the export, which Keycloak shares with the app.
  const secret = 'OBDDGRSVNJCVGVTEKJSFI5KMMQ4W233B'
  assert.equal(realm.users.find(({ username }) => username === 'erin')?.totp_secret, secret)
  const code = appOf(secret, server).code()
  const done = await browser.submit(asked, { code, button: 'verify' })
  assert.match(done.location ?? done.text, /^https:\/\/shop\.example\/callback\?code=/)
})

test('migration: the members of a Keycloak client have the keys that do the same', () => {
  const { grant_types, scope, ...web } = client('web')!
  assert.deepEqual(web, {
    client_id: 'web',
    client_name: 'Web shop',
    enabled: true,
    require_consent: false,
    redirect_uris: ['https://shop.example/callback', 'https://shop.example/silent'],
    post_logout_redirect_uris: ['https://shop.example/bye', 'https://shop.example/'],
    allowed_cors_origins: ['https://shop.example'],
    client_uri: 'https://shop.example/',
    response_types: ['code'],
    authorization_code_lifetime: 60,
    access_token_lifetime: 900,
    refresh_token_expiration: 'sliding',
    sliding_refresh_token_lifetime: 1800,
    absolute_refresh_token_lifetime: 36_000,
    client_secrets: [{ value: 'web-secret-of-the-old-server' }],
    logo_uri: 'https://shop.example/logo.png',
    backchannel_logout_uri: 'https://shop.example/backchannel',
    backchannel_logout_session_required: true,
    always_include_user_claims_in_id_token: true,
  })
  assert.deepEqual(grant_types, ['authorization_code', 'refresh_token'])
  for (const name of ['openid', 'profile', 'email', 'roles', 'orders', 'offline_access', 'web-dedicated'])
    assert.ok(scope.split(' ').includes(name), name)
  const signed = client('signed')!
  assert.deepEqual(
    [signed.token_endpoint_auth_method, signed.jwks_uri, signed.token_endpoint_auth_signing_alg],
    ['private_key_jwt', 'https://signed.example/jwks.json', 'ES256'],
  )
  const tv = client('tv')!
  assert.deepEqual(tv.grant_types, ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'])
  assert.deepEqual([tv.device_code_lifetime, tv.device_polling_interval], [600, 10])
  assert.equal(client('account'), undefined)
})

test('migration: what a Keycloak client is allowed does not grow', () => {
  const spa = client('spa')!
  assert.equal(spa.dpop_bound_access_tokens, true)
  // https://console.example/* allowed every page of the host.
  assert.deepEqual(spa.redirect_uris, ['https://console.example/'])
  assert.deepEqual([spa.token_endpoint_auth_method, spa.require_pkce], ['none', undefined])
  const legacy = client('legacy')!
  assert.deepEqual(legacy.redirect_uris, ['http://localhost:3000/', 'myapp://cb'])
  assert.equal(legacy.allowed_cors_origins, undefined)
  // It had no access to all roles of its users.
  assert.equal(legacy.scope.split(' ').includes('roles'), false)
  // Without certificates, this client could not authenticate.
  assert.equal(client('tls'), undefined)
  // Only users of one domain could sign in there.
  assert.deepEqual(
    (realm.configuration.identity_providers as Entries).map(({ name }) => name),
    ['corp', 'partner', 'ldap'],
  )
  const frontend = client('frontend', folder)!
  assert.deepEqual([frontend.redirect_uris, frontend.grant_types, frontend.enabled], [undefined, [], false])
})

test('migration: a service account of Keycloak becomes claims of the client, and a bearer-only client an API', () => {
  const { claims, client_claims_prefix, grant_types } = client('worker')!
  assert.deepEqual(claims, [{ type: 'resource_access', value: { orders: { roles: ['write'] } } }])
  assert.deepEqual([client_claims_prefix, grant_types], ['', ['client_credentials']])
  assert.deepEqual(entry(realm, 'api_resources', 'name', 'orders'), {
    name: 'orders',
    scopes: ['web-dedicated.access'],
    access_token_signing_alg: 'RS256',
  })
})

test('migration: mappers of Keycloak become entries of scopes', () => {
  assert.deepEqual(entry(realm, 'api_scopes', 'name', 'roles')?.claims, [
    { claim: ['realm_access', 'roles'], from: 'roles', list: true },
    'resource_access',
  ])
  const orders = { claim: 'orders_roles', from: ['resource_access', 'orders', 'roles'], list: true }
  assert.deepEqual(entry(realm, 'api_scopes', 'name', 'orders')?.claims, [orders])
  const channel = { claim: 'channel', value: 'web' }
  for (const [list, name] of [
    ['identity_resources', 'web-dedicated'],
    ['api_scopes', 'web-dedicated.access'],
  ] as const)
    assert.deepEqual(
      new Set(entry(realm, list, 'name', name)?.claims.map((one: unknown) => JSON.stringify(one))),
      new Set(['tier', 'groups', 'roles', channel].map(one => JSON.stringify(one))),
    )
  const map = { '/developers': 'developers', '/developers/interns': 'interns' }
  assert.deepEqual(entry(folder, 'api_scopes', 'name', 'backend-dedicated.access')?.claims, [
    { claim: 'groups', from: 'groups', map, list: true },
    { claim: ['profile', 'age'], from: 'age' },
  ])
  assert.deepEqual(entry(folder, 'identity_resources', 'name', 'backend-dedicated')?.claims, [
    { claim: 'premium', value: true },
  ])
})

test('migration: providers and directories of Keycloak, and the users who are linked to them', () => {
  const corp = entry(realm, 'identity_providers', 'name', 'corp')!
  assert.deepEqual(
    [corp.issuer, corp.client_id, corp.scope],
    ['https://corp.example', 'c-id', 'openid email'],
  )
  assert.deepEqual(corp.claim_mapping, { department: 'department' })
  assert.equal(corp.linking, undefined)
  const { directory, claim_mapping } = entry(realm, 'identity_providers', 'name', 'ldap')!
  assert.deepEqual(directory, {
    url: 'ldaps://ldap.shop.example',
    base: 'ou=people,dc=shop,dc=example',
    bind_dn: 'cn=reader,dc=shop,dc=example',
    bind_password: 'ldap-secret',
    scope: 'sub',
    id_attribute: 'entryUUID',
    filter: '(&(objectClass=inetOrgPerson)(uid={username})(active=TRUE))',
  })
  assert.deepEqual([claim_mapping.email, claim_mapping.family_name], ['mail', 'sn'])
  assert.deepEqual(realm.users.find(({ username }) => username === 'alice')?.identities, [
    { provider: 'corp', authority: 'https://corp.example', id: 'corp-alice', label: 'alice' },
  ])
  assert.equal(
    entry(folder, 'identity_providers', 'name', 'tenant')?.issuer,
    'https://login.microsoftonline.com/3aa4a235-b6e2-48d5-9195-7fcf05b459b0/v2.0',
  )
  const upstream = entry(folder, 'identity_providers', 'name', 'upstream')
  assert.deepEqual([upstream?.issuer, upstream?.scope], ['https://up.example/realms/r', 'openid email'])
})

test('migration: masked secrets of Keycloak become variables, and the address of the server the issuer', () => {
  const { configuration, variables } = folder
  assert.deepEqual(variables.toSorted(), ['KEYCLOAK_PROVIDER_TENANT', 'KEYCLOAK_SECRET_BACKEND'])
  assert.deepEqual(client('backend', folder)?.client_secrets, [{ value: { env: 'KEYCLOAK_SECRET_BACKEND' } }])
  assert.equal(configuration.issuer, 'https://sso.quick.example/realms/quickstart')
  assert.equal(client('signed-by-key', folder)?.jwks.keys[0].kty, 'EC')
  const backend = client('backend', folder)!
  assert.deepEqual(backend.redirect_uris, ['https://quick.example/cb'])
  assert.deepEqual([backend.allow_plain_pkce, backend.grant_types], [true, ['authorization_code']])
})

test('migration: credentials of Keycloak that can not be carried over are reported, and the user is kept', () => {
  const [plain, other] = folder.users
  assert.deepEqual([plain?.username, plain?.password_hash, plain?.roles], ['plain', undefined, ['user']])
  assert.match(other?.password_hash ?? '', /^\$pbkdf2-sha1\$i=20000\$/)
  assert.equal(other?.totp_secret, undefined)
  assert.deepEqual(other?.claims, { age: '42', address: { street_address: 'Main 1', locality: 'Bern' } })
  const at = (...path: readonly (string | number)[]) => outcomesAt(folder, 'users', ...path)
  assert.deepEqual(at(0, 'credentials', 0), ['not_possible'])
  assert.deepEqual(at(1, 'credentials', 1), ['not_possible'])
  assert.deepEqual(at(1, 'credentials', 2), ['not_possible'])
  assert.deepEqual(at(1, 'attributes', 'sub'), ['not_possible'])
  assert.deepEqual(at(1, 'requiredActions'), ['not_possible'])
  assert.equal(JSON.stringify(folder.lines).includes('"password"'), false)
})

test('migration: with the address of a realm as issuer, its discovery document stays where it was', async () => {
  const at = 'https://sso.example/realms/shop'
  const { send } = await createTestServer({ issuer: at })
  const { status, json } = await send('GET', '/realms/shop/.well-known/openid-configuration')
  assert.deepEqual([status, json.issuer, json.token_endpoint], [200, at, `${at}/connect/token`])
})

test('migration: of several realms in a file, the first one is converted and the others are reported', () => {
  const value = [
    { realm: 'one', clients: [] },
    { realm: 'two', users: [{ id: '1', username: 'a' }] },
  ]
  const { users, lines } = migrate(importerNamed('keycloak'), [{ name: 'all.json', value }], 0)
  assert.deepEqual(users, [])
  assert.deepEqual(
    lines.filter(({ source }) => source[0] === 1).map(({ outcome, source }) => [outcome, source.length]),
    [['not_possible', 1]],
  )
})

test('migration: roles and groups of Keycloak that contain each other end', () => {
  const roles = [
    { name: 'a', composites: { realm: ['b'] } },
    { name: 'b', composites: { realm: ['a'], client: { app: ['c'] } } },
  ]
  const user = { id: '1', username: 'u', realmRoles: ['a'], groups: ['/none', '/'] }
  const value = { realm: 'r', roles: { realm: roles, client: { app: [{ name: 'c' }] } }, users: [user] }
  const { users } = migrate(importerNamed('keycloak'), [{ name: 'r.json', value }], 0)
  assert.deepEqual(users[0]?.roles, ['a', 'b'])
  assert.deepEqual(users[0]?.claims, { resource_access: { app: { roles: ['c'] } } })
})

test('migration: every member of a mapper of a directory has an outcome that fits the others', () => {
  const mappers = realm.lines.filter(
    ({ source, why }) =>
      source.includes('org.keycloak.storage.ldap.mappers.LDAPStorageMapper') &&
      why === 'the importer does not know it',
  )
  assert.deepEqual(mappers, [])
})

test('migration: members that a Keycloak file leaves out have the defaults of Keycloak', () => {
  const clients = [{ clientId: 'app', publicClient: true, redirectUris: ['https://app.example/cb'] }]
  const value = { realm: 'r', clients, users: [{ id: '1', username: 'u' }] }
  const { configuration, users } = migrate(importerNamed('keycloak'), [{ name: 'r.json', value }], 0)
  const [app] = configuration.clients as Entries
  assert.deepEqual(app?.grant_types, ['authorization_code', 'refresh_token'])
  assert.equal(app?.scope, 'openid profile email roles address phone offline_access')
  assert.equal(users[0]?.disabled, true)
})

/** A realm with these clients and one user with these credentials. */
const realmWith = (more: {
  readonly clients?: readonly object[]
  readonly credentials?: readonly object[]
}) => {
  const { clients = [], credentials = [] } = more
  const users = [{ id: '1', username: 'u', enabled: true, credentials }]
  return migrate(importerNamed('keycloak'), [{ name: 'r.json', value: { realm: 'r', clients, users } }], 0)
}

test('migration: an authenticator app of Keycloak whose codes would be wrong here is left out', () => {
  const app = (change: object) => ({
    type: 'otp',
    secretData: JSON.stringify({ value: 'abcdefghij0123456789' }),
    credentialData: JSON.stringify({
      ...{ subType: 'totp', digits: 6, period: 30, algorithm: 'HmacSHA1' },
      ...change,
    }),
  })
  const [usual] = realmWith({ credentials: [app({})] }).users
  assert.equal(usual?.totp_secret, 'MFRGGZDFMZTWQ2LKGAYTEMZUGU3DOOBZ')
  for (const change of [{ subType: 'hotp' }, { digits: 8 }, { period: 60 }, { algorithm: 'HmacSHA256' }])
    assert.equal(
      realmWith({ credentials: [app(change)] }).users[0]?.totp_secret,
      undefined,
      JSON.stringify(change),
    )
})

test('migration: a password in plain text in a file of Keycloak is left out and reported', () => {
  const hashed = {
    type: 'password',
    credentialData: JSON.stringify({ hashIterations: 27_500, algorithm: 'pbkdf2-sha256' }),
    secretData: JSON.stringify({ value: Buffer.alloc(32, 'a').toString('base64'), salt: 'c2FsdHNhbHQ=' }),
  }
  assert.match(String(realmWith({ credentials: [hashed] }).users[0]?.password_hash), /pbkdf2/)
  const { users, lines } = realmWith({ credentials: [{ ...hashed, value: 'in plain text' }] })
  assert.equal(users[0]?.password_hash, undefined)
  assert.ok(lines.some(({ why = '' }) => why.startsWith('it is the password itself')))
})

test('migration: a user of a Keycloak directory whose entry is not named keeps the other accounts', () => {
  const value = {
    realm: 'r',
    identityProviders: [
      {
        ...{ alias: 'corp', providerId: 'oidc', enabled: true },
        config: { issuer: 'https://corp.example', clientId: 'c', clientSecret: 'a secret of the client' },
      },
    ],
    components: {
      'org.keycloak.storage.UserStorageProvider': [
        {
          ...{ id: 'd', name: 'ldap', providerId: 'ldap' },
          config: { connectionUrl: ['ldaps://l.example'], usersDn: ['dc=example'], bindDn: ['cn=reader'] },
        },
      ],
    },
    users: [
      {
        ...{ id: '1', username: 'u', enabled: true, federationLink: 'd' },
        federatedIdentities: [{ identityProvider: 'corp', userId: 'x', userName: 'u' }],
      },
    ],
  }
  const { users } = migrate(importerNamed('keycloak'), [{ name: 'r.json', value }], 0)
  assert.deepEqual(
    users[0]?.identities?.map(({ provider }) => provider),
    ['corp'],
  )
})

test('migration: of several passwords of a user of Keycloak, the first one counts', () => {
  const password = (value: string) => ({
    type: 'password',
    secretData: JSON.stringify({ value: Buffer.from(value).toString('base64'), salt: 'c2FsdHNhbHQ=' }),
    credentialData: JSON.stringify({ hashIterations: 27_500, algorithm: 'pbkdf2-sha256' }),
  })
  const hashOf = (...values: readonly string[]) =>
    realmWith({ credentials: values.map(password) }).users[0]?.password_hash
  const [first, second] = ['a'.repeat(32), 'b'.repeat(32)] as const
  assert.ok(hashOf(first))
  assert.notEqual(hashOf(first), hashOf(second))
  assert.equal(hashOf(first, second), hashOf(first))
})

test('migration: addresses of Keycloak clients are carried over only if they are exact and safe, and its own clients not at all', () => {
  const { configuration } = realmWith({
    clients: [
      {
        ...{ clientId: 'app', publicClient: true, webOrigins: ['*', 'https://a.example/'] },
        redirectUris: ['https://*.example/cb', 'https://a.example/cb', 'javascript:alert(1)'],
        attributes: { 'post.logout.redirect.uris': 'https://a.example/out##javascript:alert(1)##+' },
      },
      { clientId: 'other-realm', publicClient: true, redirectUris: ['https://b.example/cb'] },
      { clientId: 'account', publicClient: true, redirectUris: ['https://b.example/cb'] },
    ],
  })
  const clients = configuration.clients as Entries
  assert.deepEqual(
    clients.map(({ client_id }) => client_id),
    ['app'],
  )
  assert.deepEqual(clients[0]?.redirect_uris, ['https://a.example/cb'])
  assert.deepEqual(clients[0]?.allowed_cors_origins, ['https://a.example'])
  assert.deepEqual(clients[0]?.post_logout_redirect_uris, ['https://a.example/out', 'https://a.example/cb'])
})

test('migration: names in the filter of a Keycloak directory are escaped, and a disabled directory is left out [RFC 4515 §3]', () => {
  const directoryWith = (config: object) => {
    const ldap = {
      ...{ id: 'd', name: 'ldap', providerId: 'ldap' },
      config: { connectionUrl: ['ldaps://l.example'], usersDn: ['dc=example'], ...config },
    }
    const value = { realm: 'r', components: { 'org.keycloak.storage.UserStorageProvider': [ldap] } }
    const { configuration } = migrate(importerNamed('keycloak'), [{ name: 'r.json', value }], 0)
    return (configuration.identity_providers as Entries | undefined)?.[0]?.directory
  }
  const bindDn = ['cn=reader']
  assert.equal(
    directoryWith({ bindDn, userObjectClasses: ['a\\b*(c)'] })?.filter,
    '(&(objectClass=a\\5cb\\2a\\28c\\29)(uid={username}))',
  )
  assert.equal(directoryWith({ bindDn, enabled: ['false'] }), undefined)
})
