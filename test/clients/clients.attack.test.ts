import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUsers } from '../../packages/server/src/identity/users.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { one } from '../support/certificates.ts'
import { assertRefused } from '../support/refused.ts'
import { openStores } from '../support/storage.ts'
import { type Answer, basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const machine = (changes: object = {}) => ({
  client_id: 'machine',
  client_secrets: [{ value: secret }],
  grant_types: ['client_credentials'],
  scope: 'api1',
  ...changes,
})

const ask = (server: TestServer, form: Record<string, string>, options: object = {}): Promise<Answer> =>
  server.token({ grant_type: 'client_credentials', ...form }, options)

const names = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  '',
  ' ',
  'client\n',
  'CLIENT',
  'client ',
  ' client',
  'client\u200B',
  'cli\u0435nt',
  '*',
  '%',
  "' or 1=1 --",
  'client" or ""="',
  '../client',
  'client#',
  'x'.repeat(100),
  'x'.repeat(101),
]

for (const name of names) {
  test(`attack: ${JSON.stringify(name.slice(0, 20))} (${name.length}) is not accepted as a client, in Basic or in the body`, async () => {
    const server = await createTestServer(world)
    const answers = [
      await ask(server, { client_id: name, client_secret: secret }),
      await ask(server, {}, { headers: basic(name, secret) }),
      await ask(server, { client_id: name }),
      await ask(server, { client_id: 'client', client_secret: name }),
    ]
    for (const { status, json, headers, reason } of answers) {
      assert.equal(status, 401)
      assert.match(String(headers['www-authenticate']), /^Basic /)
      assertRefused({ json, reason }, 'invalid_client', [
        'client_unknown',
        'client_secret_wrong',
        'client_id_missing',
        'basic_malformed',
        'client_secret_missing',
        'parameter_too_long',
      ])
      if (name.length > 10) assert.ok(!JSON.stringify(json).includes(name))
    }
  })
}

test('attack: responses do not distinguish an unknown client, a disabled client and a wrong secret', async () => {
  const server = await createTestServer(withClients({ client_id: 'web', enabled: false } as never))
  const answers = await Promise.all([
    ask(server, { client_id: 'nobody', client_secret: 'wrong' }),
    ask(server, { client_id: 'web', client_secret: 'wrong' }),
    ask(server, { client_id: 'web', client_secret: secret }),
    ask(server, { client_id: 'client', client_secret: 'wrong' }),
    ask(server, { client_id: 'client' }),
    ask(server, { client_id: 'device', client_secret: 'wrong' }),
    ask(server, {}, { headers: basic('nobody', 'wrong') }),
    ask(server, {}, { headers: basic('client', 'wrong') }),
  ])
  const told = answers.map(({ status, headers: { 'x-request-id': _, ...headers }, body }) => ({
    ...{ status, headers, body },
  }))
  for (const one of told) assert.deepEqual(one, { ...told[0], status: 401 })
})

test('attack: a disabled client is refused at every endpoint that authenticates clients', async () => {
  const server = await createTestServer(
    withClients(
      { client_id: 'web', enabled: false } as never,
      { client_id: 'device', enabled: false } as never,
      { client_id: 'roclient', enabled: false } as never,
    ),
  )
  const credentials = { client_id: 'web', client_secret: secret }
  for (const path of [
    '/connect/token',
    '/connect/introspect',
    '/connect/revocation',
    '/connect/deviceauthorization',
  ])
    assertRefused(
      await server.send('POST', path, { form: { ...credentials, token: 'x', grant_type: 'refresh_token' } }),
      'invalid_client',
      'client_disabled',
      path,
    )
  const device = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'device' } })
  assertRefused(device, 'invalid_client', 'client_disabled')
  const authorize = await server.send(
    'GET',
    '/connect/authorize?client_id=web&response_type=code&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid',
  )
  assert.equal(authorize.status, 400)
})

test('attack: a page of a disabled client can’t read responses across origins', async () => {
  const origin = 'https://spa.example'
  const preflight = async (enabled: boolean) => {
    const server = await createTestServer(
      withClients({ client_id: 'web', enabled, allowed_cors_origins: [origin] } as never),
    )
    return server.send('OPTIONS', '/connect/token', {
      headers: { origin, 'access-control-request-method': 'POST' },
    })
  }
  assert.equal((await preflight(true)).headers['access-control-allow-origin'], origin)
  assert.equal((await preflight(false)).headers['access-control-allow-origin'], undefined)
})

test('attack: tokens of a client are refused when it is disabled', async () => {
  const before = await createTestServer(world)
  const { json } = await before.token(
    { grant_type: 'password', username: 'bob', password: 'bob', scope: 'openid api1' },
    { client: ['roclient', secret] },
  )
  const after = await createTestServer(withClients({ client_id: 'roclient', enabled: false } as never), {
    stores: before.stores,
  })
  const told = await after.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${json.access_token}` },
  })
  assert.equal(told.json.error, 'invalid_token')
})

for (const [what, form, headers, reason] of [
  [
    'Basic and body',
    { client_id: 'client', client_secret: secret },
    basic('client', secret),
    'several_client_credentials',
  ],
  ['Basic and another client’s id', { client_id: 'web' }, basic('client', secret), 'client_id_mismatch'],
  [
    'Basic and an assertion',
    { client_assertion: 'x.y.z', client_assertion_type: 'x' },
    basic('client', secret),
    'several_client_credentials',
  ],
  [
    'a secret and an assertion',
    { client_id: 'client', client_secret: secret, client_assertion: 'x', client_assertion_type: 'x' },
    {},
    'several_client_credentials',
  ],
] as const) {
  test(`attack: ${what} in one request is refused, even if each alone is correct`, async () => {
    const server = await createTestServer(world)
    const answer = await ask(server, form, { headers })
    assert.equal(answer.status, 400)
    assertRefused(answer, 'invalid_request', reason)
  })
}

test('attack: a certificate of a client that is not registered for it does not authenticate', async () => {
  const server = await createTestServer({
    ...world,
    mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
  })
  for (const client_id of ['client', 'roclient', 'web'])
    assertRefused(
      await ask(server, { client_id }, { certificate: one }),
      'invalid_client',
      'client_secret_missing',
    )
})

test('attack: a public client gets nothing that requires authentication', async () => {
  const server = await createTestServer(world)
  for (const [path, expected] of [
    ['/connect/introspect', 'invalid_client'],
    ['/connect/token', 'unauthorized_client'],
  ] as const) {
    const { json } = await server.send('POST', path, {
      form: { client_id: 'device', token: 'x', grant_type: 'client_credentials' },
    })
    assert.equal(json.error, expected)
  }
})

const malformed = [
  'Basic',
  'Basic ',
  'Basic =',
  'Basic ====',
  'Basic !!!!',
  'Basic Y2xpZW50',
  `Basic ${Buffer.from('client').toString('base64')}`,
  `Basic ${Buffer.from(':secret').toString('base64')}`,
  `Basic ${Buffer.from('client:sec%ZZret').toString('base64')}`,
  `Basic ${Buffer.from('client:%00secret').toString('base64')}`,
  `Basic ${Buffer.from('client:secret\0').toString('base64')}`,
  `Basic ${Buffer.from([0xff, 0xfe, 0x3a, 0xff]).toString('base64')}`,
  `Basic ${Buffer.from('client:secret').toString('base64')}, Basic ${Buffer.from('client:secret').toString('base64')}`,
  `Basic ${Buffer.from('client:secret').toString('base64').replaceAll('=', '')}!`,
  `Basic ${'A'.repeat(8000)}`,
  'Digest username="client"',
  'Bearer eyJ.eyJ.x',
  'Negotiate YII=',
  '\t',
  ',',
]

for (const authorization of malformed) {
  test(`attack: ${JSON.stringify(authorization.slice(0, 40))} in the header does not authenticate`, async () => {
    const server = await createTestServer(world)
    const { status, json, reason } = await ask(server, {}, { headers: { authorization } })
    assert.equal(status, 401)
    assertRefused({ json, reason }, 'invalid_client', [
      'basic_malformed',
      'client_id_missing',
      'client_secret_wrong',
    ])
  })
}

test('attack: an unknown name costs one argon2id verification, like a known one', async () => {
  const encoded = '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b6dWRWJTmaaJObG'
  const costs: string[] = []
  const users = createUsers(
    [
      { sub: '1', username: 'plain', active: true, claims: {}, password: { kind: 'plain', value: 'x' } },
      { sub: '2', username: 'argon', active: true, claims: {}, password: { kind: 'hash', encoded } },
      { sub: '3', username: 'none', active: true, claims: {} },
    ],
    {
      stores: await openStores(),
      random: { bytes: count => new Uint8Array(count) },
      isDisabled: () => false,
      upgradePassword: { stored: async () => {}, outside: async () => {} },
      log: silentLog,
      verifyPasswordHash: async text => costs.push(text.split('$')[3] ?? '') > 0,
    },
  )
  const found = await Promise.all(
    ['argon', 'nobody', 'plain', 'none'].map(name =>
      users.checkPassword(name, 'wrong', undefined, '192.0.2.1'),
    ),
  )
  assert.deepEqual(costs, Array(4).fill('m=65536,t=3,p=4'))
  // Every verification succeeded: only the user with this password may be signed in.
  assert.deepEqual(
    found.map(user => user?.sub),
    ['2', undefined, undefined, undefined],
  )
})

test('attack: a password of several Unicode forms costs at most three verifications, known name or not', async () => {
  const encoded = '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b6dWRWJTmaaJObG'
  let costs = 0
  const users = createUsers(
    [{ sub: '2', username: 'argon', active: true, claims: {}, password: { kind: 'hash', encoded } }],
    {
      ...{
        stores: await openStores(),
        isDisabled: () => false,
        random: { bytes: count => new Uint8Array(count) },
      },
      upgradePassword: { stored: async () => {}, outside: async () => {} },
      log: silentLog,
      verifyPasswordHash: async () => ++costs < 0,
    },
  )
  // A ligature that NFKC alone dissolves, and an accent that both NFC and NFKC compose.
  for (const [password, expected] of [
    ['plain', 1],
    ['e\u0301', 2],
    ['\ufb01', 2],
    ['\ufb01e\u0301', 3],
  ] as const)
    for (const name of ['argon', 'nobody']) {
      costs = 0
      await users.checkPassword(name, password, undefined, '192.0.2.1')
      assert.equal(costs, expected, `${name} ${password}`)
    }
})

test('attack: all failures of a name and password get the same response', async () => {
  const { hash } = await import('@node-rs/argon2')
  const encoded = await hash('pass', { memoryCost: 1024, timeCost: 1, parallelism: 1 })
  const server = await createTestServer({
    ...withClients(machine() as never),
    users: [...world.users, { sub: 'a', username: 'argon', password_argon2id: encoded, claims: {} }],
  })
  const signIn = (username: string, password: string) =>
    server.token(
      { grant_type: 'password', username, password, scope: 'api1' },
      { client: ['roclient', secret] },
    )
  assert.equal((await signIn('argon', 'pass')).status, 200)
  const refusals = await Promise.all([
    signIn('argon', 'wrong'),
    signIn('nobody', 'pass'),
    signIn('bob', 'wrong'),
    signIn('nopass', 'pass'),
    signIn('carol', 'carol'),
    signIn('ina', 'ina'),
    signIn('__proto__', 'x'),
    signIn('["null","bob"]', 'bob'),
    signIn('bob\0', 'bob'),
  ])
  for (const { status, body } of refusals.slice(0, -1)) {
    assert.equal(status, 400)
    assert.equal(body, refusals[0]!.body)
  }
  assert.equal((await signIn('bob', 'bob')).status, 200)
})

const guess = (server: TestServer, username: string, password: string) =>
  server.token(
    { grant_type: 'password', username, password, scope: 'api1' },
    { client: ['roclient', secret] },
  )

test('attack: after a hundred guesses of a password, concurrent or not, the name must wait, known or unknown', async () => {
  for (const username of ['bob', 'nobody']) {
    const server = await createTestServer(world)
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, n) => guess(server, username, `wrong ${n}`)),
    )
    assert.equal(answers.filter(({ status }) => status === 400).length, 100)
    const waiting = await guess(server, username, username)
    assert.equal(waiting.status, 429)
    assertRefused(waiting, 'invalid_grant', 'password_guessed_too_often')
    assert.equal(Number(waiting.headers['retry-after']), 600)
    server.clock.advance(600)
    assert.equal((await guess(server, username, username)).status, username === 'bob' ? 200 : 400)
  }
})

test('attack: guessing one name does not lock out other users, and a correct password is never counted', async () => {
  const server = await createTestServer(world)
  for (let count = 0; count < 150; count++) assert.equal((await guess(server, 'bob', 'bob')).status, 200)
  for (let count = 0; count < 100; count++) await guess(server, 'nobody', 'x')
  assert.equal((await guess(server, 'bob', 'bob')).status, 200)
})

test('attack: a network must wait after a thousand guesses, each for another name', async () => {
  const server = await createTestServer(world, { earlierAttempts: { most: 1000, left: 10 } })
  for (let count = 0; count < 10; count++)
    assert.equal((await guess(server, `name-${count}`, 'x')).status, 400)
  assert.equal((await guess(server, 'bob', 'bob')).status, 429)
})
