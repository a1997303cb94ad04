/** ID tokens in the responses of grants that have no nonce. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Client,
  clientCredentials,
  createClient,
  extensionGrant,
  jwtBearer,
  password,
  pollDeviceToken,
  type Result,
  type UserTokens,
  unwrap,
} from '@tessera/client'
import { client_id, createKey, now, sign, startTokenServer, url } from './token-server.ts'

const key = await createKey('ES256')
const server = startTokenServer([key.jwk], { token_endpoint: `${url}/token` })
const valid = { iss: url, sub: 'alice', aud: client_id, exp: now + 300, iat: now }

const clientFor = (id_token: string): Client =>
  createClient({
    issuer: server.issuer,
    client_id,
    fetch: async () => Response.json({ access_token: 'a', token_type: 'Bearer', id_token }),
  })

const grants: Readonly<Record<string, (client: Client) => Promise<Result<UserTokens>>>> = {
  password: client => password(client, { username: 'alice', password: 'x' }),
  'jwt-bearer': client => jwtBearer(client, 'assertion'),
  'an extension grant': client => extensionGrant(client, 'urn:example:grant'),
  device: client =>
    pollDeviceToken(
      client,
      { device_code: 'd', interval: 5, expires_at: now + 60 },
      { sleep: async () => {} },
    ),
}

for (const [name, request] of Object.entries(grants)) {
  test(`claims: the ID token that ${name} returns is validated`, async () => {
    const tokens = unwrap(await request(clientFor(await sign(valid, key))))
    assert.equal(tokens.claims?.sub, 'alice')
  })

  test(`claims: an invalid ID token that ${name} returns is refused with its tokens`, async () => {
    for (const [claims, code] of [
      [{ aud: 'other' }, 'audience_mismatch'],
      [{ iss: 'https://x.example' }, 'issuer_mismatch'],
      [{ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }, 'hash_mismatch'],
    ] as const) {
      const tokens = await request(clientFor(await sign({ ...valid, ...claims }, key)))
      assert.ok(!tokens.ok)
      assert.equal(tokens.error.code, code)
      assert.equal(tokens.error.mayHaveSucceeded, true)
    }
  })
}

test('claims: a caller can narrow the algorithms', async () => {
  const client = clientFor(await sign(valid, key))
  const credentials = { username: 'alice', password: 'x' }
  const tokens = await password(client, credentials, { idToken: { algorithms: ['RS256'] } })
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'algorithm_not_allowed')
})

test('claims: client credentials have no user, so an ID token is left as it is', async () => {
  const tokens = unwrap(await clientCredentials(clientFor('not a token')))
  assert.equal(tokens.id_token, 'not a token')
  assert.equal(Object.hasOwn(tokens, 'claims'), false)
})
