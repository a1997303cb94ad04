/** Keys and values: which are allowed in a configuration, and the errors for others. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDiagnostic } from '../../packages/server/src/configuration/diagnostic.ts'
import { editDistance, nearestOf } from '../../packages/server/src/configuration/nearest.ts'
import { assertErrors, errorsOf, machine, parsed, spa, withClient } from './errors.ts'

test('configuration: an unknown key is reported with its path, its client and the nearest known key', () => {
  const input = withClient({ ...spa, redirect_uris: undefined, redirect_urls: ['https://app.example/'] })
  assertErrors(input, [
    {
      path: 'clients[0].redirect_urls',
      problem: /not a known key/,
      nearest: 'redirect_uris',
      fix: /redirect_uris/,
    },
  ])
  const [error] = errorsOf(input)
  assert.equal(error?.subject, 'client "spa"')
  assert.match(formatDiagnostic(error!), /^clients\[0\]\.redirect_urls \(client "spa"\): /)
  assert.match(formatDiagnostic(error!), /did you mean "redirect_uris"\?/)
})

for (const [written, meant] of [
  ['clientId', 'client_id'],
  ['AllowedGrantTypes', 'grant_types'],
  ['allowed_scopes', 'scope'],
  ['client_secret', 'client_secrets'],
  ['access-token-lifetime', 'access_token_lifetime'],
  ['requirePkce', 'require_pkce'],
  ['refresh_token_uasge', 'refresh_token_usage'],
] as const) {
  test(`configuration: ${written} is recognized as a misspelling of ${meant}`, () => {
    const error = errorsOf(withClient({ ...machine, [written]: 'x' })).find(one => one.path.endsWith(written))
    assert.equal(error?.nearest, meant)
  })
}

test('configuration: no nearest key is suggested for a key that resembles none', () => {
  const [error] = errorsOf({ zzzzzzzz: 1 })
  assert.equal(error?.nearest, undefined)
  assert.equal(error?.fix, 'remove it')
})

test('nearest: swapped neighbours count as one edit', () => {
  assert.equal(editDistance('scope', 'scpoe'), 1)
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('kitten', 'sitting'), 3)
  assert.equal(nearestOf('one', ['two', 'on', 'three']), 'on')
  assert.equal(nearestOf('xyz', ['one']), undefined)
})

test('configuration: the error for code in a data file refers to modules', () => {
  assertErrors({ grants: [] }, [{ path: 'grants', problem: /not a known key/, fix: /module/ }])
})

test('configuration: every error is reported, of the schema and of rules, in different entries and in one', () => {
  const errors = errorsOf({
    issuer: 'http://login.example',
    clients: [
      { ...spa, scope: 'nosuch', require_pkce: false, access_token_lifetime: '3600' },
      { ...machine, client_id: 'other', grant_types: 'client_credentials' },
    ],
    users: [{ sub: 'spa', username: 'a' }],
  })
  assert.deepEqual(errors.map(error => error.path).sort(), [
    'clients[0].access_token_lifetime',
    'clients[0].require_pkce',
    'clients[0].scope',
    'clients[1].grant_types',
    'issuer',
    'users[0].sub',
  ])
})

test('configuration: an entry is read once, whether it is valid or not', () => {
  for (const access_token_lifetime of [60, 'long']) {
    let reads = 0
    const client = {
      ...spa,
      access_token_lifetime,
      get scope() {
        reads++
        return 'openid'
      },
    }
    errorsOf(withClient(client), { isModule: true })
    assert.equal(reads, 1)
  }
})

test('configuration: an invalid key is reported once; rules that read it report nothing', () => {
  assertErrors(withClient({ ...machine, client_secrets: 'secret' }), [
    { path: 'clients[0].client_secrets', problem: /is a string/, fix: /brackets/ },
  ])
  assertErrors(withClient({ ...machine, client_secrets: undefined, client_secret: 'secret' }), [
    { path: 'clients[0].client_secret', problem: /not a known key/, nearest: 'client_secrets' },
  ])
})

for (const [name, client, path, problem, fix] of [
  ['a number in quotes', { access_token_lifetime: '3600' }, 'access_token_lifetime', /is a string/, /quotes/],
  ['a fraction', { access_token_lifetime: 1.5 }, 'access_token_lifetime', /fraction/, /whole number/],
  ['zero seconds', { access_token_lifetime: 0 }, 'access_token_lifetime', /too small/, /at least 1$/],
  ['negative seconds', { device_code_lifetime: -1 }, 'device_code_lifetime', /too small/, /at least 1$/],
  [
    'more than a year',
    { access_token_lifetime: 31_536_001 },
    'access_token_lifetime',
    /too large/,
    /31536000/,
  ],
  [
    'a code that lives for a day',
    { authorization_code_lifetime: 86_400 },
    'authorization_code_lifetime',
    /too large/,
    /3600/,
  ],
  ['"true" in quotes', { enabled: 'true' }, 'enabled', /string/, /quotes/],
  ['a list of scopes', { scope: ['a'] }, 'scope', /list/, /one string/],
  ['null', { scope: null }, 'scope', /null/, /string/],
  [
    'an unknown enum value',
    { access_token_type: 'JWT' },
    'access_token_type',
    /"JWT" is not known/,
    /write "jwt"/,
  ],
  [
    'an unknown method',
    { token_endpoint_auth_method: 'client_secret' },
    'token_endpoint_auth_method',
    /not known/,
    /client_secret_/,
  ],
  ['a scope with a quote', { scope: 'a"b' }, 'scope', /character/, /separate/],
  [
    'a redirect URI with a fragment',
    { redirect_uris: ['https://a.example/#x'] },
    'redirect_uris[0]',
    /fragment/,
    /exact/,
  ],
  [
    'a redirect URI over http',
    { redirect_uris: ['http://a.example/'] },
    'redirect_uris[0]',
    /loopback/,
    /exact/,
  ],
  [
    'a logout URI with a wildcard',
    { post_logout_redirect_uris: ['https://*.example/'] },
    'post_logout_redirect_uris[0]',
    /wildcard/,
    /exact/,
  ],
  [
    'an origin with a path',
    { allowed_cors_origins: ['https://a.example/'] },
    'allowed_cors_origins[0]',
    /not an origin/,
    /"https:\/\/a\.example"/,
  ],
  [
    'a private key',
    { jwks: { keys: [{ kty: 'RSA', n: 'n', e: 'e', d: 'd' }] } },
    'jwks.keys[0]',
    /private/,
    /public part/,
  ],
  [
    'a symmetric key',
    { jwks: { keys: [{ kty: 'oct', k: 'k' }] } },
    'jwks.keys[0]',
    /symmetric/,
    /public part/,
  ],
  ['a secret without a value', { client_secrets: [{}] }, 'client_secrets[0]', /no secret/, /value/],
  [
    'a secret in two forms',
    { client_secrets: [{ value: 'a', sha256: 'A'.repeat(44) }] },
    'client_secrets[0].sha256',
    /SHA-256/,
    /hash-secret/,
  ],
  [
    'a hash that is no argon2id',
    { client_secrets: [{ argon2id: '$2b$10$x' }] },
    'client_secrets[0].argon2id',
    /argon2id/,
    /hash-secret/,
  ],
  [
    'an expiry that is no time',
    { client_secrets: [{ value: 'a', expires_at: 'soon' }] },
    'client_secrets[0].expires_at',
    /not a time/,
    /Z$/,
  ],
  ['a client_uri that is no URL', { client_uri: 'app' }, 'client_uri', /web URL/, /https/],
  ['an empty client_id', { client_id: '' }, 'client_id', /empty/, /fill/],
  [
    'a claim that is not JSON',
    { claims: [{ type: 'a', value: Number.NaN }] },
    'claims[0].value',
    /JSON/,
    /write/,
  ],
] as const) {
  test(`configuration: ${name} in a client is refused at ${path}`, () => {
    assertErrors(withClient({ ...machine, ...client }), [{ path: `clients[0].${path}`, problem, fix }])
  })
}

test('configuration: a secret is never shown in an error', () => {
  const text = JSON.stringify(
    errorsOf(
      withClient({
        ...machine,
        client_secrets: ['hunter2', { sha256: 'hunter2' }, { value: 7 }],
        client_secret: 'hunter2',
      }),
    ),
  )
  assert.doesNotMatch(text, /hunter2/)
})

for (const [issuer, problem] of [
  ['login.example', /not a URL/],
  ['http://login.example', /loopback/],
  ['https://login.example/', /ends in a slash/],
  ['https://login.example?x', /query/],
  ['https://login.example#x', /fragment/],
  ['https://me:pw@login.example', /credentials/],
  [' https://login.example', /white space/],
  ['ftp://login.example', /scheme/],
] as const) {
  test(`configuration: the issuer ${JSON.stringify(issuer)} is refused [RFC 8414 §2]`, () => {
    assertErrors({ issuer }, [{ path: 'issuer', problem }])
  })
}

for (const issuer of [
  'https://login.example',
  'https://example.com/auth',
  'http://localhost:5080',
  'http://127.0.0.1:1',
  'http://[::1]:1',
]) {
  test(`configuration: the issuer ${issuer} is accepted`, () => {
    assert.equal(parsed({ issuer }).configuration.issuer, issuer)
  })
}

test('configuration: storage, proxies and trusted issuers are checked', () => {
  assertErrors(
    {
      storage: 'mysql://x',
      mtls: { certificate_header: 'x-cert', trusted_proxies: ['10.0.0.0/33'] },
      trusted_issuers: [{ issuer: 'https://idp.example', jwks: { keys: [] } }],
    },
    [
      { path: 'storage', problem: /not a known store/, fix: /sqlite/ },
      { path: 'mtls.trusted_proxies[0]', problem: /not an IP address/ },
      { path: 'trusted_issuers[0].jwks.keys', problem: /empty/ },
    ],
  )
})

for (const input of [undefined, null, [], 'text', 7]) {
  test('proxies: a forwarded host is ignored if no proxy is trusted', () => {
    assertErrors({ trust_forwarded_host: true }, [
      { path: 'trust_forwarded_host', problem: /no proxy is trusted/, fix: /trusted_proxies/ },
    ])
    assert.equal(parsed({}).configuration.trustForwardedHost, false)
    const believed = { trust_forwarded_host: true, trusted_proxies: ['10.0.0.0/8'] }
    assert.equal(parsed(believed).configuration.trustForwardedHost, true)
  })

  test(`configuration: ${JSON.stringify(input) ?? 'nothing'} is not a configuration`, () => {
    assertErrors(input, [{ path: '(top)', problem: /not an object/ }])
  })
}
