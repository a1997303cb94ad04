/** Texts of a server in errors: what it repeats of the request, and what a terminal or a log would interpret. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  authorizationCode,
  type Client,
  clientCredentials,
  clientSecretBasic,
  clientSecretPost,
  createClient,
  exchangeToken,
  fetchUserinfo,
  introspectToken,
  jwtBearer,
  password,
  pollDeviceToken,
  type Result,
  readRegistration,
  refreshToken,
  registerClient,
  revokeToken,
  tokenTypes,
} from '@tessera/client'

const issuer = 'https://as.example'
const metadata = {
  issuer,
  token_endpoint: `${issuer}/token`,
  userinfo_endpoint: `${issuer}/userinfo`,
  introspection_endpoint: `${issuer}/introspect`,
  revocation_endpoint: `${issuer}/revoke`,
  registration_endpoint: `${issuer}/register`,
}
const secret = 's3cr%t:+ &value'
const verifier = 'v'.repeat(43)

/** Creates a client of a server that responds with an error made from what it received. */
const clientOf = (
  members: (received: string) => object,
  authentication = clientSecretBasic(secret),
  headers: (received: string) => Record<string, string> = () => ({}),
): Client =>
  createClient({
    ...{ issuer, metadata, client_id: 'app', authentication },
    async fetch(_, init) {
      const scheme = new Headers(init.headers).get('authorization') ?? ''
      const basic = scheme.startsWith('Basic ') ? atob(scheme.slice(6)).split(':')[1] : scheme.slice(7)
      const received = [
        new URLSearchParams(`x=${basic}`).get('x'),
        ...new URLSearchParams(`${init.body ?? ''}`).values(),
      ].join(' ')
      return Response.json(members(received), { status: 400, headers: headers(received) })
    },
  })

const repeating = (authentication?: ReturnType<typeof clientSecretBasic>): Client =>
  clientOf(
    received => ({ error: `refused ${received}`, error_description: `got ${received}` }),
    authentication,
  )

const calls: readonly (readonly [string, string, (client: Client) => Promise<Result<unknown>>])[] = [
  ['clientCredentials', secret, client => clientCredentials(client)],
  [
    'authorizationCode',
    'the-code-value',
    client =>
      authorizationCode(client, {
        code: 'the-code-value',
        redirect_uri: `${issuer}/cb`,
        code_verifier: verifier,
      }),
  ],
  [
    'authorizationCode',
    verifier,
    client =>
      authorizationCode(client, { code: 'another', redirect_uri: `${issuer}/cb`, code_verifier: verifier }),
  ],
  ['refreshToken', 'refresh-token-1', client => refreshToken(client, 'refresh-token-1')],
  ['password', 'correct horse', client => password(client, { username: 'bob', password: 'correct horse' })],
  ['jwtBearer', 'head.body.signature', client => jwtBearer(client, 'head.body.signature')],
  [
    'exchangeToken',
    'subject-token-1',
    client =>
      exchangeToken(client, {
        subject_token: 'subject-token-1',
        subject_token_type: tokenTypes.accessToken,
      }),
  ],
  [
    'pollDeviceToken',
    'device-code-1',
    client =>
      pollDeviceToken(
        client,
        { device_code: 'device-code-1', interval: 1, expires_at: Date.now() },
        { sleep: async () => undefined },
      ),
  ],
  ['introspectToken', 'access-token-1', client => introspectToken(client, 'access-token-1')],
  ['revokeToken', 'access-token-1', client => revokeToken(client, 'access-token-1')],
  ['fetchUserinfo', 'access-token-1', client => fetchUserinfo(client, 'access-token-1', null)],
  [
    'registerClient',
    'initial-token-1',
    ({ issuer }) => registerClient(issuer, {}, { initialAccessToken: 'initial-token-1' }),
  ],
  [
    'readRegistration',
    'registration-token-1',
    ({ issuer: server }) =>
      readRegistration(server, {
        client_id: 'app',
        registration_access_token: 'registration-token-1',
        registration_client_uri: `${issuer}/register/app`,
      }),
  ],
]

for (const [name, value, call] of calls)
  test(`server texts: an error of ${name} does not contain "${value}" if the server repeats it`, async () => {
    const result = await call(repeating())
    assert.ok(!result.ok)
    const { error } = result
    assert.equal(error.status, 400)
    for (const text of [
      error.message,
      error.code,
      error.description ?? '',
      inspect(error),
      JSON.stringify(error),
    ])
      assert.ok(!text.includes(value), text)
    assert.match(error.description ?? '', /^got .*\[redacted\]/)
    assert.match(error.response?.body ?? '', /got /)
  })

test('server texts: an error does not contain the secret that a client sent in the form', async () => {
  const result = await clientCredentials(repeating(clientSecretPost(secret)))
  assert.ok(!result.ok)
  assert.ok(!inspect(result.error).includes(secret))
})

for (const [form, encode] of [
  ['percent-encoded', encodeURIComponent],
  [
    'percent-encoded in lower case',
    (text: string) => encodeURIComponent(text).replace(/%../g, hex => hex.toLowerCase()),
  ],
  ['form-encoded', (text: string) => `${new URLSearchParams({ text })}`.slice(5)],
  ['with each byte encoded', (text: string) => Buffer.from(text).toString('hex').replace(/../g, '%$&')],
  ['with one character encoded', (text: string) => text.replace('c', '%63')],
] as const)
  test(`server texts: an error does not contain a secret that the server repeats ${form}`, async () => {
    const hidden = 's3crét + value/%&ü'
    const client = clientOf(
      () => ({
        error: 'invalid_grant',
        error_description: `für: code=${encode(hidden)}&x=${encode(hidden)}; 100 % €`,
      }),
      clientSecretPost(hidden),
    )
    const result = await clientCredentials(client)
    assert.ok(!result.ok)
    assert.equal(result.error.description, 'für: code=[redacted]&x=[redacted]; 100 % €')
    assert.ok(!inspect(result.error).includes(encode(hidden)))
  })

test('server texts: a challenge of userinfo does not repeat the token', async () => {
  const client = clientOf(
    () => ({}),
    undefined,
    received => ({
      'www-authenticate': `Bearer error="invalid_token", error_description="no ${received.trim()}"`,
    }),
  )
  const result = await fetchUserinfo(client, 'access-token-1', null)
  assert.ok(!result.ok)
  assert.equal(result.error.message, 'invalid_token: no [redacted]')
})

test('server texts: a code of the specification remains, even if a password is part of it', async () => {
  const client = clientOf(() => ({ error: 'invalid_grant' }))
  const result = await password(client, { username: 'bob', password: 'invalid_grant' })
  assert.ok(!result.ok)
  assert.equal(result.error.code, 'invalid_grant')
})

test('server texts: an error contains no control characters, and a limited part of a long text', async () => {
  const text = `wrong\r\n2030-01-01 paid \u001b[2J\u202e\u2028${'x'.repeat(100_000)}`
  const result = await clientCredentials(clientOf(() => ({ error: text, error_description: text })))
  assert.ok(!result.ok)
  const { message, code, description = '' } = result.error
  for (const one of [message, code, description]) {
    assert.match(one, /^wrong\?\?2030-01-01 paid \?\[2J\?\?x+/)
    assert.ok(one.length <= 1000)
  }
})

test('server texts: a description in another language is kept', async () => {
  const result = await clientCredentials(
    clientOf(() => ({ error: 'invalid_grant', error_description: 'Ungültig – 無効' })),
  )
  assert.ok(!result.ok)
  assert.equal(result.error.description, 'Ungültig – 無効')
})

for (const [uri, expected] of [
  ['https://as.example/errors/7', 'https://as.example/errors/7'],
  ['javascript:alert(1)', undefined],
  ['data:text/html,hello', undefined],
] as const)
  test(`server texts: error_uri ${uri} is ${expected ? 'kept' : 'ignored'}`, async () => {
    const result = await clientCredentials(clientOf(() => ({ error: 'invalid_grant', error_uri: uri })))
    assert.ok(!result.ok)
    assert.equal(result.error.uri, expected)
  })
