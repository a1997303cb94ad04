/** Each reason for a refusal is asserted by a test: otherwise its guard could be removed unnoticed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { jwkOfOne, one, two } from '../support/certificates.ts'
import { challenge, issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { readText, textsOf } from '../support/repository.ts'
import { type Answer, basic, createTestServer, type Form, type TestServer } from '../support/tessera.ts'
import { secret, withClients } from '../support/world.ts'

const code = { grant_types: ['authorization_code'], redirect_uris: [redirectUri] }
const client_secrets = [{ value: secret }]
const input = {
  ...withClients(
    { client_id: 'norefresh', client_secrets, ...code, scope: 'openid api1 offline_access' } as never,
    {
      client_id: 'hybrid',
      client_secrets,
      ...code,
      grant_types: ['authorization_code', 'implicit'],
      response_types: ['code', 'code id_token', 'code id_token token', 'code token'],
      scope: 'openid api1',
    } as never,
    {
      client_id: 'pushing',
      client_secrets,
      ...code,
      scope: 'openid api1',
      require_pushed_authorization_requests: true,
    } as never,
    {
      client_id: 'signed',
      client_secrets,
      ...code,
      scope: 'openid api1',
      require_signed_authorization_response: true,
    } as never,
    {
      client_id: 'mtls',
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [{ ...jwkOfOne, x5c: [one] }] },
      grant_types: ['password'],
      scope: 'openid',
    } as never,
    {
      client_id: 'off',
      client_secrets,
      enabled: false,
      grant_types: ['client_credentials'],
      scope: 'api1',
    } as never,
  ),
  mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
  registration: {
    mode: 'initial_access_token',
    initial_access_tokens: [{ value: 'an-initial-access-token-that-is-long' }],
  },
}

const authorize = (more: Record<string, string | undefined>) => (server: TestServer) => {
  const asked = {
    client_id: 'web',
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid api1',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  }
  const given = Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return server.send('GET', `/connect/authorize?${new URLSearchParams(given)}`)
}

const token = (form: Form, client?: string) => (server: TestServer) =>
  server.token(form, client === undefined ? {} : { client: [client, secret] })
const machine = { grant_type: 'client_credentials', scope: 'api1' }
const password = { grant_type: 'password', username: 'bob', password: 'bob' }

const userinfo = (server: TestServer, access_token: string, certificate?: string) =>
  server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${access_token}` },
    ...(certificate !== undefined && { certificate }),
  })
/** Bound to the certificate `one` (RFC 8705 §3). */
const boundToken = async (server: TestServer): Promise<string> =>
  (await server.token({ ...password, scope: 'openid', client_id: 'mtls' }, { certificate: one })).json
    .access_token
const signIn = async (server: TestServer, scope: string) =>
  (await server.token({ ...password, scope }, { client: ['roclient', secret] })).json

const device = 'urn:ietf:params:oauth:grant-type:device_code'
const startDevice = async (server: TestServer) =>
  (
    await server.send('POST', '/connect/deviceauthorization', {
      form: { client_id: 'device', scope: 'api1' },
    })
  ).json
const poll = (server: TestServer, device_code: string) =>
  server.token({ grant_type: device, device_code, client_id: 'device' })

const register =
  (body: string, headers: Record<string, string> = {}) =>
  (server: TestServer) =>
    server.send('POST', '/connect/register', {
      body,
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer an-initial-access-token-that-is-long',
        ...headers,
      },
    })

const refusals: Readonly<Record<string, (server: TestServer) => Promise<Answer>>> = {
  redirect_uri_not_registered: authorize({ redirect_uri: 'https://app.example/else' }),
  max_age_malformed: authorize({ max_age: 'soon' }),
  nonce_missing: authorize({ client_id: 'hybrid', response_type: 'code id_token' }),
  code_challenge_malformed: authorize({ code_challenge: 'short' }),
  code_challenge_method_not_allowed: authorize({ code_challenge_method: 'plain' }),
  pushed_request_required: authorize({ client_id: 'pushing' }),
  request_and_request_uri: authorize({ request: 'x', request_uri: 'https://app.example/request' }),
  request_uri_not_registered: authorize({ request_uri: 'https://app.example/request' }),
  resource_unknown: authorize({ resource: 'urn:nobody' }),
  resource_outside_scope: token({ ...machine, resource: 'urn:other' }, 'client'),
  response_mode_query: authorize({
    client_id: 'hybrid',
    response_type: 'code token',
    response_mode: 'query',
    nonce: 'n',
  }),
  response_mode_unknown: authorize({ response_mode: 'pigeon' }),
  response_mode_unsigned: authorize({ client_id: 'signed' }),
  response_type_missing: authorize({ response_type: undefined }),
  response_type_not_allowed: authorize({ response_type: 'code id_token', nonce: 'n' }),
  response_type_unknown: authorize({ response_type: 'pigeon' }),
  scope_malformed: authorize({ scope: 'api1"' }),
  scope_unknown: authorize({ scope: 'nothing' }),
  scope_not_allowed: authorize({ scope: 'api3' }),
  scope_openid_missing: authorize({ scope: 'profile' }),

  grant_type_unknown: token({ grant_type: 'urn:nothing' }, 'client'),
  grant_type_not_allowed: token({ ...password, scope: 'api1' }, 'client'),
  scope_empty: token({ grant_type: 'client_credentials' }, 'empty'),
  scope_of_wrong_kind: token({ ...machine, scope: 'openid' }, 'client'),
  resource_malformed: token({ ...machine, resource: 'api' }, 'client'),
  client_assertion_type_unknown: token({ ...machine, client_assertion: 'x', client_assertion_type: 'y' }),
  client_disabled: token(machine, 'off'),
  device_pending: async server => poll(server, (await startDevice(server)).device_code),
  device_denied: async server => {
    const { device_code } = await startDevice(server)
    const found = await server.stores.devices.find(hashHandle(device_code))
    await server.stores.devices.deny(found!.device.user_code_hash, server.clock.now())
    return poll(server, device_code)
  },
  device_polled_too_fast: async server => {
    const { device_code } = await startDevice(server)
    await poll(server, device_code)
    return poll(server, device_code)
  },
  device_code_expired: async server => {
    const { device_code } = await startDevice(server)
    server.clock.advance(300)
    return poll(server, device_code)
  },

  token_without_openid: async server => userinfo(server, (await signIn(server, 'api1')).access_token),
  token_certificate_missing: async server => userinfo(server, await boundToken(server)),
  token_bound_to_another_certificate: async server => userinfo(server, await boundToken(server), two),
  token_expired: async server => {
    const { access_token } = await signIn(server, 'openid')
    server.clock.advance(3600)
    return userinfo(server, access_token)
  },
  token_signature_invalid: async server => {
    const [head, body] = (await signIn(server, 'openid')).access_token.split('.')
    return userinfo(server, `${head}.${body}.${'A'.repeat(86)}`)
  },
  token_unknown: server => userinfo(server, `ta_${'A'.repeat(43)}`),
  token_authorization_revoked: async server => {
    const { access_token, refresh_token } = await signIn(server, 'openid offline_access')
    await server.send('POST', '/connect/revocation', {
      form: { token: refresh_token },
      headers: basic('roclient', secret),
    })
    return userinfo(server, access_token)
  },
  token_client_disabled: async server => {
    const { access_token } = await signIn(server, 'openid')
    await server.reconfigure({
      ...input,
      clients: input.clients.map(client =>
        client.client_id === 'roclient' ? { ...client, enabled: false } : client,
      ),
    })
    return userinfo(server, access_token)
  },
  several_access_tokens: async server => {
    const { access_token } = await signIn(server, 'openid')
    return server.send('POST', '/connect/userinfo', {
      form: { access_token },
      headers: { authorization: `Bearer ${access_token}` },
    })
  },
  scope_withdrawn: async server => {
    const { refresh_token } = await signIn(server, 'openid api1 api2 offline_access')
    await server.reconfigure({
      ...input,
      clients: input.clients.map(client =>
        client.client_id === 'roclient' ? { ...client, scope: 'openid api1 offline_access' } : client,
      ),
    })
    return server.token({ grant_type: 'refresh_token', refresh_token }, { client: ['roclient', secret] })
  },
  resource_not_agreed: async server => {
    const row = await issueCode(server, { scope: ['api1', 'other_api'], resources: ['urn:api'] } as never)
    return server.token(
      {
        grant_type: 'authorization_code',
        code: row,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        resource: 'urn:other',
      },
      { client: ['web', secret] },
    )
  },

  initial_access_token_missing: register('{}', { authorization: '' }),
  initial_access_token_invalid: register('{}', { authorization: 'Bearer another-token' }),
  media_type_not_json: register('a=b', { 'content-type': 'application/x-www-form-urlencoded' }),
  client_metadata_not_json: register('{'),
  client_metadata_invalid: register('{"grant_types":"x"}'),
  client_redirect_uri_invalid: register('{"redirect_uris":["http://app.example/cb"]}'),
  registration_token_missing: server => server.send('GET', '/connect/register/x'),
  registration_token_invalid: server =>
    server.send('GET', '/connect/register/x', { headers: { authorization: 'Bearer x' } }),
}

for (const [reason, ask] of Object.entries(refusals))
  test(`refused: ${reason}`, async () => {
    const server = await createTestServer(input)
    const answer = await ask(server)
    assert.equal(answer.reason, reason)
    assert.ok(answer.status >= 300, `status ${answer.status}`)
  })

for (const path of [
  'token',
  'par',
  'introspect',
  'revocation',
  'deviceauthorization',
  'userinfo',
  'authorize',
  'endsession',
])
  test(`refused: a repeated parameter at /connect/${path} [RFC 6749 §3.1, §3.2]`, async () => {
    const server = await createTestServer(input)
    const answer = await server.send('POST', `/connect/${path}`, { form: 'client_id=web&client_id=client' })
    assert.equal(answer.reason, 'repeated_parameter')
    assert.equal(answer.status, 400)
  })

test('refused: every reason is asserted by a test', () => {
  const reasons = [...readText('docs/reasons.md').matchAll(/^\| `([a-z_0-9]+)`/gm)].map(
    ([, reason]) => reason!,
  )
  assert.ok(reasons.length > 250, `only ${reasons.length} reasons were found`)
  const words = new Set(
    [...textsOf('test/**/*.ts')]
      .filter(([file]) => file !== 'test/reasons.test.ts')
      .flatMap(([, text]) => text.match(/\b[a-z][a-z_0-9]*\b/g) ?? []),
  )
  const missing = reasons.filter(reason => !words.has(reason))
  assert.deepEqual(missing, [], 'assert the reason in a test of the guard')
})
