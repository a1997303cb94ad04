/** Rules between keys and between entries: unsafe or unusable clients, duplicate names, and references to nothing. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertErrors, errorsOf, type Input, machine, parsed, spa, withClient } from './errors.ts'

const api = { api_scopes: [{ name: 'api1' }] }
const web: Input = {
  client_id: 'web',
  client_secrets: [{ value: 's' }],
  redirect_uris: ['https://a.example/'],
}
const publicKey = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }

for (const [name, client, path, problem, fix] of [
  [
    'a front-channel logout URI of a foreign origin [Front-Channel Logout 1.0 §2]',
    { ...spa, frontchannel_logout_uri: 'https://app.example:8443/logout' },
    'frontchannel_logout_uri',
    /origin/,
    /redirect_uris/,
  ],
  [
    'a back-channel logout URI with a fragment [Back-Channel Logout 1.0 §2.2]',
    { ...spa, backchannel_logout_uri: 'https://app.example/logout#x' },
    'backchannel_logout_uri',
    /fragment/,
    /exact/,
  ],
  [
    'a back-channel logout URI by http',
    { ...spa, backchannel_logout_uri: 'http://app.example/logout' },
    'backchannel_logout_uri',
    /http is for loopback/,
    /https/,
  ],
  [
    'a logout URI that is not a web URL',
    { ...spa, backchannel_logout_uri: 'com.example.app:/logout' },
    'backchannel_logout_uri',
    /web URL/,
    /https/,
  ],
  [
    'a public client with a secret',
    { ...spa, client_secrets: [{ value: 's' }] },
    'client_secrets',
    /public/,
    /remove/,
  ],
  [
    'a public client without PKCE [RFC 9700 §2.1.1]',
    { ...spa, require_pkce: false },
    'require_pkce',
    /PKCE/,
    /remove/,
  ],
  [
    'a public client with plain PKCE',
    { ...spa, allow_plain_pkce: true },
    'allow_plain_pkce',
    /plain/,
    /S256/,
  ],
  [
    'a public client with client_credentials [RFC 6749 §4.4]',
    { ...spa, grant_types: ['authorization_code', 'client_credentials'] },
    'grant_types',
    /client_credentials/,
    /client_secrets/,
  ],
  [
    'a public client that reuses refresh tokens [RFC 9700 §4.14.2]',
    { ...spa, refresh_token_usage: 'reuse' },
    'refresh_token_usage',
    /reuse/,
    /remove/,
  ],
  [
    'a client without method and secrets',
    { ...web, client_secrets: [] },
    'token_endpoint_auth_method',
    /omitted/,
    /"none"/,
  ],
  [
    'a client with keys and without method',
    { ...web, client_secrets: [], jwks: { keys: [publicKey] } },
    'token_endpoint_auth_method',
    /omitted/,
    /private_key_jwt/,
  ],
  [
    'client_secret_basic without a secret',
    { ...web, client_secrets: [], token_endpoint_auth_method: 'client_secret_basic' },
    'client_secrets',
    /needs a secret/,
    /"none"/,
  ],
  [
    'jwks and jwks_uri together',
    {
      ...web,
      client_secrets: [],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [publicKey] },
      jwks_uri: 'https://a.example/keys',
    },
    'jwks_uri',
    /also has jwks/,
    /remove/,
  ],
  [
    'a web application with a private-use scheme [OpenID Connect Dynamic Client Registration 1.0 §2]',
    { ...web, application_type: 'web', redirect_uris: ['com.example.app:/cb'] },
    'redirect_uris[0]',
    /not a web URL/,
    /native/,
  ],
  [
    'a web application with the implicit grant on http',
    {
      ...web,
      application_type: 'web',
      grant_types: ['authorization_code', 'implicit'],
      response_types: ['code', 'id_token'],
      redirect_uris: ['http://localhost/cb'],
    },
    'redirect_uris[0]',
    /not https/,
    /https/,
  ],
  [
    'private_key_jwt without keys',
    { ...web, client_secrets: [], token_endpoint_auth_method: 'private_key_jwt' },
    'jwks',
    /keys/,
    /jwks/,
  ],
  [
    'pairwise identifiers and two hosts [OpenID Connect Core 1.0 §8.1]',
    { ...web, subject_type: 'pairwise', redirect_uris: ['https://a.example/', 'https://b.example/'] },
    'subject_type',
    /several hosts/,
    /sector_identifier_uri/,
  ],
  [
    'an initiate_login_uri parameter without initiate_login_uri [OpenID Connect Core 1.0 §4]',
    { ...web, initiate_login_target_link_uri: 'https://a.example/start' },
    'initiate_login_target_link_uri',
    /initiate_login_uri, .* is missing/,
    /initiate_login_uri/,
  ],
  [
    'an initiate_login_uri with http',
    { ...web, initiate_login_uri: 'http://a.example/start' },
    'initiate_login_uri',
    /http is for loopback/,
    /https/,
  ],
  [
    'an unsupported response type',
    { ...web, grant_types: ['implicit'], response_types: ['token'] },
    'response_types[0]',
    /./,
    /./,
  ],
  [
    'authorization_code without a redirect URI',
    { ...web, redirect_uris: [] },
    'redirect_uris',
    /no redirect URI/,
    /redirect_uris/,
  ],
  [
    'implicit without a redirect URI',
    { ...machine, grant_types: ['implicit'], response_types: ['id_token'] },
    'redirect_uris',
    /no redirect URI/,
    /redirect_uris/,
  ],
  [
    'a response type without its grant [RFC 7591 §2.1]',
    { ...web, response_types: ['code', 'id_token'] },
    'response_types[1]',
    /implicit/,
    /implicit/,
  ],
  [
    'the code response type without its grant [RFC 7591 §2.1]',
    { ...machine, response_types: ['code'] },
    'response_types[0]',
    /authorization_code/,
    /authorization_code/,
  ],
  [
    'a grant without its response type [RFC 7591 §2.1]',
    { ...web, response_types: [] },
    'response_types',
    /authorization_code/,
    /"code"/,
  ],
  [
    'no absolute lifetime with an absolute expiration',
    { ...web, absolute_refresh_token_lifetime: 0 },
    'absolute_refresh_token_lifetime',
    /absolute/,
    /sliding/,
  ],
  ['an unknown scope', { ...web, scope: 'openid api2' }, 'scope', /"api2"/, /"api1"/],
  [
    'an unknown grant',
    { ...machine, grant_types: ['client_credential'] },
    'grant_types[0]',
    /client_credential/,
    /client_credentials/,
  ],
  ['an unknown tenant', { ...web, tenants: ['acme'] }, 'tenants[0]', /acme/, /tenants/],
  [
    'an unknown provider',
    { ...web, identity_provider_restrictions: ['corp'] },
    'identity_provider_restrictions[0]',
    /corp/,
    /identity_providers/,
  ],
  [
    '"local" as a provider',
    { ...web, identity_provider_restrictions: ['local'] },
    'identity_provider_restrictions[0]',
    /external/,
    /enable_local_login/,
  ],
] as const) {
  test(`configuration: ${name} is refused at ${path}`, () => {
    assertErrors(withClient(client, api), [{ path: `clients[0].${path}`, problem, fix }])
  })
}

test('configuration: certificates need mtls, and a subject or certificates [RFC 8705 §2]', () => {
  const subject = { ...web, client_secrets: [], token_endpoint_auth_method: 'tls_client_auth' }
  assertErrors(withClient(subject), [
    { path: 'clients[0].tls_client_auth_subject_dn', problem: /subject/ },
    { path: 'clients[0].token_endpoint_auth_method', problem: /mtls/ },
  ])
  const mtls = { certificate_header: 'X-Client-Cert', trusted_proxies: ['10.0.0.0/8', '::1'] }
  const own = { ...web, client_secrets: [], token_endpoint_auth_method: 'self_signed_tls_client_auth' }
  const withThumbprint = { keys: [{ ...publicKey, 'x5t#S256': 'x'.repeat(43) }] }
  assertErrors(withClient({ ...own, jwks: withThumbprint }, { mtls }), [])
  assertErrors(withClient({ ...own, jwks: withThumbprint }), [
    { path: 'clients[0].token_endpoint_auth_method', problem: /mtls/ },
  ])
  assertErrors(withClient(own, { mtls }), [{ path: 'clients[0].jwks', problem: /keys/ }])
  assertErrors(withClient({ ...own, jwks: { keys: [publicKey] } }, { mtls }), [
    { path: 'clients[0].jwks', problem: /certificate/ },
  ])
  const { configuration } = parsed(withClient({ ...subject, tls_client_auth_subject_dn: 'CN=web' }, { mtls }))
  assert.deepEqual(configuration.mtls, {
    certificateHeader: 'x-client-cert',
    trustedProxies: ['10.0.0.0/8', '::1'],
  })
})

for (const [name, input, path] of [
  ['client_id', { clients: [machine, machine] }, 'clients[1].client_id'],
  [
    'sub',
    {
      users: [
        { sub: '1', username: 'a' },
        { sub: '1', username: 'b' },
      ],
    },
    'users[1].sub',
  ],
  [
    'user name without a tenant',
    {
      users: [
        { sub: '1', username: 'a' },
        { sub: '2', username: 'a' },
      ],
    },
    'users[1].username',
  ],
  [
    'user name in a tenant',
    {
      tenants: [{ name: 't' }],
      users: [
        { sub: '1', username: 'a', tenant: 't' },
        { sub: '2', username: 'a', tenant: 't' },
      ],
    },
    'users[1].username',
  ],
  ['identity resource', { identity_resources: [{ name: 'x' }, { name: 'x' }] }, 'identity_resources[1].name'],
  ['API scope', { api_scopes: [{ name: 'x' }, { name: 'x' }] }, 'api_scopes[1].name'],
  ['API resource', { api_resources: [{ name: 'x' }, { name: 'x' }] }, 'api_resources[1].name'],
  ['tenant', { tenants: [{ name: 'x' }, { name: 'x' }] }, 'tenants[1].name'],
] as const) {
  test(`configuration: a second ${name} is refused`, () => {
    assertErrors(input, [{ path, problem: /is also/, fix: /rename/ }])
  })
}

test('configuration: two equivalent user names are refused, and so is a blank one', () => {
  for (const [one, other] of [
    ['alice', 'Alice'],
    ['alice', ' alice\u00a0'],
    ['zo\u00eb', 'Zoe\u0308'],
    ['Straße', 'STRAẞE'],
    ['admin', 'ａdmin'],
  ] as const)
    assertErrors(
      {
        users: [
          { sub: '1', username: one },
          { sub: '2', username: other },
        ],
      },
      [{ path: 'users[1].username', problem: /is the same name as users\[0\]\.username/, fix: /rename/ }],
    )
  for (const username of [' ', '\t\u3000'])
    assertErrors({ users: [{ sub: '1', username }] }, [
      { path: 'users[0].username', problem: /only of spaces/ },
    ])
  parsed({
    users: [
      { sub: '1', username: 'alice' },
      { sub: '2', username: 'al ice' },
      { sub: '3', username: 'аlice' },
      { sub: '4', username: 'alíce' },
    ],
  })
})

test('configuration: the introspection_client_id of an API can’t be a user name of another one', () => {
  const api = (name: string, introspection_client_id?: string) => ({
    ...{ name, api_secrets: [{ value: 'a long secret of an api' }] },
    ...(introspection_client_id !== undefined && { introspection_client_id }),
  })
  const error = { path: 'api_resources[0].introspection_client_id', problem: /is also a user name of api/ }
  assertErrors({ api_resources: [api('urn:a', 'b'), api('b')] }, [error])
  assertErrors({ api_resources: [api('urn:a', 'x'), api('b', 'x')] }, [
    error,
    { ...error, path: 'api_resources[1].introspection_client_id' },
  ])
  assertErrors({ api_resources: [api('urn:a', 'urn'), api('b', 'b'), api('c')] }, [])
  assertErrors({ api_resources: [api('urn:a', 'urn:b')] }, [{ ...error, problem: /not allowed here/ }])
  assertErrors(withClient(machine, { api_resources: [api('urn:a', 'machine')] }), [
    { ...error, problem: /is a client_id too/ },
  ])
})

test('configuration: the default scopes of an API are its own, identity scopes or offline_access', () => {
  const withDefaults = (default_scopes: readonly string[]) => ({
    api_scopes: [{ name: 'read' }, { name: 'other' }],
    identity_resources: [{ name: 'groups' }],
    api_resources: [{ name: 'urn:a', scopes: ['read'], default_scopes }],
  })
  for (const allowed of [[], ['read'], ['read', 'openid', 'groups', 'offline_access']])
    assertErrors(withDefaults(allowed), [])
  const at = 'api_resources[0].default_scopes'
  assertErrors(withDefaults(['read', 'other']), [{ path: `${at}[1]`, problem: /is not a scope of this API/ }])
  assertErrors(withDefaults(['raed']), [{ path: `${at}[0]`, problem: /is not a scope/, fix: /write "read"/ }])
  assertErrors(withDefaults(['offline_access']), [{ path: at, problem: /no scope of this API/ }])
  assertErrors(withDefaults(['read', 'groups']), [{ path: at, problem: /without "openid"/ }])
})

test('configuration: no two APIs have names that are equal as URIs [RFC 8707 §2] [RFC 3986 §6.2.3]', () => {
  const named = (...names: readonly string[]) => ({ api_resources: names.map(name => ({ name })) })
  for (const name of [
    ...['https://api.example/', 'https://API.example', 'HTTPS://api.example', 'https://api.example:443'],
    'https://api.example:443/',
  ])
    assertErrors(named('https://api.example', 'urn:other', name), [
      {
        path: 'api_resources[2].name',
        problem: /is the same name as api_resources\[0\]\.name/,
        fix: /rename/,
      },
    ])
  const other = ['https://api.example/a', 'https://api.example/a/', 'https://api.example/A']
  const more = ['http://api.example', 'https://api.example:8443', 'https://api.example/?', 'urn:a', 'URN:a']
  parsed(named('https://api.example', ...other, ...more))
})

test('configuration: secrets and passwords that no request can send are errors', () => {
  const fits = 's'.repeat(512)
  const cases: readonly (readonly [string, (value: string) => object])[] = [
    ['clients[0].client_secrets[0].value', value => withClient({ ...machine, client_secrets: [{ value }] })],
    [
      'api_resources[0].api_secrets[0].value',
      value => ({ api_resources: [{ name: 'urn:a', api_secrets: [{ value }] }] }),
    ],
    ['users[0].password', password => ({ users: [{ sub: '1', username: 'a', password }] })],
  ]
  for (const [path, input] of cases) {
    parsed(input(fits))
    assertErrors(input(`${fits}s`), [{ path, problem: /long/ }])
    for (const value of ['a\0 long enough secret', '\uD800 a long enough secret'])
      assertErrors(input(value), [{ path, problem: /can't be sent in a request/ }])
  }
})

test('configuration: tokens are bound to certificates if these reach the server, and tokens from the authorization endpoint never are [RFC 8705 §3]', () => {
  const bound = { ...machine, tls_client_certificate_bound_access_tokens: true }
  const mtls = { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] }
  const path = 'clients[0].tls_client_certificate_bound_access_tokens'
  assertErrors(withClient(bound), [{ path, problem: /mtls is not configured/, fix: /"mtls"/ }])
  assertErrors(withClient(bound, { mtls }), [])
  const front = {
    ...bound,
    grant_types: ['implicit'],
    redirect_uris: ['https://app.example/cb'],
    response_types: ['id_token token'],
  }
  assertErrors(withClient(front, { mtls }), [{ path, problem: /can't be bound/ }])
  assertErrors(withClient({ ...front, response_types: ['id_token'] }, { mtls }), [])
})

test('configuration: tokens are bound to DPoP keys unless DPoP is disabled, and to no certificate too [RFC 9449 §5.2]', () => {
  const bound = { ...machine, dpop_bound_access_tokens: true }
  const path = 'clients[0].dpop_bound_access_tokens'
  const off = { dpop: { enabled: false } }
  assertErrors(withClient(bound), [])
  assertErrors(withClient(bound, { dpop: { require_nonce: true } }), [])
  assertErrors(withClient(bound, off), [{ path, problem: /disabled/, fix: /"enabled": false/ }])
  assertErrors(withClient(machine, off), [])
  const mtls = { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] }
  const both = { ...bound, tls_client_certificate_bound_access_tokens: true }
  assertErrors(withClient(both, { mtls }), [{ path, problem: /certificate already/ }])
  const front = {
    ...bound,
    grant_types: ['implicit'],
    redirect_uris: ['https://app.example/cb'],
    response_types: ['id_token token'],
  }
  assertErrors(withClient(front), [{ path, problem: /can't be bound/ }])
  assertErrors(withClient({ ...front, response_types: ['id_token'] }), [])
  // A tenant with its own issuer inherits the setting, or has its own.
  const tenant = (dpop?: object) => ({
    ...withClient(machine, off),
    tenants: [{ name: 'acme', issuer: 'path', clients: [bound], ...(dpop && { dpop }) }],
  })
  const ofTenant = 'tenants[0].clients[0].dpop_bound_access_tokens'
  assertErrors(tenant(), [{ path: ofTenant, problem: /disabled/ }])
  assertErrors(tenant({ require_nonce: true }), [])
})

test('configuration: hosts of client documents are hosts, and not all hosts of a domain registry', () => {
  const documents = (metadata_documents: object) => ({ registration: { metadata_documents } })
  const at = 'registration.metadata_documents'
  for (const [host, problem] of [
    ['https://app.example', /differently/],
    ['app.example/path', /differently/],
    ['app.example.', /not a host/],
    ['*', /not a host/],
    ['a.*.example', /not a host/],
    ['*.com', /too many/],
    ['*.127.0.0.1', /too many/],
    ['App.example', /differently/],
    ['äpp.example', /differently/],
    ['app.example:443', /differently/],
    ['user@app.example', /differently/],
  ] as const) {
    const path = `${at}.allowed_hosts[0]`
    assertErrors(documents({ mode: 'open', allowed_hosts: [host] }), [{ path, problem }])
  }
  for (const host of ['app.example', 'app.example:8443', '*.example.com', 'xn--pp-xia.example', 'localhost'])
    assert.deepEqual(errorsOf(documents({ allowed_hosts: [host] })), [], host)
  assertErrors(documents({ mode: 'allowed_hosts' }), [
    { path: `${at}.allowed_hosts`, problem: /there is none/ },
  ])
  assertErrors(documents({ min_cache_lifetime: 600, max_cache_lifetime: 60 }), [
    { path: at, problem: /longer than max_cache_lifetime/ },
  ])
})

test('configuration: a client_id has 100 characters at most, or 1024 if it is a URL', () => {
  const client = { token_endpoint_auth_method: 'none', redirect_uris: ['https://app.example/cb'] }
  const errors = (client_id: string) => errorsOf({ clients: [{ ...client, client_id }] })
  assert.deepEqual(errors('x'.repeat(100)), [])
  assert.deepEqual(errors(`https://app.example/${'x'.repeat(1004)}`), [])
  for (const id of ['x'.repeat(101), `https://app.example/${'x'.repeat(1005)}`])
    assert.equal(errors(id)[0]?.path, 'clients[0].client_id')
})

test('configuration: endpoint_origin is an https origin', () => {
  const with_ = (endpoint_origin: string) => ({
    mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'], endpoint_origin },
  })
  const path = 'mtls.endpoint_origin'
  for (const good of ['https://mtls.example', 'https://id.example:8443', 'http://localhost:5443'])
    assertErrors(with_(good), [])
  for (const bad of [
    'https://mtls.example/',
    'https://mtls.example/x',
    'mtls.example',
    'http://mtls.example',
  ])
    assertErrors(with_(bad), [{ path, problem: /not an origin|not https/ }])
})

test('configuration: an API with access tokens of type JWT can’t have a client’s id as name [RFC 8725 §3.12]', () => {
  const input = (name: string, access_token_typ?: string) =>
    withClient(machine, { api_resources: [{ name, ...(access_token_typ && { access_token_typ }) }] })
  const path = 'api_resources[0].access_token_typ'
  assertErrors(input('machine', 'JWT'), [{ path, problem: /is a client_id too/ }])
  for (const fine of [input('machine'), input('machine', 'at+jwt'), input('api', 'JWT')])
    assertErrors(fine, [])
})

test('configuration: a confirmed address that is also another user’s address or name causes a warning', () => {
  const claims = { email: 'One@example.com', email_verified: true }
  const warned = (...users: object[]) =>
    parsed({ users: users.map((user, index) => ({ sub: `${index}`, username: `${index}`, ...user })) })
      .warnings.map(({ path }) => path)
      .filter(path => path.startsWith('users'))
  assert.deepEqual(warned({ claims }, { claims: { ...claims, email: 'one@EXAMPLE.com' } }), [
    'users[1].claims',
  ])
  assert.deepEqual(warned({ claims }, { username: 'one@example.com' }), ['users[0].claims'])
  assert.deepEqual(warned({ claims, username: 'one@example.com' }), [])
  assert.deepEqual(warned({ claims }, { claims: { email: 'one@example.com' } }), [])
})

test('configuration: one user name in two tenants and in none is three users', () => {
  const users = [
    { sub: '1', username: 'a' },
    { sub: '2', username: 'a', tenant: 't' },
    { sub: '3', username: 'a', tenant: 'u' },
  ]
  assert.equal(parsed({ users, tenants: [{ name: 't' }, { name: 'u' }] }).configuration.users.length, 3)
})

test('configuration: a scope belongs to an identity resource or to an API, not to both', () => {
  assertErrors({ api_scopes: [{ name: 'email' }] }, [
    { path: 'api_scopes[0].name', problem: /identity resource/ },
  ])
  assertErrors({ api_scopes: [{ name: 'x' }], identity_resources: [{ name: 'x' }] }, [
    { path: 'api_scopes[0].name', problem: /identity resource/ },
  ])
  assertErrors({ api_scopes: [{ name: 'offline_access' }] }, [
    { path: 'api_scopes[0].name', problem: /refresh tokens/ },
  ])
})

test('configuration: an API resource refers to API scopes that exist', () => {
  assertErrors({ api_resources: [{ name: 'urn:api', scopes: ['api2'] }], ...api }, [
    { path: 'api_resources[0].scopes[0]', problem: /api2/, nearest: 'api1' },
  ])
})

test("configuration: a user's sub can’t be a client_id [RFC 9700 §4.15]", () => {
  assertErrors(withClient(machine, { users: [{ sub: 'machine', username: 'a' }] }), [
    { path: 'users[0].sub', problem: /client_id/ },
  ])
})

test('configuration: only a federated user has a sub that begins with fed_', () => {
  const derived = `fed_${'a'.repeat(43)}`
  assertErrors({ users: [{ sub: derived, username: 'a' }] }, [
    { path: 'users[0].sub', problem: /another identity provider/ },
  ])
  assertErrors(withClient({ ...machine, client_id: derived }), [
    { path: 'clients[0].client_id', problem: /another identity provider/ },
  ])
  parsed({ users: [{ sub: 'fed_up', username: 'a' }] })
})

test('configuration: a sector identifier covers several hosts [OpenID Connect Core 1.0 §8.1]', () => {
  const hosts = ['https://a.example/', 'https://b.example/']
  const sector_identifier_uri = 'https://a.example/hosts.json'
  const pairwise = { ...web, subject_type: 'pairwise', redirect_uris: hosts }
  parsed(withClient({ ...pairwise, sector_identifier_uri }))
  parsed(withClient({ ...pairwise, redirect_uris: [hosts[0]] }))
})

test('configuration: a user belongs to a tenant that exists and has one kind of password', () => {
  const encoded = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
  assertErrors(
    { users: [{ sub: '1', username: 'a', tenant: 't', password: 'p', password_argon2id: encoded }] },
    [
      { path: 'users[0].tenant', problem: /"t"/ },
      { path: 'users[0].password', problem: /password_argon2id/ },
    ],
  )
})

test('configuration: an OpenID Connect provider needs issuer and client_id, and may not be called local', () => {
  assertErrors({ identity_providers: [{ name: 'local', type: 'oidc' }] }, [
    { path: 'identity_providers[0].name', problem: /reserved for local accounts/ },
    { path: 'identity_providers[0].issuer', problem: /missing/ },
    { path: 'identity_providers[0].client_id', problem: /missing/ },
  ])
  assertErrors({ identity_providers: [{ name: 'dir', type: 'ldap' }] }, [
    { path: 'identity_providers[0].directory', problem: /missing/ },
  ])
})

test('configuration: secrets that have all expired, and other risks, cause warnings', () => {
  const now = Date.parse('2027-01-01T00:00:00Z') / 1000
  const expiring = (at: string) => ({ value: 'a-secret-of-a-machine', expires_at: at })
  const warnings = (client: Input) => parsed(withClient(client), { now }).warnings.map(one => one.path)
  assert.deepEqual(warnings({ ...machine, client_secrets: [expiring('2027-01-01T00:00:00Z')] }), [
    'clients[0].client_secrets',
  ])
  assert.deepEqual(
    warnings({
      ...machine,
      client_secrets: [expiring('2026-01-01T00:00:00Z'), expiring('2027-01-01T00:00:01Z')],
    }),
    [],
  )
  assert.deepEqual(
    warnings({ ...machine, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [publicKey] } }),
    ['clients[0].client_secrets'],
  )
  assert.deepEqual(
    warnings({ ...machine, grant_types: ['implicit'], redirect_uris: ['https://a.example/'] }),
    ['clients[0].response_types'],
  )
  assert.deepEqual(warnings({ ...machine, grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'] }), [
    'clients[0].grant_types',
  ])
})

test('configuration: secrets that could be guessed cause warnings [RFC 6749 §10.10]', () => {
  const warnings = (input: Input) =>
    parsed(input).warnings.map(({ path, problem, fix }) => [path, /guessed/.test(problem), fix])
  const fix = 'generate one with: openssl rand -base64 32'
  const secrets = [{ value: '15-characters--' }, { value: '16-characters---' }, { sha256: 'A'.repeat(43) }]
  assert.deepEqual(warnings(withClient({ ...machine, client_secrets: secrets })), [
    ['clients[0].client_secrets[0]', true, fix],
  ])
  assert.deepEqual(
    warnings({
      api_resources: [{ name: 'urn:api', api_secrets: [{ value: '16-characters---' }, { value: 's' }] }],
    }),
    [['api_resources[0].api_secrets[1]', true, fix]],
  )
  assert.deepEqual(
    warnings({ registration: { mode: 'initial_access_token', initial_access_tokens: [{ value: 'short' }] } }),
    [['registration.initial_access_tokens[0]', true, fix]],
  )
})

test('configuration: a hash that is slower than the default causes a warning', () => {
  const hash = (cost: string) => `$argon2id$v=19$${cost}$c29tZXNhbHQ$RdescudvJCsgt3ub+b6dWRWJTmaaJObG`
  const warnings = (cost: string) =>
    parsed({ users: [{ sub: '1', username: 'alice', password_argon2id: hash(cost) }] }).warnings.map(
      ({ path }) => path,
    )
  assert.deepEqual(warnings('m=19456,t=2,p=1'), [])
  assert.deepEqual(warnings('m=9216,t=4,p=1'), [])
  assert.deepEqual(warnings('m=19456,t=3,p=1'), ['users[0].password_argon2id'])
  assert.deepEqual(warnings('m=65536,t=2,p=1'), ['users[0].password_argon2id'])
})

const sha = `{SHA}${Buffer.alloc(20).toString('base64')}`
const bcryptOf = (cost: string) => `$2b$${cost}$${'.'.repeat(53)}`
const pbkdf2Of = (digest: string, iterations: number) =>
  `$pbkdf2-${digest}$i=${iterations}$${'A'.repeat(22)}$${'A'.repeat(43)}`

test('configuration: a password hash of another server causes a warning, which names the weakness of a weak one', () => {
  for (const [password_hash, weakness] of [
    [sha, /easy to guess.*without a salt/],
    [`{SSHA512}${Buffer.alloc(72).toString('base64')}`, /easy to guess.*fast digest/],
    [bcryptOf('09'), /easy to guess.*cost 9/],
    [bcryptOf('10'), /^a hash in the configuration is not replaced/],
    [pbkdf2Of('sha1', 2_000_000), /easy to guess.*SHA-1/],
    [pbkdf2Of('sha256', 27_500), /easy to guess.*27500 iterations/],
    [`$aspnet-identity$${Buffer.alloc(49).toString('base64')}`, /easy to guess.*SHA-1 and 1000 iterations/],
    [`$scrypt$ln=10,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`, /easy to guess.*scrypt with ln=10/],
    [
      `$firebase-scrypt$ln=14,r=8,ss=Bw,sk=${'A'.repeat(43)}$${'A'.repeat(22)}$${'A'.repeat(43)}`,
      /easy to guess.*scrypt with ln=14/,
    ],
    [`$argon2i$v=19$m=1024,t=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`, /easy to guess.*argon2 with m=1024/],
    [pbkdf2Of('sha512', 210_000), /^a hash in the configuration is not replaced/],
  ] as const) {
    const [warning, ...more] = parsed({ users: [{ sub: '1', username: 'alice', password_hash }] }).warnings
    assert.equal(warning?.path, 'users[0].password_hash')
    assert.match(warning?.problem ?? '', weakness)
    assert.deepEqual(more, [])
    assert.doesNotMatch(JSON.stringify(warning), /AAAA/)
  }
  const current = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
  assert.deepEqual(parsed({ users: [{ sub: '1', username: 'alice', password_hash: current }] }).warnings, [])
})

test('configuration: a weak argon2id hash of a user, a client or an API causes a warning', () => {
  const argon2id = `$argon2id$v=19$m=1024,t=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
  const { warnings } = parsed({
    users: [{ sub: '1', username: 'alice', password_argon2id: argon2id }],
    clients: [
      {
        client_id: 'worker',
        client_secrets: [{ argon2id: argon2id.replace('m=1024', 'm=65536') }, { argon2id }],
        grant_types: ['client_credentials'],
        scope: 'api',
      },
    ],
    api_scopes: [{ name: 'api' }],
    api_resources: [{ name: 'urn:api', scopes: ['api'], api_secrets: [{ argon2id }] }],
  })
  assert.deepEqual(warnings.map(({ path }) => path).toSorted(), [
    'api_resources[0].api_secrets[0]',
    'clients[0].client_secrets[1]',
    'users[0].password_argon2id',
  ])
  for (const { problem } of warnings) assert.match(problem, /easy to guess from: argon2 with m=1024, t=1/)
})

test('configuration: a password hash that costs too much, or is none, is refused without being quoted', () => {
  for (const [password_hash, problem] of [
    [bcryptOf('15'), /cost is out of bounds/],
    [pbkdf2Of('sha256', 2_000_001), /cost is out of bounds/],
    [bcryptOf('10').slice(0, -1), /not an encoded bcrypt hash/],
    ['hunter2', /not a password hash in a known format/],
  ] as const) {
    const users = [{ sub: '1', username: 'alice', password_hash }]
    assertErrors({ users }, [{ path: 'users[0].password_hash', problem }])
  }
  const users = [{ sub: '1', username: 'alice', password_hash: sha, password: 'x' }]
  assertErrors({ users }, [{ path: 'users[0].password', problem: /a password and a password_hash/ }])
})

test('configuration: a server that others can reach should have a configured issuer', () => {
  assert.deepEqual(
    parsed({ host: '0.0.0.0' }).warnings.map(one => one.path),
    ['issuer'],
  )
  assert.deepEqual(parsed({ host: '0.0.0.0', issuer: 'https://login.example' }).warnings, [])
})

for (const [name, registration, path, problem] of [
  [
    'unknown initial access tokens',
    { mode: 'initial_access_token' },
    'registration.initial_access_tokens',
    /there is none/,
  ],
  [
    'software statements without a trusted issuer',
    { require_software_statement: true },
    'registration.trusted_software_issuers',
    /no issuer is trusted/,
  ],
  ['an unknown scope', { allowed_scope: 'openid nothing' }, 'registration.allowed_scope', /"nothing"/],
  ['an unknown grant', { allowed_grant_types: ['magic'] }, 'registration.allowed_grant_types', /"magic"/],
  [
    'an unknown tenant',
    { client_defaults: { tenants: ['acme'] } },
    'registration.client_defaults.tenants',
    /"acme"/,
  ],
  [
    'an unknown provider',
    { client_defaults: { identity_provider_restrictions: ['corp'] } },
    'registration.client_defaults.identity_provider_restrictions',
    /"corp"/,
  ],
] as const) {
  test(`rules: registration with ${name} is an error`, () => {
    assertErrors({ registration }, [{ path, problem }])
  })
}
