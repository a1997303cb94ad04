/** A JWT whose signature was verified before: its other checks are repeated each time. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const api = basic('urn:api', 'api-secret')

const isActive = async (server: TestServer, token: string): Promise<boolean> => {
  const answers = [1, 2].map(() =>
    server.send('POST', '/connect/introspect', { form: { token }, headers: api }),
  )
  const [first, second] = await Promise.all(answers)
  assert.equal(first?.json.active, second?.json.active)
  return first?.json.active
}

const tokenOf = async (server: TestServer): Promise<string> =>
  (
    await server.token(
      { grant_type: 'password', username: 'bob', password: 'bob', scope: 'openid api1' },
      { client: ['roclient', secret] },
    )
  ).json.access_token

const known = async (): Promise<{ server: TestServer; token: string }> => {
  const server = await createTestServer(world)
  const token = await tokenOf(server)
  assert.equal(await isActive(server, token), true)
  return { server, token }
}

test('verified JWTs: a verified token that is then revoked is not active [RFC 7009 §2.1]', async () => {
  const { server, token } = await known()
  await server.send('POST', '/connect/revocation', { form: { token }, headers: basic('roclient', secret) })
  assert.equal(await isActive(server, token), false)
})

test('verified JWTs: a verified token expires on time', async () => {
  const { server, token } = await known()
  server.clock.advance(3599)
  assert.equal(await isActive(server, token), true)
  server.clock.advance(1)
  assert.equal(await isActive(server, token), false)
})

test('verified JWTs: a verified token is revoked with its authorization', async () => {
  const { server, token } = await known()
  const { authorization_id } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
  await server.stores.authorizations.revoke(authorization_id, server.clock.now())
  assert.equal(await isActive(server, token), false)
})

test('verified JWTs: a verified token is refused once the key that signed it is removed', async () => {
  const { server, token } = await known()
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString())
  await server.stores.keys.remove(kid)
  await server.keys.refresh()
  assert.equal(await isActive(server, token), false)
})

test('verified JWTs: another token with the same signature or the same payload is refused', async () => {
  const { server, token } = await known()
  const [head, payload, signature] = token.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const raised = Buffer.from(JSON.stringify({ ...claims, scope: 'openid api1 api2' })).toString('base64url')
  for (const forged of [
    `${head}.${raised}.${signature}`,
    `${head}.${payload}.${signature.slice(0, -8)}AAAAAAAA`,
    `${token}.`,
    `${head}.${payload}.`,
  ])
    assert.equal(await isActive(server, forged), false)
  assert.equal(await isActive(server, token), true)
})

test('verified JWTs: tokens beyond the capacity of the cache are verified again', async () => {
  const { server } = await known()
  const tokens: string[] = []
  for (let count = 0; count < 2100; count++) {
    const form = { grant_type: 'client_credentials', scope: 'api1' }
    tokens.push((await server.token(form, { client: ['client', secret] })).json.access_token)
  }
  for (const token of [...tokens, ...tokens.slice(0, 5)]) {
    const { json } = await server.send('POST', '/connect/introspect', { form: { token }, headers: api })
    assert.equal(json.active, true)
  }
})
