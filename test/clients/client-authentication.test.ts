import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { hash as argon2id } from '@node-rs/argon2'
import { thumbprintOf } from '../../packages/server/src/model/jose.ts'
import { createArgon2id } from '../../packages/server/src/runtime/argon2id.ts'
import { awkward, jwkOfOne, one, two } from '../support/certificates.ts'
import { assertRefused } from '../support/refused.ts'
import {
  type Answer,
  basic,
  claimsOf,
  createTestServer,
  type SendOptions,
  startOfTime,
  type TestServer,
} from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const form = { grant_type: 'client_credentials', scope: 'api1' }
const header = (authorization: string): SendOptions => ({ headers: { authorization } })
const base64 = (text: string): string => Buffer.from(text).toString('base64')

const machine = (changes: object) => ({
  client_id: 'machine',
  grant_types: ['client_credentials'],
  scope: 'api1',
  ...changes,
})

const assertNotAuthenticated = (answer: Answer, reason: string): void => {
  assert.equal(answer.status, 401)
  assertRefused(answer, 'invalid_client', reason)
  assert.equal(answer.json.error_description, 'client authentication failed')
  assert.match(String(answer.headers['www-authenticate']), /^Basic /)
  assert.match(String(answer.headers['cache-control']), /no-store/)
}

for (const [what, options, body] of [
  ['Basic [client-auth-001]', header(`Basic ${base64(`client:${secret}`)}`), {}],
  ['Basic in lower case [client-auth-003]', header(`basic ${base64(`client:${secret}`)}`), {}],
  ['the body [client-auth-012]', {}, { client_id: 'client', client_secret: secret }],
  [
    'the body with a Bearer header [client-auth-011]',
    header('Bearer xyz'),
    { client_id: 'client', client_secret: secret },
  ],
  [
    'Basic with the same client_id in the body',
    header(`Basic ${base64(`client:${secret}`)}`),
    { client_id: 'client' },
  ],
  [
    'Basic with empty parameters in the body',
    header(`Basic ${base64(`client:${secret}`)}`),
    { client_secret: '', client_assertion: '' },
  ],
] as const) {
  test(`client authentication: a secret in ${what} is accepted`, async () => {
    const server = await createTestServer(world)
    const { status } = await server.token({ ...form, ...body }, options)
    assert.equal(status, 200)
  })
}

test('client authentication: both halves of Basic are form-encoded [RFC 6749 §2.3.1] [client-auth-002]', async () => {
  const server = await createTestServer(
    withClients(machine({ client_id: 'my client', client_secrets: [{ value: 'a:b c+d%' }] })),
  )
  const encoded = base64('my+client:a%3Ab+c%2Bd%25')
  assert.equal((await server.token(form, header(`Basic ${encoded}`))).status, 200)
  assert.equal((await server.token(form, { headers: basic('my client', 'a:b c+d%') })).status, 200)
})

for (const [what, authorization, reason] of [
  ['empty [client-auth-004]', 'Basic ', 'basic_malformed'],
  ['a bare scheme', 'Basic', 'basic_malformed'],
  ['not base64 [client-auth-005]', 'Basic §not-base64', 'basic_malformed'],
  ['base64 without padding', `Basic ${base64('client:secret!').replace(/=+$/, '')}`, 'basic_malformed'],
  ['without a colon', `Basic ${base64('client')}`, 'basic_malformed'],
  ['without an id', `Basic ${base64(`:${secret}`)}`, 'basic_malformed'],
  ['not UTF-8', `Basic ${Buffer.from([0xff, 0x3a, 0x41]).toString('base64')}`, 'basic_malformed'],
  ['half percent-encoded', `Basic ${base64('client:%4')}`, 'client_secret_wrong'],
  [
    'an id of 101 characters [client-auth-007]',
    `Basic ${base64(`${'x'.repeat(101)}:secret`)}`,
    'basic_malformed',
  ],
  ['a secret of 513 characters', `Basic ${base64(`client:${'x'.repeat(513)}`)}`, 'basic_malformed'],
  [
    'longer than any [client-auth-009]',
    `Basic ${base64(`client:${'%E2%82%AC'.repeat(400)}`)}`,
    'basic_malformed',
  ],
  [
    'sent twice',
    `Basic ${base64(`client:${secret}`)}, Basic ${base64(`client:${secret}`)}`,
    'basic_malformed',
  ],
  ['of an unknown client', `Basic ${base64('nobody:secret')}`, 'client_unknown'],
  ['of a wrong secret', `Basic ${base64('client:wrong')}`, 'client_secret_wrong'],
  ['an empty secret of a confidential client', `Basic ${base64('client:')}`, 'client_secret_missing'],
  ['of another scheme', 'Negotiate xyz', 'client_id_missing'],
] as const) {
  test(`client authentication: a header that is ${what} is invalid_client, the same for every cause`, async () => {
    const server = await createTestServer(world)
    assertNotAuthenticated(await server.token(form, header(authorization)), reason)
  })
}

for (const [what, body, reason] of [
  ['a secret without an id [client-auth-013]', { client_secret: secret }, 'client_id_missing'],
  ['nothing', {}, 'client_id_missing'],
  [
    'only the id of a confidential client [client-auth-014]',
    { client_id: 'client' },
    'client_secret_missing',
  ],
  ['a wrong secret', { client_id: 'client', client_secret: 'wrong' }, 'client_secret_wrong'],
  ['an unknown client', { client_id: 'nobody', client_secret: secret }, 'client_unknown'],
  [
    'a secret of a public client',
    { client_id: 'device', client_secret: secret },
    'public_client_sent_credential',
  ],
] as const) {
  test(`client authentication: a body with ${what} is invalid_client`, async () => {
    const server = await createTestServer(world)
    assertNotAuthenticated(await server.token({ ...form, ...body }), reason)
  })
}

for (const [what, body] of [
  ['id of 101 characters [client-auth-016]', { client_id: 'x'.repeat(101) }],
  ['secret of 513 characters', { client_id: 'client', client_secret: 'x'.repeat(513) }],
] as const) {
  test(`client authentication: a body with an ${what} is invalid_client`, async () => {
    const server = await createTestServer(world)
    const { status, json, reason } = await server.token({ ...form, ...body })
    assert.equal(status, 401)
    assertRefused({ json, reason }, 'invalid_client', 'parameter_too_long')
  })
}

test('client authentication: a public client is identified by its id, in the body or as Basic user [client-auth-010] [client-auth-015]', async () => {
  const server = await createTestServer(world)
  const device = 'urn:ietf:params:oauth:grant-type:device_code'
  for (const [body, options] of [
    [{ client_id: 'device' }, {}],
    [{}, header(`Basic ${base64('device:')}`)],
    [{ client_id: 'device' }, header(`Basic ${base64('device:')}`)],
  ] as const) {
    const { status, json, reason } = await server.token(
      { grant_type: device, device_code: 'td_x', ...body },
      options,
    )
    assert.equal(status, 400)
    assertRefused({ json, reason }, 'invalid_grant', 'device_code_unknown')
  }
})

for (const [what, authorization, body, reason] of [
  [
    'Basic and a secret in the body',
    `client:${secret}`,
    { client_id: 'client', client_secret: secret },
    'several_client_credentials',
  ],
  [
    'Basic without a secret and a secret in the body',
    'client:',
    { client_id: 'client', client_secret: secret },
    'several_client_credentials',
  ],
  [
    'Basic and an assertion',
    `client:${secret}`,
    { client_assertion: 'x', client_assertion_type: 'y' },
    'several_client_credentials',
  ],
  [
    'a secret and an assertion',
    undefined,
    { client_id: 'client', client_secret: secret, client_assertion: 'x' },
    'several_client_credentials',
  ],
  ['Basic and another client_id', `client:${secret}`, { client_id: 'web' }, 'client_id_mismatch'],
  [
    'an assertion without its type',
    undefined,
    { client_id: 'client', client_assertion: 'x' },
    'client_assertion_incomplete',
  ],
] as const) {
  test(`client authentication: ${what} in one request is invalid_request [RFC 6749 §2.3]`, async () => {
    const server = await createTestServer(world)
    const options = authorization === undefined ? {} : header(`Basic ${base64(authorization)}`)
    const answer = await server.token({ ...form, ...body }, options)
    assert.equal(answer.status, 400)
    assertRefused(answer, 'invalid_request', reason)
  })
}

test('compatibility identityserver4: with Basic and body credentials, the first actual secret counts [client-auth-018] [client-auth-019]', async () => {
  const server = await createTestServer({ ...world, compatibility: 'identityserver4' })
  const good = { client_id: 'client', client_secret: secret }
  const send = (authorization: string, body: object) =>
    server.token({ ...form, ...body }, header(authorization))
  const right = `Basic ${base64(`client:${secret}`)}`
  assert.equal((await send(right, good)).status, 200)
  assert.equal((await send(right, { client_id: 'web', client_secret: 'wrong' })).status, 200)
  assert.equal((await send(`Basic ${base64('client:')}`, good)).status, 200)
  assert.equal((await send('Basic ', good)).status, 200)
  const wrongFirst = await send(`Basic ${base64('client:wrong')}`, good)
  assert.equal(wrongFirst.status, 400)
  assertRefused(wrongFirst, 'invalid_client', 'client_secret_wrong')
})

test('client authentication: a client must use its registered method; without one, Basic and body are accepted', async () => {
  const server = await createTestServer(
    withClients(
      machine({
        client_id: 'by-basic',
        client_secrets: [{ value: secret }],
        token_endpoint_auth_method: 'client_secret_basic',
      }),
      machine({
        client_id: 'by-post',
        client_secrets: [{ value: secret }],
        token_endpoint_auth_method: 'client_secret_post',
      }),
    ),
  )
  const byBasic = (id: string) => server.token(form, { client: [id, secret] })
  const byPost = (id: string) => server.token({ ...form, client_id: id, client_secret: secret })
  assert.equal((await byBasic('by-basic')).status, 200)
  assert.equal((await byPost('by-post')).status, 200)
  assertNotAuthenticated(await byPost('by-basic'), 'client_authentication_method_not_registered')
  assertNotAuthenticated(await byBasic('by-post'), 'client_authentication_method_not_registered')
})

test('client authentication: any unexpired secret is accepted; one with an expiry is accepted until then [client-auth-023]', async () => {
  const end = new Date((startOfTime + 100) * 1000).toISOString()
  const server = await createTestServer(
    withClients(machine({ client_secrets: [{ value: 'old', expires_at: end }, { value: 'new' }] })),
  )
  const send = (value: string) => server.token(form, { client: ['machine', value] })
  server.clock.advance(99)
  assert.equal((await send('old')).status, 200)
  assert.equal((await send('new')).status, 200)
  server.clock.advance(1)
  assertNotAuthenticated(await send('old'), 'client_secret_expired')
  assert.equal((await send('new')).status, 200)
})

test('client authentication: a secret stored as SHA-256 or argon2id is accepted [client-auth-024]', async () => {
  const cheap = { memoryCost: 1024, timeCost: 1, parallelism: 1 }
  const server = await createTestServer(
    withClients(
      machine({
        client_secrets: [
          { sha256: hash('sha256', 'hashed', 'base64') },
          { argon2id: await argon2id('slow', cheap) },
          { argon2id: await argon2id('slow and old', cheap), expires_at: '2020-01-01T00:00:00Z' },
        ],
      }),
    ),
  )
  const send = (value: string) => server.token(form, { client: ['machine', value] })
  assert.equal((await send('hashed')).status, 200)
  assert.equal((await send('slow')).status, 200)
  assertNotAuthenticated(await send('wrong'), 'client_secret_wrong')
  assertNotAuthenticated(await send('slow and old'), 'client_secret_wrong')
})

/** SHA-512 of "abc": the first example of FIPS 180-4 in the test vectors of NIST. */
const sha512OfAbc =
  'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f'

test('client authentication: a secret can be configured as SHA-512 in hexadecimal or base64, and expires', async () => {
  const bytes = Buffer.from(sha512OfAbc, 'hex')
  for (const sha512 of [sha512OfAbc, bytes.toString('base64'), bytes.toString('base64url')]) {
    const server = await createTestServer(
      withClients(
        machine({
          client_secrets: [
            { sha512 },
            { value: 'another' },
            { sha512: hash('sha512', 'old', 'base64'), expires_at: '2020-01-01T00:00:00Z' },
          ],
        }),
      ),
    )
    const send = (value: string) => server.token(form, { client: ['machine', value] })
    assert.equal((await send('abc')).status, 200)
    assert.equal((await send('another')).status, 200)
    for (const wrong of ['abd', '', sha512]) assert.notEqual((await send(wrong || 'x')).status, 200)
    assertNotAuthenticated(await send('abd'), 'client_secret_wrong')
    assertNotAuthenticated(await send('old'), 'client_secret_expired')
  }
})

test('client authentication: what is not a SHA-512 hash is refused when the configuration is read', async () => {
  for (const sha512 of [
    'short',
    sha512OfAbc.slice(1),
    sha512OfAbc.slice(0, 64),
    hash('sha256', 'x', 'base64'),
  ])
    await assert.rejects(createTestServer(withClients(machine({ client_secrets: [{ sha512 }] }))), /SHA-512/)
})

test('client authentication: too many concurrent argon2id verifications return 503, and the queue drains', async () => {
  const cheap = { memoryCost: 1024, timeCost: 1, parallelism: 1 }
  const encoded = await argon2id('slow', cheap)
  const { verify } = createArgon2id({ concurrent: 1, waiting: 1 })
  const outcomes = await Promise.allSettled([
    verify(encoded, 'slow', '192.0.2.1'),
    verify(encoded, 'no', '192.0.2.1'),
    verify(encoded, 'slow', '192.0.2.1'),
  ])
  assert.deepEqual(
    outcomes.map(outcome => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.name)),
    [true, false, 'StoreUnavailable'],
  )
  assert.equal(await verify(encoded, 'slow', '192.0.2.1'), true)

  const server = await createTestServer(withClients(machine({ client_secrets: [{ argon2id: encoded }] })))
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => server.token(form, { client: ['machine', 'slow'] })),
  )
  const busy = answers.find(({ status }) => status === 503)
  assert.equal(busy?.json.error, 'temporarily_unavailable')
  assert.equal(busy?.headers['retry-after'], '1')
  assert.ok(answers.every(({ status }) => status === 200 || status === 503))
  assert.ok(answers.some(({ status }) => status === 200))
})

test('client authentication: a disabled client gets the same response as an unknown one [client-auth-028]', async () => {
  const server = await createTestServer(
    withClients(machine({ client_secrets: [{ value: secret }], enabled: false })),
  )
  const disabled = await server.token(form, { client: ['machine', secret] })
  assertNotAuthenticated(disabled, 'client_disabled')
  assert.equal(disabled.body, (await server.token(form, { client: ['nobody', secret] })).body)
})

test('client authentication: a confidential client without a secret is a configuration error [client-auth-026] [client-auth-027]', async () => {
  await assert.rejects(createTestServer(withClients(machine({}))), /client_secrets/)
  await assert.rejects(
    createTestServer(withClients(machine({ client_secrets: [{ sha256: 'short' }, { value: secret }] }))),
    /not a SHA-256 hash/,
  )
})

const mtls = { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] }
const withTls = (client: object) => ({ ...withClients(machine(client)), mtls })
const byTls = (server: TestServer, certificate?: string, more: object = {}) =>
  server.token({ ...form, client_id: 'machine', ...more }, certificate === undefined ? {} : { certificate })

test('self_signed_tls_client_auth: a registered certificate is accepted and the token is bound to it [RFC 8705 §2.2, §3] [client-auth-054]', async () => {
  const server = await createTestServer(
    withTls({
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [{ ...jwkOfOne, x5c: [one] }] },
    }),
  )
  const { status, json } = await byTls(server, one)
  assert.equal(status, 200)
  assert.deepEqual(claimsOf(json.access_token).cnf, { 'x5t#S256': thumbprintOf(one) })
})

test('self_signed_tls_client_auth: a certificate registered by thumbprint alone is accepted', async () => {
  const server = await createTestServer(
    withTls({
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [{ ...jwkOfOne, 'x5t#S256': thumbprintOf(one) }] },
    }),
  )
  assert.equal((await byTls(server, one)).status, 200)
  assertNotAuthenticated(await byTls(server, two), 'client_certificate_not_registered')
})

test('self_signed_tls_client_auth: another certificate, none, or a secret instead is invalid_client [client-auth-055]', async () => {
  const server = await createTestServer(
    withTls({
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [{ ...jwkOfOne, x5c: [one], 'x5t#S256': thumbprintOf(one) }] },
    }),
  )
  assertNotAuthenticated(await byTls(server, two), 'client_certificate_not_registered')
  assertNotAuthenticated(await byTls(server), 'client_certificate_missing')
  const reason = 'client_authentication_method_not_registered'
  assertNotAuthenticated(await byTls(server, one, { client_secret: secret }), reason)
  const ignored = await server.token(form, { client: ['client', secret], certificate: one })
  assert.equal(ignored.status, 200)
  assert.equal(claimsOf(ignored.json.access_token).cnf, undefined)
})

const restOfOne = 'OU=Payments,O=Example\\, Inc.,C=SE'
const hexadecimal = Buffer.from('one.example').toString('hex')

for (const [what, name, certificate] of [
  ['as RFC 4514 writes it [client-auth-056]', 'CN=one.example,OU=Payments,O=Example\\, Inc.,C=SE', one],
  [
    'with spaces, object identifiers and other case',
    'cn = ONE.example, 2.5.4.11=payments, O=Example\\2C  Inc., c=se',
    one,
  ],
  ['with a value in hexadecimal', `CN=#0C0B${hexadecimal},${restOfOne}`, one],
  ['with a PrintableString in hexadecimal', `CN=#130B${hexadecimal},${restOfOne}`, one],
  ['with an IA5String in hexadecimal', `CN=#160B${hexadecimal},${restOfOne}`, one],
  [
    'with awkward characters',
    'E=ops@example.com,UID=u1+CN=multi,O=Ex\\C3\\A4mple \\"A\\" \\+ B\\; \\<C\\>,DC=example',
    awkward,
  ],
] as const) {
  test(`tls_client_auth: the subject ${what} matches its certificate [RFC 8705 §2.1.2]`, async () => {
    const server = await createTestServer(
      withTls({ token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: name }),
    )
    const { status, json } = await byTls(server, certificate)
    assert.equal(status, 200)
    assert.deepEqual(claimsOf(json.access_token).cnf, { 'x5t#S256': thumbprintOf(certificate) })
  })
}

for (const [what, name, certificate, reason] of [
  [
    'another subject [client-auth-057]',
    'CN=one.example,OU=Payments,O=Example\\, Inc.,C=SE',
    two,
    'client_certificate_of_another_subject',
  ],
  [
    'the names in reverse order',
    'C=SE,O=Example\\, Inc.,OU=Payments,CN=one.example',
    one,
    'client_certificate_of_another_subject',
  ],
  ['a part of the subject', 'CN=one.example', one, 'client_certificate_of_another_subject'],
  ['a name that can’t be read', 'one.example', one, 'client_certificate_of_another_subject'],
  ...[
    ['a hexadecimal value shorter than its length says', `CN=#0C0C${hexadecimal}`],
    ['a hexadecimal value longer than its length says', `CN=#0C0A${hexadecimal}`],
    ['a hexadecimal value that is not text', `CN=#040B${hexadecimal}`],
    ['half a byte in hexadecimal', `CN=#0C0B${hexadecimal}0`],
    ['a quotation mark that is not escaped', 'CN="one.example'],
  ].map(
    ([what, name]) => [what, `${name},${restOfOne}`, one, 'client_certificate_of_another_subject'] as const,
  ),
  ['no certificate', 'CN=one.example', undefined, 'client_certificate_missing'],
  ['an invalid certificate', 'CN=one.example', base64('nonsense'), 'client_certificate_malformed'],
] as const) {
  test(`tls_client_auth: ${what} is invalid_client`, async () => {
    const server = await createTestServer(
      withTls({ token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: name }),
    )
    assertNotAuthenticated(await byTls(server, certificate), reason)
  })
}
