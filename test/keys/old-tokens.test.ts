/** Tokens of the server before this one, whose keys were imported: which endpoints accept them. */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { importedKey } from '../../packages/server/src/keys/imported-key.ts'
import { createOutbound } from '../../packages/server/src/outbound/outbound.ts'
import { documentUrl, openTo } from '../support/client-documents.ts'
import { endSessionPath, startLogoutWorld } from '../support/logout-world.ts'
import { basic, createTestServer, type TestServer } from '../support/tessera.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const issuer = 'https://id.example'
const secret = 'the-secret-of-a-client'
const input = {
  issuer,
  api_scopes: [{ name: 'api1' }],
  users: [{ sub: '1', username: 'alice', password: 'wonderland' }],
  clients: [
    {
      client_id: 'app',
      client_secrets: [{ value: secret }],
      grant_types: ['password', 'client_credentials'],
      scope: 'openid api1',
    },
  ],
}

const importOld = (server: TestServer, use: 'sign' | 'verify') =>
  server.keys.importKeys([importedKey({ key: privateKey, kid: 'old' }, { use, signs: ['ES256'] })])

/** As IdentityServer4 issues them, by default for a user. */
const oldToken = (iat: number, claims: object = {}, typ = 'at+jwt') =>
  new SignJWT({
    ...{ iss: issuer, client_id: 'app', sub: '1', aud: 'api', scope: ['openid', 'api1'] },
    ...{ iat, exp: iat + 3600, ...claims },
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'old', typ })
    .sign(privateKey)

const accepted = async (server: TestServer, token: string) => {
  const introspected = await server.send('POST', '/connect/introspect', {
    form: { token },
    headers: basic('app', secret),
  })
  const { status } = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${token}` },
  })
  return { active: introspected.json.active, userinfo: status, reason: server.reason() }
}

test('old tokens: a key that only verifies is in the JWK Set, but no endpoint of this server accepts its access tokens', async () => {
  const server = await createTestServer(input)
  await importOld(server, 'verify')
  const { keys } = (await server.send('GET', '/.well-known/openid-configuration/jwks')).json
  assert.ok(keys.some((jwk: Record<string, unknown>) => jwk.kid === 'old' && jwk.d === undefined))
  const token = await oldToken(server.clock.now())
  assert.deepEqual(await accepted(server, token), {
    active: false,
    userinfo: 401,
    reason: 'token_signature_invalid',
  })
})

test('old tokens: a key that also signs here makes no token of a user valid that this server did not issue', async () => {
  const server = await createTestServer(input)
  await importOld(server, 'sign')
  const before = await oldToken(server.clock.now() + 119)
  server.clock.advance(120)
  const refused = { active: false, userinfo: 401, reason: 'token_of_another_server' }
  assert.deepEqual(await accepted(server, before), refused)
  // The old server may still run.
  assert.deepEqual(await accepted(server, await oldToken(server.clock.now())), refused)
  assert.deepEqual(await accepted(server, await oldToken(server.clock.now(), { iat: 'later' })), refused)

  const form = { grant_type: 'password', username: 'alice', password: 'wonderland', scope: 'openid api1' }
  const { access_token } = (await server.token(form, { client: ['app', secret] })).json
  const { kid } = JSON.parse(Buffer.from(access_token.split('.')[0], 'base64url').toString())
  assert.equal(kid, 'old')
  const own = await accepted(server, access_token)
  assert.deepEqual([own.active, own.userinfo], [true, 200])
  // A client's own token has no sign-in that could end.
  assert.equal((await accepted(server, await oldToken(server.clock.now(), { sub: 'app' }))).active, true)
  const early = await oldToken(server.clock.now() - 1, { sub: 'app' })
  assert.equal((await accepted(server, early)).reason, 'token_of_another_server')
})

test('old tokens: with a key that also signs here, a client’s own token that another client exchanged is of this server', async () => {
  const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const other = { ...input.clients[0], client_id: 'other', grant_types: [exchange] }
  const server = await createTestServer({ ...input, clients: [...input.clients, other] })
  await importOld(server, 'sign')
  server.clock.advance(120)
  const own = await server.token({ grant_type: 'client_credentials' }, { client: ['app', secret] })
  const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token'
  const form = { grant_type: exchange, subject_token: own.json.access_token, subject_token_type }
  const { access_token: token } = (await server.token(form, { client: ['other', secret] })).json
  const headers = basic('other', secret)
  const { active, sub } = (await server.send('POST', '/connect/introspect', { form: { token }, headers }))
    .json
  assert.deepEqual([active, sub], [true, 'app'])
  for (const claims of [
    { sub: 'other', derived_from_clients: ['another'] },
    { derived_from_clients: ['app'] },
  ])
    assert.equal((await accepted(server, await oldToken(server.clock.now(), claims))).active, false)
})

test('old tokens: a user there with the id of a client is no client, and a sub that is a URL is not fetched', async () => {
  const resolved: string[] = []
  const outbound = createOutbound({
    resolve: async host => {
      resolved.push(host)
      return []
    },
  })
  const other = { ...input.clients[0], client_id: 'other' }
  const server = await createTestServer(
    { ...input, ...openTo(), clients: [...input.clients, other] },
    { outbound },
  )
  await importOld(server, 'sign')
  server.clock.advance(120)
  const refused = { active: false, userinfo: 401, reason: 'token_of_another_server' }
  for (const sub of [documentUrl, 'other'])
    assert.deepEqual(await accepted(server, await oldToken(server.clock.now(), { sub })), refused, sub)
  assert.deepEqual(resolved, [])
})

test('old tokens: an ID token of a key that only verifies is a hint at the sign-out [OpenID Connect RP-Initiated Logout 1.0 §2]', async () => {
  const { server, browser } = await startLogoutWorld()
  const id_token_hint = await oldToken(server.clock.now(), { aud: 'web' }, 'JWT')
  const path = endSessionPath({ id_token_hint, post_logout_redirect_uri: 'https://app.example/bye' })
  const endsAt = async () => (await browser.visit(path)).location
  assert.equal(await endsAt(), undefined)
  assert.equal(server.reason(), 'id_token_hint_invalid')
  await importOld(server, 'verify')
  assert.equal(await endsAt(), 'https://app.example/bye')
})
