/** Basic with and without form-encoding (RFC 6749 §2.3.1): most clients in Python and JavaScript, and curl, omit it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hash as argon2id } from '@node-rs/argon2'
import { assertRefused } from '../support/refused.ts'
import { createTestServer, type SendOptions, type TestServer } from '../support/tessera.ts'
import { withClients, world } from '../support/world.ts'

const form = { grant_type: 'client_credentials', scope: 'api1' }
const raw = (id: string, secret: string | Uint8Array): SendOptions => ({
  headers: {
    authorization: `Basic ${Buffer.concat([Buffer.from(`${id}:`), Buffer.from(secret)]).toString('base64')}`,
  },
})
const machine = (client_id: string, ...secrets: readonly object[]) => ({
  client_id,
  client_secrets: secrets,
  grant_types: ['client_credentials', 'urn:ietf:params:oauth:grant-type:device_code', 'authorization_code'],
  redirect_uris: ['https://app.example/cb'],
  scope: 'api1',
})
const notes = ({ logged }: TestServer) =>
  logged.filter(({ event }) => event === 'basic_not_form_encoded').map(({ client_id }) => client_id)

/** Values sent as they are, and whether form-encoding would change them. */
const secrets: readonly (readonly [string, boolean])[] = [
  ['a+b/c==', true],
  ['100%', true],
  ['%', true],
  ['+', true],
  ['50%25', true],
  ['a b+c', true],
  ['%zz', true],
  ['a:b+c:d', true],
  ['pä+ß', true],
  ['%C3%A4', true],
  ['plain-secret', false],
  ['a:b', false],
]

test('client authentication: a secret in Basic is accepted with and without form-encoding [RFC 6749 §2.3.1]', async () => {
  for (const [secret, differs] of secrets) {
    const server = await createTestServer(withClients(machine('machine', { value: secret })))
    const encoded = new URLSearchParams({ '': secret }).toString().slice(1)
    assert.equal((await server.token(form, raw('machine', encoded))).status, 200, secret)
    assert.deepEqual(notes(server), [], secret)
    assert.equal((await server.token(form, raw('machine', secret))).status, 200, secret)
    assert.deepEqual(notes(server), differs ? ['machine'] : [], secret)
    for (const wrong of [`${secret}x`, `+${secret}`, `%20${secret}`])
      assertRefused(await server.token(form, raw('machine', wrong)), 'invalid_client', 'client_secret_wrong')
  }
})

test('client authentication: a client that sends Basic without form-encoding is logged once an hour', async () => {
  const server = await createTestServer(withClients(machine('machine', { value: 'a+b' })))
  const send = () => server.token(form, raw('machine', 'a+b'))
  for (let time = 0; time < 3; time++) assert.equal((await send()).status, 200)
  assert.deepEqual(notes(server), ['machine'])
  server.clock.advance(3600)
  await send()
  assert.deepEqual(notes(server), ['machine', 'machine'])
})

const mixing = withClients(
  machine('a+b', { value: 'x y' }, { value: 'r+r' }),
  machine('a b', { value: 'x+y' }, { value: 'd d' }),
)
for (const [what, id, secret, client] of [
  ['both unencoded', 'a+b', 'r+r', 'a+b'],
  ['both form-encoded', 'a+b', 'd+d', 'a b'],
  ['the encoded id and its secret', 'a%2Bb', 'r%2Br', 'a+b'],
  ['a plain id with a form-encoded secret', 'a+b', 'x+y', undefined],
  ['an encoded id with a plain secret', 'a%2Bb', 'r+r', undefined],
  ['an id that is unknown in either reading', 'c+d', 'x+y', undefined],
] as const)
  test(`client authentication: of Basic, ${what}, id and secret are read in the same way`, async () => {
    const server = await createTestServer(mixing)
    const answer = await server.token(form, raw(id, secret))
    const issued = server.logged.find(({ event }) => event === 'tokens_issued')
    assert.equal(issued?.client_id, client)
    if (client === undefined)
      assertRefused(answer, 'invalid_client', ['client_secret_wrong', 'client_unknown'])
  })

test('client authentication: an id in the body decides how Basic is read', async () => {
  const server = await createTestServer(mixing)
  const ask = (client_id: string, secret: string) => server.token({ ...form, client_id }, raw('a+b', secret))
  assert.equal((await ask('a+b', 'r+r')).status, 200)
  assert.equal((await ask('a b', 'd+d')).status, 200)
  assertRefused(await ask('a b', 'r+r'), 'invalid_client', 'client_secret_wrong')
  assertRefused(await ask('a+b', 'd+d'), 'invalid_client', 'client_secret_wrong')
  assertRefused(await ask('c', 'd+d'), 'invalid_request', 'client_id_mismatch')
})

test('client authentication: a request whose Basic has two readings counts as one failure', async () => {
  const server = await createTestServer(mixing)
  for (let time = 0; time < 99; time++)
    assertRefused(await server.token(form, raw('a+b', `w+${time}`)), 'invalid_client', 'client_secret_wrong')
  assert.equal((await server.token(form, raw('a+b', 'r+r'))).status, 200)
  const hundredth = await server.token(form, raw('a+b', 'w+w'))
  assertRefused(hundredth, 'invalid_client', ['client_secret_wrong', 'client_guessed_too_often'])
  // Each client that a guess may have targeted has no guesses left, including the one with the other spelling of
  // the id.
  for (const [id, secret] of [
    ['a+b', 'r+r'],
    ['a%2Bb', 'r%2Br'],
    ['a%20b', 'd%20d'],
  ] as const) {
    const refused = await server.token(form, raw(id, secret))
    assert.equal(refused.status, 429)
    assertRefused(refused, 'invalid_client', 'client_guessed_too_often')
  }
})

test('client authentication: argon2id secrets in Basic without form-encoding are accepted and cached', async () => {
  const encoded = await argon2id('s+1%', { memoryCost: 1024, timeCost: 1, parallelism: 1 })
  const other = await argon2id('other', { memoryCost: 1024, timeCost: 1, parallelism: 1 })
  const server = await createTestServer(
    withClients(machine('machine', { argon2id: other }, { argon2id: encoded })),
  )
  for (let time = 0; time < 3; time++) {
    assert.equal((await server.token(form, raw('machine', 's+1%'))).status, 200)
    assert.equal((await server.token(form, raw('machine', 's%2B1%25'))).status, 200)
  }
  assertRefused(await server.token(form, raw('machine', 's 1%')), 'invalid_client', 'client_secret_wrong')
})

test('client authentication: an argon2id secret with two readings takes one place in the queue', async () => {
  const { createArgon2id } = await import('../../packages/server/src/runtime/argon2id.ts')
  const encoded = await argon2id('a b', { memoryCost: 1024, timeCost: 1, parallelism: 1 })
  const { match } = createArgon2id({ concurrent: 1, waiting: 1 })
  const both = () =>
    match(
      ['a+b', 'a b'].map(text => ({ encoded, text })),
      'here',
    )
  // One runs and one waits: each needs two hashes.
  assert.deepEqual(await Promise.all([both(), both()]), [1, 1])
})

test('client authentication: bytes in Basic that are not UTF-8 are refused', async () => {
  const server = await createTestServer(withClients(machine('machine', { value: '\uFFFD+' })))
  const latin1 = Buffer.from('ä+', 'latin1')
  assertRefused(await server.token(form, raw('machine', latin1)), 'invalid_client', 'basic_malformed')
})

const apiSecret = 'api+secret%'
const withApi = {
  ...withClients(machine('machine', { value: apiSecret })),
  api_resources: [
    { ...world.api_resources[0], api_secrets: [{ value: apiSecret }], introspection_client_id: 'dovecot' },
    { name: 'urn:api:deep', api_secrets: [{ value: 'deep+' }] },
    { name: 'a+b', api_secrets: [{ value: 'ab+' }] },
  ],
}

for (const [path, body, status] of [
  ['/connect/token', form, 200],
  ['/connect/introspect', { token: 'x' }, 200],
  ['/connect/revocation', { token: 'x' }, 200],
  ['/connect/deviceauthorization', { scope: 'api1' }, 200],
  [
    '/connect/par',
    {
      ...{ response_type: 'code', redirect_uri: 'https://app.example/cb', scope: 'api1' },
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    },
    201,
  ],
] as const)
  test(`${path}: Basic without form-encoding authenticates a client`, async () => {
    const server = await createTestServer(withApi)
    const answer = await server.send('POST', path, { ...raw('machine', apiSecret), form: body })
    assert.equal(answer.status, status, answer.body)
    const wrong = await server.send('POST', path, { ...raw('machine', 'wrong+'), form: body })
    assertRefused(wrong, 'invalid_client', 'client_secret_wrong')
  })

for (const [id, secret, ok] of [
  ['urn:api', apiSecret, true],
  ['urn%3Aapi', apiSecret, true],
  ['urn%3Aapi', 'api%2Bsecret%25', true],
  ['urn%3aapi', 'api%2Bsecret%25', true],
  ['dovecot', apiSecret, true],
  ['dovecot', 'api%2Bsecret%25', true],
  ['urn:api:deep', 'deep+', true],
  ['urn%3Aapi%3Adeep', 'deep+', true],
  ['urn:api:deep', apiSecret, false],
  ['a+b', 'ab+', true],
  ['a%2Bb', 'ab%2B', true],
  ['a%2Bb', 'ab+', false],
  ['urn', apiSecret, false],
  ['dovecot', 'wrong', false],
] as const)
  test(`introspection: an API authenticates by Basic ${id}:${secret}: ${ok}`, async () => {
    const server = await createTestServer(withApi)
    const answer = await server.send('POST', '/connect/introspect', {
      ...raw(id, secret),
      form: { token: 'x' },
    })
    if (ok) assert.deepEqual(answer.json, { active: false })
    else assertRefused(answer, 'invalid_client', ['client_secret_wrong', 'client_unknown'])
  })

test('introspection: an introspection_client_id gets what its API gets, and shares its limits', async () => {
  const server = await createTestServer(withApi)
  const { json } = await server.token(form, raw('machine', apiSecret))
  const ask = (id: string, secret: string) =>
    server.send('POST', '/connect/introspect', { ...raw(id, secret), form: { token: json.access_token } })
  const { json: seen } = await ask('dovecot', apiSecret)
  assert.deepEqual([seen.active, seen.aud, seen.token_type], [true, 'urn:api', 'Bearer'])
  for (let time = 0; time < 100; time++) await ask(time % 2 === 0 ? 'dovecot' : 'urn%3Aapi', `w+${time}`)
  for (const id of ['dovecot', 'urn%3Aapi', 'urn:api'])
    assertRefused(await ask(id, apiSecret), 'invalid_client', 'client_guessed_too_often')
  assert.equal((await ask('machine', apiSecret)).status, 200)
})

test('client authentication: a client_id with a colon may be sent unencoded in Basic', async () => {
  const server = await createTestServer(
    withClients(machine('urn:app', { value: 's+:' }), machine('urn', { value: 'other' })),
  )
  for (const id of ['urn:app', 'urn%3Aapp'])
    for (const more of [{}, { client_id: 'urn:app' }])
      assert.equal((await server.token({ ...form, ...more }, raw(id, 's+:'))).status, 200, id)
  assert.equal((await server.token(form, raw('urn', 'other'))).status, 200)
  assertRefused(await server.token(form, raw('urn:app', 'other')), 'invalid_client', 'client_secret_wrong')
})
