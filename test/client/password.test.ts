import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acrValues, clientSecretBasic, createClient, password } from '@tessera/client'
import { claimsOf } from '../support/tessera.ts'
import { secret, withClients } from '../support/world.ts'
import { createFaultyNetwork } from './faulty-network.ts'
import { startTessera } from './servers.ts'

const { issuer, fetch, server, sent } = await startTessera(withClients({ client_id: 'roclient' }))
const { now } = server.clock
const client = createClient({
  issuer,
  client_id: 'roclient',
  authentication: clientSecretBasic(secret),
  fetch,
  now,
})
const bob = { username: 'bob', password: 'bob' }

test('password: the user of the credentials gets tokens of the requested scope [RFC 6749 §4.3]', async () => {
  const tokens = await password(client, bob, { scope: 'api1 offline_access' })
  assert.ok(tokens.ok)
  assert.equal(claimsOf(tokens.value.access_token).sub, '88421113')
  assert.equal(tokens.value.scope, 'api1 offline_access')
  assert.ok(tokens.value.refresh_token)
})

test('password: acr_values leads to the user of a tenant', async () => {
  const carol = { username: 'carol', password: 'carol', acr_values: acrValues({ tenant: 'acme' }) }
  const tokens = await password(client, carol, { scope: 'api1' })
  assert.ok(tokens.ok)
  assert.equal(claimsOf(tokens.value.access_token).tenant, 'acme')
  const elsewhere = await password(client, { ...carol, acr_values: acrValues({ tenant: 'globex' }) })
  assert.ok(!elsewhere.ok)
  assert.equal(elsewhere.error.code, 'invalid_grant')
  assert.equal(server.reason(), 'credentials_refused')
})

test('password: wrong credentials fail with the error of the server, which names no password', async () => {
  const tokens = await password(client, { ...bob, password: 'open sesame' })
  assert.ok(!tokens.ok)
  const { error } = tokens
  assert.equal(error.kind, 'response')
  assert.equal(error.code, 'invalid_grant')
  assert.equal(error.description, 'invalid_username_or_password')
  assert.equal(server.reason(), 'credentials_refused')
  assert.doesNotMatch(`${JSON.stringify(error)} ${error.stack}`, /sesame/)
})

test('password: parameters of the call are sent, and can’t replace those of the grant', async () => {
  const parameters = { colour: 'blue', grant_type: 'client_credentials', username: 'carol' }
  const tokens = await password(client, bob, { scope: 'api1', resource: ['urn:api'], parameters })
  assert.ok(tokens.ok)
  const form = new URLSearchParams(`${sent.at(-1)?.init.body}`)
  assert.deepEqual(
    ['grant_type', 'username', 'colour', 'resource'].map(name => form.getAll(name)),
    [['password'], ['bob'], ['blue'], ['urn:api']],
  )
  assert.deepEqual([claimsOf(tokens.value.access_token).aud].flat(), ['urn:api'])
})

for (const moment of ['before', 'within', 'after'] as const)
  test(`password: a network fault ${moment} the exchange is reported, and nothing is repeated`, async () => {
    const faulty = createFaultyNetwork(fetch)
    const options = { issuer, client_id: 'roclient', authentication: clientSecretBasic(secret), now }
    const unlucky = createClient({ ...options, fetch: faulty.fetch })
    faulty.next.push(moment)
    const before = sent.length
    const tokens = await password(unlucky, bob, { scope: 'api1' })
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'network')
    assert.equal(tokens.error.code, 'network_error')
    assert.equal(tokens.error.mayHaveSucceeded, true)
    assert.equal(
      sent.slice(before).filter(({ url }) => url.endsWith('/connect/token')).length,
      moment === 'before' ? 0 : 1,
    )
    assert.ok((await password(unlucky, bob, { scope: 'api1' })).ok)
  })

test('password: without metadata no password is sent, so the call can’t have succeeded', async () => {
  const faulty = createFaultyNetwork(fetch, '/.well-known/openid-configuration')
  const unlucky = createClient({ issuer, client_id: 'roclient', fetch: faulty.fetch, now })
  faulty.next.push('after')
  const tokens = await password(unlucky, bob)
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.kind, 'network')
  assert.equal(tokens.error.mayHaveSucceeded, false)
})

test('acr_values: names are joined in the order idp, tenant, classes [OpenID Connect Core 1.0 §3.1.2.1]', () => {
  assert.equal(
    acrValues({ acr: ['urn:mfa', 'urn:pwd'], tenant: 'acme', idp: 'corp' }),
    'idp:corp tenant:acme urn:mfa urn:pwd',
  )
  assert.equal(acrValues({}), '')
})

test('acr_values: a name that would become two values is a mistake of the caller', () => {
  for (const input of [{ idp: '' }, { idp: 'corp tenant:acme' }, { tenant: 'a\tb' }, { acr: ['a', 'b c'] }])
    assert.throws(() => acrValues(input), TypeError, JSON.stringify(input))
})
