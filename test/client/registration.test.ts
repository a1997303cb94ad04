import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientCredentials,
  clientSecretBasic,
  createClient,
  createIssuer,
  deleteRegistration,
  type Fetch,
  readRegistration,
  registerClient,
  unwrap,
  updateRegistration,
} from '@tessera/client'
import { world } from '../support/world.ts'
import { createFaultyNetwork } from './faulty-network.ts'
import { startTessera } from './servers.ts'

const initialAccessToken = 'initial-access-token-of-the-test'
const { issuer, fetch, server, sent } = await startTessera({
  ...world,
  registration: {
    mode: 'initial_access_token',
    initial_access_tokens: [{ value: initialAccessToken }],
    allowed_grant_types: ['authorization_code', 'client_credentials'],
    allowed_scope: 'openid api1',
  },
})
const { now } = server.clock
const tessera = createIssuer(issuer, { fetch, now })
const machine = {
  redirect_uris: ['https://app.example/cb'],
  grant_types: ['client_credentials', 'authorization_code'],
  scope: 'openid api1',
  client_name: 'Before',
}
const register = async () => unwrap(await registerClient(tessera, machine, { initialAccessToken }))

test('registration: a registered client gets tokens [RFC 7591 §3]', async () => {
  const information = await register()
  const { client_id, client_secret = '', metadata } = information
  assert.equal(information.client_secret_expires_at, 0)
  assert.equal(information.client_id_issued_at, now())
  assert.equal(metadata.client_name, 'Before')
  assert.equal(Object.hasOwn(metadata, 'client_secret'), false)
  const client = createClient({
    issuer: tessera,
    client_id,
    authentication: clientSecretBasic(client_secret),
    fetch,
  })
  assert.ok((await clientCredentials(client, { scope: 'api1' })).ok)
})

test('registration: metadata that the types do not know is sent', async () => {
  await registerClient(tessera, machine, { initialAccessToken, members: { colour: 'blue' } })
  assert.equal(JSON.parse(`${sent.at(-1)?.init.body}`).colour, 'blue')
})

for (const [what, token, metadata, code, reason] of [
  ['without a token', undefined, machine, 'invalid_token', 'initial_access_token_missing'],
  ['with a wrong token', 'wrong', machine, 'invalid_token', 'initial_access_token_invalid'],
  [
    'with an unsafe redirect URI',
    initialAccessToken,
    { ...machine, redirect_uris: ['http://app.example'] },
    'invalid_redirect_uri',
    undefined,
  ],
] as const)
  test(`registration: a request ${what} fails with the server’s error [RFC 7591 §3.2.2]`, async () => {
    const registered = await registerClient(tessera, metadata, { initialAccessToken: token })
    assert.ok(!registered.ok)
    assert.equal(registered.error.kind, 'response')
    assert.equal(registered.error.code, code)
    if (reason !== undefined) assert.equal(server.reason(), reason)
  })

test('registration: a client reads, changes and deletes its registration [RFC 7592 §2]', async () => {
  const information = await register()
  const read = unwrap(await readRegistration(tessera, information))
  assert.equal(read.metadata.client_name, 'Before')

  const changed = { ...read.metadata, client_name: 'After' }
  const updated = unwrap(await updateRegistration(tessera, read, changed))
  assert.equal(updated.client_id, information.client_id)
  assert.equal(updated.metadata.client_name, 'After')
  assert.notEqual(updated.registration_access_token, information.registration_access_token)

  // The token before the update is invalid.
  const stale = await readRegistration(tessera, information)
  assert.ok(!stale.ok)
  assert.equal(stale.error.code, 'invalid_token')

  assert.deepEqual(await deleteRegistration(tessera, updated), { ok: true, value: undefined })
  const gone = await readRegistration(tessera, updated)
  assert.ok(!gone.ok)
  assert.equal(gone.error.status, 401)
})

test('registration: the access token is not sent to another origin', async () => {
  const information = await register()
  for (const registration_client_uri of [
    'https://evil.example/connect/register/x',
    'http://id.example/connect/register/x',
    'https://id.example:444/connect/register/x',
    'https://id.example@evil.example/',
    'not a URL',
  ]) {
    const before = sent.length
    const access = { ...information, registration_client_uri }
    for (const refused of [
      await readRegistration(tessera, access),
      await updateRegistration(tessera, access, machine),
      await deleteRegistration(tessera, access),
    ]) {
      assert.ok(!refused.ok)
      assert.equal(refused.error.code, 'registration_client_uri_not_allowed')
    }
    assert.equal(sent.length, before)
  }
})

test('registration: a server without management is unsupported', async () => {
  const read = await readRegistration(tessera, { client_id: 'web' })
  assert.ok(!read.ok)
  assert.equal(read.error.kind, 'unsupported')
  assert.equal(read.error.code, 'registration_not_managed')
})

const respondingWith = (response: () => Response): Fetch => {
  return (url, init) => (url.includes('/register') ? Promise.resolve(response()) : fetch(url, init))
}

test('registration: information of another client, or of none, is invalid', async () => {
  const information = await register()
  for (const response of [{ client_id: 'web' }, { client_id: '' }, { client_id: 7 }, []]) {
    const lying = createIssuer(issuer, { fetch: respondingWith(() => Response.json(response)) })
    const read = await readRegistration(lying, information)
    assert.ok(!read.ok)
    assert.equal(read.error.code, 'invalid_response')
  }
})

test('registration: a response that repeats no access token leaves the known one in place', async () => {
  const information = await register()
  const terse = createIssuer(issuer, {
    fetch: respondingWith(() => Response.json({ client_id: information.client_id })),
  })
  const read = unwrap(await readRegistration(terse, information))
  assert.equal(read.registration_access_token, information.registration_access_token)
  assert.equal(read.registration_client_uri, information.registration_client_uri)
})

for (const moment of ['before', 'within', 'after'] as const)
  test(`registration: after a fault ${moment} the exchange, the caller learns that a client may exist`, async () => {
    const faulty = createFaultyNetwork(fetch, '/connect/register')
    const unlucky = createIssuer(issuer, { fetch: faulty.fetch, now })
    faulty.next.push(moment)
    const before = sent.length
    const registered = await registerClient(unlucky, machine, { initialAccessToken })
    assert.ok(!registered.ok)
    assert.equal(registered.error.mayHaveSucceeded, true)
    const posts = sent.slice(before).filter(({ url }) => url.endsWith('/connect/register'))
    assert.equal(posts.length, moment === 'before' ? 0 : 1)
  })
