import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorizationCode, clientSecretBasic, createClient, type Fetch, unwrap } from '@tessera/client'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { claimsOf } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'
import { createFaultyNetwork, type Fault } from './faulty-network.ts'
import { startTessera } from './servers.ts'
import { client_id as app, createKey, sign, startTokenServer, url } from './token-server.ts'

const { issuer, fetch, server, sent } = await startTessera(world)
const { now } = server.clock
const clientWith = (passed: Fetch) =>
  createClient({
    ...{ issuer, client_id: 'web', authentication: clientSecretBasic(secret) },
    ...{ fetch: passed, now },
  })
const client = clientWith(fetch)
const sentCodes = (): readonly string[] =>
  sent.flatMap(({ init }) => new URLSearchParams(`${init.body ?? ''}`).get('code') ?? [])

const grant = { redirect_uri: redirectUri, code_verifier: verifier }
const scope = ['openid', 'api1']
const issue = (nonce?: string) => issueCode(server, { scope }, nonce === undefined ? {} : { nonce })

test('code: is exchanged for tokens, and the ID token is validated [OpenID Connect Core 1.0 §3.1.3.7]', async () => {
  const code = await issue('n1')
  const tokens = await authorizationCode(client, { ...grant, code, nonce: 'n1' })
  assert.ok(tokens.ok, JSON.stringify(tokens))
  assert.equal(tokens.value.claims?.sub, '88421113')
  assert.equal(tokens.value.claims?.nonce, 'n1')
  assert.equal(claimsOf(tokens.value.access_token).sub, '88421113')
})

test('code: without openid there is no ID token, and there are no claims', async () => {
  const code = await issueCode(server, { scope: ['api1'] })
  const tokens = await authorizationCode(client, { ...grant, code })
  assert.ok(tokens.ok)
  assert.equal(tokens.value.id_token, undefined)
  assert.equal(tokens.value.claims, undefined)
})

test('code: if a nonce was sent, a response without an ID token is invalid', async () => {
  const code = await issueCode(server, { scope: ['api1'] })
  const tokens = await authorizationCode(client, { ...grant, code, nonce: 'n1' })
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.kind, 'invalid')
  assert.equal(tokens.error.code, 'id_token_missing')
  assert.equal(tokens.error.mayHaveSucceeded, true)
})

for (const [what, expected, code] of [
  ['another nonce', { nonce: 'other' }, 'nonce_mismatch'],
  ['a nonce that was not sent', { nonce: undefined }, 'nonce_unexpected'],
  ['an older authentication', { max_age: 0, requestedAt: now() + 3600 }, 'authentication_too_old'],
  ['another class of authentication', { acr_values: 'urn:mfa' }, 'acr_mismatch'],
  ['another user', { sub: 'alice' }, 'sub_mismatch'],
] as const)
  test(`code: an ID token with ${what} is refused, and its tokens are not returned`, async () => {
    const tokens = await authorizationCode(client, {
      ...{ ...grant, code: await issue('n1'), nonce: 'n1' },
      ...expected,
    })
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'invalid')
    assert.equal(tokens.error.code, code)
    assert.equal(tokens.error.mayHaveSucceeded, true)
  })

for (const [what, wrong, reason] of [
  ['of another request', { code_verifier: 'x'.repeat(43) }, 'code_verifier_wrong'],
  ['for another redirect URI', { redirect_uri: 'https://app.example/other' }, 'redirect_uri_differs'],
  ['that is unknown', { code: 'tc_unknown' }, 'code_unknown'],
] as const)
  test(`code: one ${what} fails with the server’s error, which contains neither code nor verifier`, async () => {
    const code = await issue()
    const tokens = await authorizationCode(client, { ...grant, code, ...wrong })
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'response')
    assert.equal(tokens.error.code, 'invalid_grant')
    assert.equal(server.reason(), reason)
    const text = `${JSON.stringify(tokens.error)} ${tokens.error.stack}`
    assert.ok(!text.includes(code) && !text.includes(verifier))
  })

test('code: a verifier that can’t be one is a mistake of the caller, and nothing is sent [RFC 7636 §4.1]', async () => {
  const code = await issue()
  for (const code_verifier of ['', 'x'.repeat(42), 'x'.repeat(129), `${'x'.repeat(43)} `])
    await assert.rejects(authorizationCode(client, { ...grant, code, code_verifier }), TypeError)
  assert.ok(!sentCodes().includes(code))
})

test('code: is sent once, however often and by which client the function is called [RFC 6749 §4.1.2]', async () => {
  const code = await issue()
  const other = createClient({ issuer: client.issuer, client_id: 'web', fetch })
  const results = await Promise.all([
    authorizationCode(client, { ...grant, code }),
    authorizationCode(client, { ...grant, code }),
    authorizationCode(other, { ...grant, code }),
  ])
  results.push(await authorizationCode(client, { ...grant, code }))
  // Any of the simultaneous calls may be the first.
  assert.deepEqual(
    results.map(result => (result.ok ? 'tokens' : `${result.error.kind} ${result.error.code}`)).toSorted(),
    [...Array.from({ length: 3 }, () => 'policy code_already_sent'), 'tokens'],
  )
  assert.equal(sentCodes().filter(one => one === code).length, 1)
})

test('code: one that the server refused is not sent again either [RFC 6749 §4.1.2]', async () => {
  const code = await issue()
  const refused = await authorizationCode(client, { ...grant, code, code_verifier: 'x'.repeat(43) })
  assert.ok(!refused.ok)
  assert.equal(refused.error.code, 'invalid_grant')
  assert.equal(server.reason(), 'code_verifier_wrong')
  const again = await authorizationCode(client, { ...grant, code })
  assert.ok(!again.ok)
  assert.equal(again.error.code, 'code_already_sent')
  assert.equal(sentCodes().filter(one => one === code).length, 1)
})

test('code: an ID token for another code is refused [OpenID Connect Core 1.0 §3.3.2.11]', async () => {
  const key = await createKey('ES256')
  const tokenServer = startTokenServer([key.jwk], { token_endpoint: `${url}/token` })
  const { now: iat } = tokenServer
  const hash = await crypto.subtle.digest('SHA-256', Buffer.from('one'))
  const c_hash = Buffer.from(hash.slice(0, 16)).toString('base64url')
  const claims = { iss: url, sub: 'alice', aud: app, iat, exp: iat + 300, c_hash }
  const id_token = await sign(claims, key)
  const asker = createClient({
    issuer: tokenServer.issuer,
    client_id: app,
    fetch: async () => Response.json({ access_token: 'a', token_type: 'Bearer', id_token }),
  })
  assert.equal(unwrap(await authorizationCode(asker, { ...grant, code: 'one' })).claims?.sub, 'alice')
  const other = await authorizationCode(asker, { ...grant, code: 'two' })
  assert.ok(!other.ok)
  assert.equal(other.error.code, 'hash_mismatch')
})

for (const [fault, error] of Object.entries({
  before: 'network network_error',
  within: 'network network_error',
  after: 'network network_error',
  timeout: 'network timeout',
  proxy: 'response http_502',
  portal: 'invalid invalid_response',
} as const satisfies Record<Fault, string>))
  test(`code: it is not sent again after its response was lost: ${fault}`, async () => {
    const faulty = createFaultyNetwork(fetch)
    const { issuer, client_id, authentication } = client
    const timeout = fault === 'timeout' ? 0.5 : undefined
    const unlucky = createClient({ issuer, client_id, authentication, fetch: faulty.fetch, timeout })
    const code = await issue()
    faulty.next.push(fault as Fault)
    const lost = await authorizationCode(unlucky, { ...grant, code })
    assert.ok(!lost.ok)
    assert.equal(`${lost.error.kind} ${lost.error.code}`, error)
    assert.equal(lost.error.mayHaveSucceeded, true)
    const again = await authorizationCode(unlucky, { ...grant, code })
    assert.ok(!again.ok)
    assert.equal(again.error.code, 'code_already_sent')
    assert.equal(again.error.mayHaveSucceeded, false)
    assert.equal(sentCodes().filter(one => one === code).length, fault === 'before' ? 0 : 1)
    // A new authorization works.
    assert.ok((await authorizationCode(client, { ...grant, code: await issue() })).ok)
  })

test('code: if nothing could be sent, the code can be used later', async () => {
  const faulty = createFaultyNetwork(fetch, '/.well-known/openid-configuration')
  const unlucky = clientWith(faulty.fetch)
  const code = await issue()
  faulty.next.push('before', 'within')
  for (const _ of [1, 2]) {
    const failed = await authorizationCode(unlucky, { ...grant, code })
    assert.ok(!failed.ok)
    assert.equal(failed.error.code, 'network_error')
    assert.equal(failed.error.mayHaveSucceeded, false)
  }
  const aborted = await authorizationCode(unlucky, { ...grant, code }, { signal: AbortSignal.abort() })
  assert.ok(!aborted.ok)
  assert.equal(aborted.error.kind, 'aborted')
  assert.ok((await authorizationCode(unlucky, { ...grant, code })).ok)
})

test('code: an ID token whose keys can’t be requested is not returned', async () => {
  const { jwks_uri = '' } = unwrap(await client.issuer.metadata())
  const faulty = createFaultyNetwork(fetch, jwks_uri)
  const unlucky = clientWith(faulty.fetch)
  faulty.next.push('before')
  const tokens = await authorizationCode(unlucky, { ...grant, code: await issue() })
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.kind, 'network')
  assert.equal(tokens.error.mayHaveSucceeded, true)
})

test('code: scope, resource and more parameters are sent with it', async () => {
  const code = await issue()
  const options = { resource: 'urn:api', parameters: { colour: 'blue', code: 'other' } }
  const tokens = await authorizationCode(client, { ...grant, code }, options)
  assert.ok(tokens.ok)
  assert.equal(claimsOf(tokens.value.access_token).aud, 'urn:api')
  assert.ok(sentCodes().includes(code))
})
