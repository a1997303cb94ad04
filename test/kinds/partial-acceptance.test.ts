/**
 * Every member that a client may register, with unsupported, malformed and empty values (RFC 7591 §3.2.1): permissions
 * are reduced, optional members are omitted, and protection is never registered in part.
 */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { treatments, unfulfilled } from '../../packages/server/src/clients/registration/metadata.ts'
import { assertRefused } from '../support/refused.ts'
import { manage, register } from '../support/registering.ts'
import { callback, pagesWorld } from '../support/sign-in.ts'
import { type Answer, createTestServer, type TestServer } from '../support/tessera.ts'
import { assertCovers } from './coverage.ts'

const device = 'urn:ietf:params:oauth:grant-type:device_code'
const base = {
  redirect_uris: [callback],
  grant_types: ['authorization_code', 'refresh_token', 'implicit'],
  response_types: ['code', 'code id_token'],
}
const usualScope = 'openid profile email address phone offline_access'

/** A value, and what is registered instead; `undefined`: nothing. */
type Row = { readonly sent: unknown; readonly registered: unknown } | { readonly refused: unknown }

const script = 'javascript:alert(1)'
const dropped = (...values: readonly unknown[]): readonly Row[] =>
  values.map(sent => ({ sent, registered: undefined }))
const droppedFromList = (...values: readonly (readonly unknown[])[]): readonly Row[] =>
  values.map(([good, bad]) => ({ sent: [good, bad], registered: [good] }))
const refused = (...values: readonly unknown[]): readonly Row[] => values.map(value => ({ refused: value }))

const algorithms = refused('none', 'HS256', 'XX999', 7, ['RS256'])
const encryption = refused('dir', 'RSA1_5', 7)
const flags = refused('true', 1, [true])

const rows: Readonly<Record<keyof typeof treatments, readonly Row[]>> = {
  client_name: dropped(7, 'a\u202Eb', 'x'.repeat(501), ['Name']),
  client_uri: dropped(script, 'no address', 7),
  logo_uri: dropped(script, 'data:image/png;base64,AA', {}),
  policy_uri: dropped(script, '/policy'),
  tos_uri: dropped(script, 'https://user:pass@app.example/'),
  contacts: [
    ...droppedFromList(['a@app.example', 7], ['a@app.example', 'x'.repeat(501)]),
    ...dropped('a@app.example', Array(21).fill('a@app.example')),
  ],
  software_id: dropped(7, 'x'.repeat(501)),
  software_version: dropped(1.2),
  application_type: [
    { sent: 'browser', registered: 'web' },
    { sent: ['web'], registered: 'web' },
  ],
  redirect_uris: [
    ...droppedFromList([callback, script], [callback, 'http://app.example/cb'], [callback, 'myapp://cb']),
    ...refused(7, callback, [script], ['myapp://cb'], [callback, 7]),
  ],
  grant_types: [
    { sent: [...base.grant_types, 'password'], registered: base.grant_types },
    { sent: [...base.grant_types, device], registered: [...base.grant_types, device] },
    { sent: [...base.grant_types, 'urn:example:unheard-of'], registered: base.grant_types },
    {
      sent: ['client_credentials', 'authorization_code', 'implicit'],
      registered: base.grant_types.slice(0, 3).filter(grant => grant !== 'refresh_token'),
    },
    ...refused(['password'], ['client_credentials', 'refresh_token'], 'authorization_code', [7]),
  ],
  response_types: [
    { sent: ['code', 'token', 'code id_token'], registered: ['code', 'code id_token'] },
    { sent: ['id_token code', 'none'], registered: ['code id_token'] },
    { sent: ['token id_token', 'code'], registered: ['id_token token', 'code'] },
    { sent: ['token code id_token'], registered: ['code id_token token'] },
    { sent: ['code', 'code', 'vp_token'], registered: ['code'] },
    ...refused(['token'], ['none'], 'code', [7]),
  ],
  scope: [
    { sent: 'openid api1', registered: 'openid' },
    { sent: 'openid profile nothing "quoted"', registered: 'openid profile' },
    { sent: 'api1', registered: usualScope },
    { sent: 'openid,profile', registered: usualScope },
    ...refused(['openid'], 7),
  ],
  token_endpoint_auth_method: refused('client_secret_jwt', 'private_key_jwt', 'tls_client_auth', 7),
  token_endpoint_auth_signing_alg: algorithms,
  tls_client_auth_subject_dn: refused(7, 'CN=x'.repeat(200)),
  jwks: refused('keys', { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }, { keys: 7 }),
  jwks_uri: refused(script, 'ftp://app.example/keys', 7),
  id_token_signed_response_alg: algorithms,
  id_token_encrypted_response_alg: encryption,
  id_token_encrypted_response_enc: encryption,
  userinfo_signed_response_alg: algorithms,
  userinfo_encrypted_response_alg: encryption,
  userinfo_encrypted_response_enc: encryption,
  introspection_signed_response_alg: algorithms,
  introspection_encrypted_response_alg: encryption,
  introspection_encrypted_response_enc: encryption,
  authorization_signed_response_alg: algorithms,
  authorization_encrypted_response_alg: encryption,
  authorization_encrypted_response_enc: encryption,
  require_signed_authorization_response: flags,
  request_uris: [
    ...droppedFromList(['https://app.example/request', script]),
    { sent: [script], registered: [] },
    { sent: 7, registered: [] },
  ],
  request_object_signing_alg: refused('HS256', 'XX999', 7),
  request_object_encryption_alg: encryption,
  request_object_encryption_enc: encryption,
  tls_client_certificate_bound_access_tokens: [...flags, ...refused(true)],
  dpop_bound_access_tokens: flags,
  require_signed_request_object: [...flags, ...refused(true)],
  require_pushed_authorization_requests: flags,
  default_max_age: refused(-1, 'soon', 1.5),
  default_acr_values: refused(['a', 7], 'high', ['two words']),
  require_auth_time: flags,
  post_logout_redirect_uris: [
    ...droppedFromList(['https://app.example/bye', script]),
    { sent: [script], registered: [] },
    { sent: 'https://app.example/bye', registered: [] },
  ],
  frontchannel_logout_uri: refused(script, 'https://other.example/out', 7),
  frontchannel_logout_session_required: flags,
  backchannel_logout_uri: refused(script, 7),
  backchannel_logout_session_required: flags,
  subject_type: refused('private', 7),
  sector_identifier_uri: refused(script, 7),
  initiate_login_uri: refused('http://app.example/start', script, 7),
  allowed_cors_origins: [
    ...droppedFromList(['https://app.example', 'https://app.example/path']),
    { sent: ['*'], registered: [] },
  ],
}

const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const store = 'https://store.example'
const configured = {
  ...pagesWorld,
  registration: {
    mode: 'open',
    max_requests_per_hour: 100_000,
    trusted_software_issuers: [{ issuer: store, jwks: { keys: [await exportJWK(signer.publicKey)] } }],
  },
}

/** The ways to send metadata; each gets the same treatment. */
const ways: Readonly<Record<string, (server: TestServer, metadata: object) => Promise<Answer>>> = {
  'at registration': register,
  'by an update': async (server, metadata) => {
    const { json } = await register(server, base)
    return manage(server, 'PUT', json, { ...metadata, client_id: json.client_id })
  },
  'in a software statement': async (server, metadata) => {
    const software_statement = await new SignJWT({ ...metadata, iss: store })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(signer.privateKey)
    return register(server, { software_statement })
  },
}

for (const [way, send] of Object.entries(ways)) {
  test(`registration: ${way}, unsupported permissions are omitted and protection is refused [RFC 7591 §3.2.1]`, async () => {
    const server = await createTestServer(configured)
    for (const [member, cases] of Object.entries(rows)) {
      for (const row of cases) {
        const value = 'refused' in row ? row.refused : row.sent
        const about = `${member}: ${JSON.stringify(value)}`
        const answer = await send(server, { ...base, [member]: value })
        if ('refused' in row) {
          assert.equal(answer.status, 400, `${about} ${answer.body}`)
          assert.ok(
            /^client_(metadata|redirect_uri)_/.test(String(answer.reason)),
            `${about}: ${String(answer.reason)}`,
          )
          assert.ok(answer.json.error_description.includes(member), about)
          continue
        }
        assert.ok(answer.status < 300, `${about} ${answer.body}`)
        assert.deepEqual(answer.json[member], row.registered, about)
      }
    }
  })

  test(`registration: ${way}, an empty member counts as omitted [RFC 7591 §2, RFC 7592 §2.2]`, async () => {
    const server = await createTestServer(configured)
    const withoutMember = (member: string) => {
      const { [member]: _, ...others } = base as Readonly<Record<string, unknown>>
      return others
    }
    for (const member of Object.keys(rows)) {
      const usual = await send(server, withoutMember(member))
      for (const value of [null, '', ' ', [], [''], [null], {}, { keys: [] }]) {
        // An empty list of origins means that no origin may call.
        if (member === 'allowed_cors_origins' && Array.isArray(value)) continue
        const about = `${member}: ${JSON.stringify(value)}`
        const answer = await send(server, { ...base, [member]: value })
        assert.equal(answer.status, usual.status, `${about} ${answer.body}`)
        if (usual.status === 400) assertRefused(answer, usual.json.error, String(usual.reason), about)
        else assert.deepEqual(answer.json[member], usual.json[member], about)
      }
    }
  })
}

test('registration: every member that a client may register has a row', () => {
  assertCovers(Object.keys(rows), Object.keys(treatments), 'member of client metadata')
  for (const [member, treatment] of Object.entries(treatments)) {
    const cases = rows[member as keyof typeof rows]
    assert.ok(cases.length > 0, member)
    const some = (is: (row: Row) => boolean) => cases.some(is)
    if (treatment === 'refuse') assert.ok(!some(row => 'sent' in row), member)
    if (treatment === 'drop') assert.ok(!some(row => 'refused' in row), member)
  }
})

/** Members whose partial registration would leave a client with less security than requested. */
const protecting =
  /^(token_endpoint_auth_|jwks|tls_|require_|subject_type|sector_|default_(max_age|acr)|.*_(alg|enc)$)/

test('registration: protection is never registered in part', () => {
  const weakened = Object.entries(treatments).filter(
    ([member, treatment]) => protecting.test(member) && treatment !== 'refuse',
  )
  assert.deepEqual(weakened, [])
})

test('registration: unsupported protection is refused, and not ignored', async () => {
  const server = await createTestServer(configured)
  assert.deepEqual(unfulfilled, [
    ...['dns', 'uri', 'ip', 'email'].map(name => `tls_client_auth_san_${name}`),
    'backchannel_authentication_request_signing_alg',
  ])
  for (const member of unfulfilled) {
    for (const value of [true, 'RS256', 'app.example']) {
      const answer = await register(server, { ...base, [member]: value })
      assertRefused(answer, 'invalid_client_metadata', 'client_metadata_unsupported', member)
      assert.match(answer.json.error_description, new RegExp(`^${member}: `))
    }
    for (const value of [false, null, ''])
      assert.equal((await register(server, { ...base, [member]: value })).status, 201, member)
  }
})

test('registration: unknown members are ignored [RFC 7591 §2]', async () => {
  const server = await createTestServer(configured)
  const { status, json } = await register(server, { ...base, unheard_of: { a: [1] }, 'scope#de': 'api1' })
  assert.equal(status, 201)
  assert.deepEqual([json.unheard_of, json['scope#de']], [undefined, undefined])
})

test('registration: omitted members are logged', async () => {
  const server = await createTestServer(configured)
  const grant_types = ['authorization_code', 'password']
  const sent = { redirect_uris: [callback], grant_types, scope: 'openid api1', logo_uri: script }
  await register(server, sent)
  const logged = server.logged.findLast(({ event }) => event === 'client_registered')
  assert.deepEqual(logged?.left_out, ['grant_types: password', 'scope: api1', 'logo_uri'])
})

for (const [what, sent, registered] of [
  [
    'removing a grant removes its response types',
    { grant_types: ['authorization_code'], response_types: ['code', 'code id_token'] },
    { grant_types: ['authorization_code'], response_types: ['code'] },
  ],
  [
    'a grant without a response type is removed',
    { grant_types: ['authorization_code', 'implicit'], response_types: ['code'] },
    { grant_types: ['authorization_code'], response_types: ['code'] },
  ],
  [
    'a grant without a response type is removed, even by default',
    { grant_types: ['authorization_code', 'implicit'] },
    { grant_types: ['authorization_code'], response_types: ['code'] },
  ],
  [
    'the implicit grant alone has ID tokens',
    { grant_types: ['implicit'] },
    { grant_types: ['implicit'], response_types: ['id_token'] },
  ],
  [
    'a device needs no response type',
    { grant_types: [device], response_types: ['code'], redirect_uris: undefined },
    { grant_types: [device], response_types: [] },
  ],
  [
    'a public client has no client_credentials',
    { grant_types: ['authorization_code', 'client_credentials'], token_endpoint_auth_method: 'none' },
    { grant_types: ['authorization_code'], response_types: ['code'] },
  ],
] as const) {
  test(`registration: grants and response types match: ${what} [RFC 7591 §2.1]`, async () => {
    const registration = {
      ...configured.registration,
      allowed_grant_types: ['authorization_code', 'implicit', 'client_credentials', device],
    }
    const server = await createTestServer({ ...configured, registration })
    const { status, json, body } = await register(server, { redirect_uris: [callback], ...sent })
    assert.equal(status, 201, body)
    assert.deepEqual({ grant_types: json.grant_types, response_types: json.response_types }, registered)
  })
}

for (const [scope, grant_types, expected] of [
  ['openid', ['authorization_code', 'refresh_token'], 'openid profile offline_access'],
  ['openid', ['authorization_code'], 'openid profile'],
  ['api1', ['authorization_code'], 'openid profile'],
  [undefined, ['authorization_code'], 'openid profile'],
] as const)
  test(`registration: with registered_scope "allowed", a client with ${scope} and ${grant_types} has all allowed scopes`, async () => {
    const allowed_scope = 'openid profile offline_access'
    const registration = { ...configured.registration, allowed_scope, registered_scope: 'allowed' }
    const server = await createTestServer({ ...configured, registration })
    const { status, json, body } = await register(server, { ...base, scope, grant_types })
    assert.deepEqual([status, json.scope], [201, expected], body)
  })

test('registration: registered_scope "allowed" accepts no malformed scope', async () => {
  const registration = { ...configured.registration, registered_scope: 'allowed' }
  const server = await createTestServer({ ...configured, registration })
  const { status, json } = await register(server, { ...base, scope: ['openid'] })
  assert.deepEqual([status, json.error], [400, 'invalid_client_metadata'])
})

test('registration: a scope copied from scopes_supported is registered as far as it is allowed', async () => {
  for (const [allowed_scope, expected] of [
    [undefined, 'openid profile email address phone offline_access'],
    ['openid offline_access api1', 'openid api1 offline_access'],
  ] as const) {
    const registration = { ...configured.registration, ...(allowed_scope && { allowed_scope }) }
    const server = await createTestServer({ ...configured, registration })
    const { json: metadata } = await server.send('GET', '/.well-known/openid-configuration')
    const scope = metadata.scopes_supported.join(' ')
    assert.match(scope, /\bapi1\b/)
    const { status, json } = await register(server, { ...base, scope })
    assert.equal(status, 201)
    assert.equal(json.scope, expected)
  }
})
