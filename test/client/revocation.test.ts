import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientSecretBasic,
  createClient,
  introspectToken,
  password,
  refreshToken,
  revokeToken,
  unwrap,
} from '@tessera/client'
import { secret, world } from '../support/world.ts'
import { createFaultyNetwork } from './faulty-network.ts'
import { startTessera } from './servers.ts'

const { issuer, fetch, server } = await startTessera(world)
const faulty = createFaultyNetwork(fetch, '/connect/revocation')
const { now } = server.clock
const clientOf = (client_id: string, value = secret) =>
  createClient({ issuer, client_id, authentication: clientSecretBasic(value), fetch: faulty.fetch, now })
const client = clientOf('roclient')
const api = clientOf('urn:api', 'api-secret')

const signIn = async () => {
  const bob = { username: 'bob', password: 'bob' }
  const tokens = unwrap(await password(client, bob, { scope: 'api1 offline_access' }))
  return { ...tokens, refresh_token: tokens.refresh_token ?? '' }
}

test('revocation: a revoked refresh token can’t be used, and neither can its access token [RFC 7009 §2.1]', async () => {
  const { refresh_token, access_token } = await signIn()
  assert.equal(unwrap(await introspectToken(api, access_token)).active, true)
  const revoked = await revokeToken(client, refresh_token, { token_type_hint: 'refresh_token' })
  assert.deepEqual(revoked, { ok: true, value: undefined })
  const tokens = await refreshToken(client, refresh_token)
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'invalid_grant')
  assert.equal(unwrap(await introspectToken(api, access_token)).active, false)
})

test('revocation: an unknown token is a success, so a call can be repeated [RFC 7009 §2.2]', async () => {
  const { refresh_token } = await signIn()
  for (const token of ['unknown', refresh_token, refresh_token])
    assert.ok((await revokeToken(client, token)).ok)
})

test('revocation: a client that does not authenticate revokes nothing', async () => {
  const { refresh_token } = await signIn()
  const revoked = await revokeToken(clientOf('roclient', 'wrong'), refresh_token)
  assert.ok(!revoked.ok)
  assert.equal(revoked.error.code, 'invalid_client')
  assert.equal(server.reason(), 'client_secret_wrong')
  assert.ok((await refreshToken(client, refresh_token)).ok)
})

for (const moment of ['before', 'within', 'after'] as const)
  test(`revocation: after a fault ${moment} the exchange, repeating it revokes the token`, async () => {
    const { refresh_token } = await signIn()
    faulty.next.push(moment)
    const lost = await revokeToken(client, refresh_token)
    assert.ok(!lost.ok)
    assert.equal(lost.error.code, 'network_error')
    assert.equal(lost.error.mayHaveSucceeded, true)
    assert.ok((await revokeToken(client, refresh_token)).ok)
    assert.ok(!(await refreshToken(client, refresh_token)).ok)
  })
