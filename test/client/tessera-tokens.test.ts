import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientCredentials,
  clientSecretBasic,
  createClient,
  type Fetch,
  validateAccessToken,
  validateIdToken,
} from '@tessera/client'
import { decodeProtectedHeader } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { hybridWorld } from '../support/hybrid.ts'
import { alice, answerOf, authorizePath, signIn } from '../support/sign-in.ts'
import { claimsOf, issuer, type TestServer } from '../support/tessera.ts'
import { startTessera } from './servers.ts'

const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const
const [template] = hybridWorld.clients

const world = await startTessera({
  ...hybridWorld,
  api_scopes: [...hybridWorld.api_scopes, ...algorithms.map(name => ({ name }))],
  api_resources: algorithms.map(alg => ({
    name: `urn:${alg}`,
    scopes: [alg],
    access_token_signing_alg: alg,
  })),
  clients: [
    ...algorithms.map(alg => ({ ...template, client_id: alg, id_token_signed_response_alg: alg })),
    {
      ...{ client_id: 'machine', client_secrets: [{ value: 'secret' }], grant_types: ['client_credentials'] },
      scope: algorithms.join(' '),
    },
  ],
})
const { server, fetch } = world

const clientOf = (client_id: string) => createClient({ issuer, client_id, fetch, now: server.clock.now })

for (const alg of algorithms) {
  test(`Tessera: an ID token with ${alg} of the authorization endpoint is valid with its code and access token [OpenID Connect Core 1.0 §3.3.2.11]`, async () => {
    const response_type = 'code id_token token'
    const target = authorizePath({ client_id: alg, response_type, nonce: 'n', scope: 'openid' })
    const answer = answerOf(await signIn(createBrowser(server), target, alice))
    const [id_token, code, access_token] = ['id_token', 'code', 'access_token'].map(
      name => answer.get(name) ?? '',
    )
    const expected = { nonce: 'n', code, access_token, frontChannel: true }
    const client = clientOf(alg)
    assert.equal(decodeProtectedHeader(id_token!).alg, alg)
    const validated = await validateIdToken(client, id_token!, expected)
    assert.ok(validated.ok, validated.ok ? '' : validated.error.message)
    assert.equal(validated.value.sub, claimsOf(id_token!).sub)
    for (const [code, changed] of Object.entries({
      nonce_mismatch: { nonce: 'x' },
      hash_mismatch: { code: 'x' },
      sub_mismatch: { sub: 'bob' },
    })) {
      const refused = await validateIdToken(client, id_token!, { ...expected, ...changed })
      assert.equal(!refused.ok && refused.error.code, code)
    }
    const other = await validateIdToken(clientOf('machine'), id_token!, expected)
    assert.equal(!other.ok && other.error.code, 'audience_mismatch')
    const asAccessToken = await validateAccessToken(client.issuer, id_token!, { audience: alg })
    assert.equal(!asAccessToken.ok && asAccessToken.error.code, 'type_mismatch')
  })

  test(`Tessera: an access token with ${alg} is valid for its API [RFC 9068 §4]`, async () => {
    const client = machineOf(server, fetch)
    const tokens = await clientCredentials(client, { scope: alg })
    assert.ok(tokens.ok)
    const { access_token } = tokens.value
    assert.equal(decodeProtectedHeader(access_token).alg, alg)
    const validated = await validateAccessToken(client.issuer, access_token, {
      audience: `urn:${alg}`,
      scope: alg,
      client_id: 'machine',
    })
    assert.ok(validated.ok, validated.ok ? '' : validated.error.message)
    const asIdToken = await validateIdToken(client, access_token)
    assert.equal(!asIdToken.ok && asIdToken.error.code, 'type_mismatch')
  })
}

function machineOf(server: TestServer, fetch: Fetch) {
  const authentication = clientSecretBasic('secret')
  return createClient({ issuer, client_id: 'machine', authentication, fetch, now: server.clock.now })
}

test('Tessera: tokens are valid before, during and after a rotation of its keys, with two requests for them', async () => {
  const client = machineOf(server, fetch)
  const issue = async () => {
    const tokens = await clientCredentials(client, { scope: 'ES256' })
    assert.ok(tokens.ok)
    const token = tokens.value.access_token
    return { token, kid: decodeProtectedHeader(token).kid }
  }
  const outcome = async (token: string) => {
    const validated = await validateAccessToken(client.issuer, token, { audience: 'urn:ES256' })
    return validated.ok ? 'valid' : validated.error.code
  }
  const requests = () => world.sent.filter(({ url }) => url.endsWith('/jwks')).length
  const start = requests()
  const before = await issue()
  assert.equal(await outcome(before.token), 'valid')
  await server.keys.rotate({ now: true })
  const during = await issue()
  server.clock.advance(120)
  const after = await issue()
  assert.equal(during.kid, before.kid)
  assert.notEqual(after.kid, before.kid)
  for (const { token } of [after, during, before]) assert.equal(await outcome(token), 'valid')
  assert.equal(requests() - start, 2)
})
