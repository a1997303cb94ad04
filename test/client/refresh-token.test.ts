import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientSecretBasic, createClient, password, refreshToken, unwrap } from '@tessera/client'
import { claimsOf } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'
import { faultMoments, withFaults } from './faults.ts'
import { startTessera } from './servers.ts'

const { issuer, fetch, server, sent } = await startTessera(world)
const faulty = withFaults(fetch)
const { now } = server.clock
const options = { issuer, authentication: clientSecretBasic(secret), fetch: faulty.fetch, now }
const client = createClient({ ...options, client_id: 'roclient' })

const bob = { username: 'bob', password: 'bob' }
const signIn = async (): Promise<string> =>
  unwrap(await password(client, bob, { scope: 'api1 api2 offline_access' })).refresh_token ?? ''

test('refresh: new tokens for the same user, and a new refresh token [RFC 6749 §6]', async () => {
  const refresh_token = await signIn()
  const tokens = unwrap(await refreshToken(client, refresh_token))
  assert.equal(claimsOf(tokens.access_token).sub, '88421113')
  assert.ok(tokens.refresh_token)
  assert.notEqual(tokens.refresh_token, refresh_token)
  assert.ok((await refreshToken(client, tokens.refresh_token ?? '')).ok)
})

test('refresh: a narrower scope applies to the access token, and a wider one is refused', async () => {
  const refresh_token = await signIn()
  const tokens = unwrap(await refreshToken(client, refresh_token, { scope: 'api2' }))
  assert.deepEqual([claimsOf(tokens.access_token).scope].flat(), ['api2'])
  const wider = await refreshToken(client, tokens.refresh_token ?? '', { scope: 'api1 email' })
  assert.ok(!wider.ok)
  assert.equal(wider.error.code, 'invalid_scope')
})

test('refresh: a token that is unknown or of another client is invalid_grant', async () => {
  const refresh_token = await signIn()
  const other = createClient({ ...options, client_id: 'web' })
  for (const [who, token, reason] of [
    [client, 'tr_unknown', 'refresh_token_malformed'],
    [other, refresh_token, 'refresh_token_of_another_client'],
  ] as const) {
    const tokens = await refreshToken(who, token)
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'response')
    assert.equal(tokens.error.code, 'invalid_grant')
    assert.equal(server.reason(), reason)
    assert.ok(!JSON.stringify(tokens.error).includes(token))
  }
})

for (const moment of faultMoments)
  test(`refresh: after a fault ${moment} the exchange, the caller can repeat it at Tessera and loses no session`, async () => {
    const refresh_token = await signIn()
    faulty.fail('/connect/token', moment)
    const before = sent.length
    const lost = await refreshToken(client, refresh_token)
    assert.ok(!lost.ok)
    assert.equal(lost.error.code, 'network_error')
    assert.equal(lost.error.mayHaveSucceeded, true)
    assert.equal(sent.length - before, moment === 'before' ? 0 : 1)
    const tokens = unwrap(await refreshToken(client, refresh_token))
    assert.ok((await refreshToken(client, tokens.refresh_token ?? '')).ok)
  })

test('refresh: an error 5xx may hide a success, so the caller is told that it may have succeeded', async () => {
  const refresh_token = await signIn()
  for (const body of ['', '{"error":"server_error"}']) {
    const broken = createClient({
      ...options,
      client_id: 'roclient',
      fetch: (url, init) =>
        url.endsWith('/connect/token')
          ? Promise.resolve(new Response(body, { status: 502 }))
          : fetch(url, init),
    })
    const tokens = await refreshToken(broken, refresh_token)
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'response')
    assert.equal(tokens.error.mayHaveSucceeded, true)
  }
})
