/** Parsed configurations: defaults, hashes, times and names. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { standardGrantTypes } from '../../packages/server/src/configuration/rules/references.ts'
import { standardGrants } from '../../packages/server/src/endpoints/token/grants/index.ts'
import { errorsOf, machine, parsed, spa, withClient } from './errors.ts'

test('configuration: a minimal client gets the documented defaults', async () => {
  const client = await parsed(
    withClient({ ...spa, redirect_uris: ['https://app.example/callback'] }),
  ).configuration.clients.find('spa')
  assert.deepEqual(client, {
    client_id: 'spa',
    enabled: true,
    client_secrets: [],
    token_endpoint_auth_method: 'none',
    request_uris: [],
    workload_identities: [],
    id_token_encrypted_response_enc: 'A128CBC-HS256',
    userinfo_encrypted_response_enc: 'A128CBC-HS256',
    introspection_encrypted_response_enc: 'A128CBC-HS256',
    authorization_encrypted_response_enc: 'A128CBC-HS256',
    require_signed_authorization_response: false,
    require_signed_request_object: false,
    require_pushed_authorization_requests: false,
    default_acr_values: [],
    require_auth_time: false,
    grant_types: new Set(['authorization_code']),
    response_types: ['code'],
    redirect_uris: ['https://app.example/callback'],
    post_logout_redirect_uris: [],
    frontchannel_logout_session_required: false,
    backchannel_logout_session_required: false,
    scope: new Set(),
    require_pkce: true,
    allow_plain_pkce: false,
    allow_remember_consent: true,
    access_token_type: 'jwt',
    access_token_lifetime: 3600,
    identity_token_lifetime: 300,
    id_token_signed_response_alg: 'RS256',
    always_include_user_claims_in_id_token: false,
    subject_type: 'public',
    authorization_code_lifetime: 300,
    refresh_token_usage: 'one_time',
    refresh_token_expiration: 'absolute',
    absolute_refresh_token_lifetime: 2_592_000,
    sliding_refresh_token_lifetime: 1_296_000,
    refresh_token_retry_window: 10,
    update_access_token_claims_on_refresh: false,
    tls_client_certificate_bound_access_tokens: false,
    dpop_bound_access_tokens: false,
    device_code_lifetime: 300,
    device_polling_interval: 5,
    require_consent: false,
    enable_local_login: true,
    identity_provider_restrictions: [],
    tenants: [],
    claims: [],
    always_send_client_claims: false,
    client_claims_prefix: 'client_',
    user_claims: [],
    allowed_cors_origins: [],
  })
})

test('configuration: a client without the code grant has no response types by default [RFC 7591 §2.1]', async () => {
  const client = await parsed(withClient(machine)).configuration.clients.find('machine')
  assert.deepEqual(client?.response_types, [])
})

test('configuration: a secret in any form is stored as its hash, with its expiry in seconds', async () => {
  const hash = createHash('sha256').update('secret').digest()
  const argon2id = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
  const client_secrets = [
    { value: 'secret', expires_at: '2030-01-01T00:00:00Z' },
    { sha256: hash.toString('base64') },
    { sha256: hash.toString('base64url') },
    { sha256: hash.toString('hex') },
    { argon2id },
  ]
  const client = await parsed(withClient({ ...machine, client_secrets })).configuration.clients.find(
    'machine',
  )
  const kept = { kind: 'sha256', hash: new Uint8Array(hash) }
  assert.deepEqual(client?.client_secrets, [
    { ...kept, expires_at: 1_893_456_000 },
    kept,
    kept,
    kept,
    { kind: 'argon2id', encoded: argon2id },
  ])
})

test('configuration: each secret is given in exactly one form', () => {
  const sha256 = createHash('sha256').update('secret').digest('hex')
  const argon2id = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
  const value = 'a-secret-of-a-machine'
  const sha512 = createHash('sha512').update('secret').digest('hex')
  for (const wrong of [
    {},
    { value, sha256 },
    { value, argon2id },
    { sha256, argon2id },
    { sha256, sha512 },
  ]) {
    const [error, ...others] = errorsOf(withClient({ ...machine, client_secrets: [wrong] }))
    assert.match(String(error?.expected), /exactly one of value, sha256, sha512 and argon2id/)
    assert.deepEqual(others, [])
  }
})

test('configuration: the standard identity resources exist, and can be redefined [OpenID Connect Core 1.0 §5.4]', () => {
  const { resources } = parsed({
    identity_resources: [
      {
        name: 'email',
        claims: ['email'],
        required: false,
        emphasize: false,
      },
    ],
  }).configuration
  assert.deepEqual([...resources.identity.keys()], ['openid', 'profile', 'email', 'address', 'phone'])
  assert.deepEqual(resources.identity.get('email'), {
    name: 'email',
    claims: ['email'],
    required: false,
    emphasize: false,
  })
  assert.deepEqual(resources.identity.get('phone')?.claims, ['phone_number', 'phone_number_verified'])
  assert.equal(resources.identity.get('profile')?.claims.length, 14)
})

test('configuration: an empty one is a server without clients at http://localhost:5080', () => {
  const { issuer, host, port, storage, compatibility, clients } = parsed(
    {},
    { directory: '/srv' },
  ).configuration
  assert.deepEqual([issuer, host, port, compatibility], ['http://localhost:5080', '127.0.0.1', 5080, 'none'])
  assert.deepEqual(storage, { kind: 'sqlite', file: '/srv/tessera.db' })
  assert.deepEqual([...clients.all()], [])
})

test('configuration: a loopback issuer sets the port, a public one does not', () => {
  assert.equal(parsed({ issuer: 'http://localhost:6001' }).configuration.port, 6001)
  assert.equal(parsed({ issuer: 'http://localhost:6001', port: 7 }).configuration.port, 7)
  assert.equal(parsed({ issuer: 'https://login.example:8443' }).configuration.port, 5080)
})

test('configuration: each kind of storage is recognized', () => {
  const storage = (text: string) => parsed({ storage: text }, { directory: '/srv' }).configuration.storage
  assert.deepEqual(storage('memory:'), { kind: 'memory' })
  assert.deepEqual(storage('sqlite:/var/t.db'), { kind: 'sqlite', file: '/var/t.db' })
  assert.deepEqual(storage('postgres://db/t'), { kind: 'postgres', url: 'postgres://db/t', poolSize: 10 })
})

test('configuration: users keep their claims unchanged, as any JSON', () => {
  const claims = { name: 'Alice', address: { country: 'NL' }, roles: ['a', 1, null, true] }
  const [user] = parsed({ users: [{ sub: '1', username: 'alice', password: 'pw', claims }] }).configuration
    .users
  assert.deepEqual(user, {
    sub: '1',
    username: 'alice',
    active: true,
    claims,
    password: { kind: 'plain', value: 'pw' },
  })
})

test('configuration: keys are created for the defaults and for algorithms of clients and APIs', () => {
  const { signingAlgorithms } = parsed(
    withClient(
      { ...machine, id_token_signed_response_alg: 'EdDSA' },
      { api_resources: [{ name: 'urn:api', access_token_signing_alg: 'PS256' }] },
    ),
  ).configuration
  assert.deepEqual([...signingAlgorithms].sort(), ['ES256', 'EdDSA', 'PS256', 'RS256'])
})

test('configuration: an upstream provider has the settings for federation', () => {
  const provider = {
    name: 'corp',
    type: 'oidc',
    issuer: 'https://idp.example',
    client_id: 'us',
    client_secret: 's',
  }
  const { identityProviders } = parsed({ identity_providers: [provider] }).configuration
  const { claims, ...upstream } = identityProviders.get('corp')?.upstream ?? {}
  assert.deepEqual(upstream, {
    issuer: 'https://idp.example',
    client_id: 'us',
    client_secret: 's',
    scope: 'openid profile email',
    response_mode: 'query',
    userinfo: false,
    trust_amr: false,
    acr_mapping: {},
    end_session: true,
    list_claims: new Set(),
  })
  assert.equal(claims?.email, 'email')
  assert.equal(Object.hasOwn(claims ?? {}, 'sub'), false)
})

test('configuration: clients may have exactly the grants that the token endpoint supports', () => {
  assert.deepEqual([...standardGrantTypes].sort(), standardGrants.map(grant => grant.grantType).sort())
})
