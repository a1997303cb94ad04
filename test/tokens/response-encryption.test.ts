/**
 * Responses in the form that a client registered: signed userinfo; encrypted ID tokens, userinfo and introspection
 * (RFC 7516, OpenID Connect Core 1.0 §5.3.2, §10.2, RFC 9701).
 */

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { compactDecrypt, createLocalJWKSet, exportJWK, jwtVerify } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { allowLoopback, openLoopback } from '../support/loopback.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { type Answer, basic, createTestServer, issuer, type TestServer } from '../support/tessera.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const x25519 = generateKeyPairSync('x25519')
const jwkOf = async (key: KeyObject, more: object = {}) => ({ ...(await exportJWK(key)), ...more })

const client = {
  client_id: 'web',
  client_secrets: [{ value: 's' }],
  redirect_uris: [callback],
  scope: 'openid profile',
}

async function tokensOf(server: TestServer): Promise<Answer> {
  const code = answerOf(await signIn(createBrowser(server), authorizePath({ scope: 'openid profile' }))).get(
    'code',
  )
  const form = {
    grant_type: 'authorization_code',
    code: code ?? '',
    redirect_uri: callback,
    code_verifier: verifier,
  }
  return server.token(form, { client: ['web', 's'] })
}

const open = (more: object): Promise<TestServer> =>
  createTestServer({ ...pagesWorld, ...allowLoopback, clients: [{ ...client, ...more }] })

const decrypt = async (jwe: string, key: KeyObject) => {
  const { plaintext, protectedHeader } = await compactDecrypt(jwe, key)
  return { text: new TextDecoder().decode(plaintext), header: protectedHeader }
}

const verify = async (server: TestServer, jwt: string) => {
  const jwks = (await server.send('GET', '/.well-known/openid-configuration/jwks')).json
  return jwtVerify(jwt, createLocalJWKSet(jwks), {
    issuer,
    audience: 'web',
    currentDate: new Date(server.clock.now() * 1000),
  })
}

for (const [alg, enc, keys] of [
  ['RSA-OAEP', undefined, rsa],
  ['RSA-OAEP-256', 'A256GCM', rsa],
  ['ECDH-ES', 'A128CBC-HS256', ec],
  ['ECDH-ES+A128KW', 'A128GCM', ec],
  ['ECDH-ES+A256KW', 'A256CBC-HS512', x25519],
] as const) {
  test(`encryption: an ID token with ${alg} is signed, then encrypted [OpenID Connect Core 1.0 §10.2]`, async () => {
    const server = await open({
      jwks: { keys: [await jwkOf(keys.publicKey, { kid: 'enc', use: 'enc' })] },
      id_token_encrypted_response_alg: alg,
      ...(enc && { id_token_encrypted_response_enc: enc }),
    })
    const { text, header } = await decrypt((await tokensOf(server)).json.id_token, keys.privateKey)
    assert.deepEqual(header, { ...header, alg, enc: enc ?? 'A128CBC-HS256', kid: 'enc', cty: 'JWT' })
    assert.equal((await verify(server, text)).payload.sub, '1')
  })
}

test('encryption: a key for another algorithm or for signatures is not used [RFC 7517 §4.2, §4.4]', async () => {
  const asking = { id_token_encrypted_response_alg: 'RSA-OAEP-256' }
  const others = [
    await jwkOf(rsa.publicKey, { kid: 'other', use: 'enc', alg: 'RSA-OAEP' }),
    await jwkOf(rsa.publicKey, { kid: 'signs', use: 'sig' }),
  ]
  const own = await jwkOf(rsa.publicKey, { kid: 'own', alg: 'RSA-OAEP-256' })
  const server = await open({ ...asking, jwks: { keys: [...others, own] } })
  const { header } = await decrypt((await tokensOf(server)).json.id_token, rsa.privateKey)
  assert.equal(header.kid, 'own')
  const without = await open({ ...asking, jwks: { keys: others } })
  assert.equal((await tokensOf(without)).status, 503)
})

const userinfo = async (server: TestServer): Promise<Answer> => {
  const { access_token } = (await tokensOf(server)).json
  return server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${access_token}` } })
}

const told = { sub: '1', name: 'Alice', preferred_username: 'alice' }

test('userinfo: the response is signed if the client registered an algorithm [OpenID Connect Core 1.0 §5.3.2]', async () => {
  const server = await open({ userinfo_signed_response_alg: 'PS256' })
  const answer = await userinfo(server)
  assert.equal(answer.headers['content-type'], 'application/jwt')
  const { payload, protectedHeader } = await verify(server, answer.body)
  assert.equal(protectedHeader.alg, 'PS256')
  assert.deepEqual(payload, { ...told, iss: issuer, aud: 'web' })
})

test('userinfo: an encrypted response contains JSON if unsigned, and a JWT if signed', async () => {
  const jwks = { keys: [await jwkOf(ec.publicKey)] }
  const server = await open({ jwks, userinfo_encrypted_response_alg: 'ECDH-ES' })
  const answer = await userinfo(server)
  assert.equal(answer.headers['content-type'], 'application/jwt')
  const { text, header } = await decrypt(answer.body, ec.privateKey)
  assert.equal(header.cty, undefined)
  assert.deepEqual(JSON.parse(text), told)
  const both = await open({
    jwks,
    userinfo_encrypted_response_alg: 'ECDH-ES',
    userinfo_signed_response_alg: 'ES256',
  })
  const nested = await decrypt((await userinfo(both)).body, ec.privateKey)
  assert.equal((await verify(both, nested.text)).payload.name, 'Alice')
})

test('introspection: a client that registered it gets the signed response encrypted [RFC 9701 §6]', async () => {
  const jwks = { keys: [await jwkOf(rsa.publicKey)] }
  const server = await open({
    jwks,
    introspection_signed_response_alg: 'ES256',
    introspection_encrypted_response_alg: 'RSA-OAEP-256',
    introspection_encrypted_response_enc: 'A256GCM',
  })
  const { access_token } = (await tokensOf(server)).json
  const answer = await server.send('POST', '/connect/introspect', {
    form: { token: access_token },
    headers: { ...basic('web', 's'), accept: 'application/token-introspection+jwt' },
  })
  const { text } = await decrypt(answer.body, rsa.privateKey)
  const { payload, protectedHeader } = await verify(server, text)
  assert.equal(protectedHeader.alg, 'ES256')
  assert.equal((payload.token_introspection as { active: boolean }).active, true)
})

test('encryption: without a suitable key the response is an error, and the code can be used once there is one', async () => {
  const there = await openLoopback()
  there.pages.set('/jwks', { body: JSON.stringify({ keys: [await jwkOf(rsa.publicKey, { use: 'sig' })] }) })
  const server = await open({ jwks_uri: `${there.origin}/jwks`, id_token_encrypted_response_alg: 'RSA-OAEP' })
  const code =
    answerOf(await signIn(createBrowser(server), authorizePath({ scope: 'openid' }))).get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier }
  const refused = await server.token(form, { client: ['web', 's'] })
  assert.equal(refused.status, 503)
  assert.equal(refused.headers['retry-after'], '1')
  there.pages.set('/jwks', { body: JSON.stringify({ keys: [await jwkOf(rsa.publicKey, { use: 'enc' })] }) })
  server.clock.advance(30)
  const tokens = await server.token(form, { client: ['web', 's'] })
  assert.equal(tokens.status, 200)
  assert.equal((await decrypt(tokens.json.id_token, rsa.privateKey)).header.alg, 'RSA-OAEP')
})

test('discovery: lists the supported signing and encryption', async () => {
  const { json } = await (await open({})).send('GET', '/.well-known/openid-configuration')
  assert.ok(json.userinfo_signing_alg_values_supported.includes('RS256'))
  for (const name of ['id_token', 'userinfo', 'introspection']) {
    assert.ok(json[`${name}_encryption_alg_values_supported`].includes('RSA-OAEP-256'))
    assert.ok(json[`${name}_encryption_enc_values_supported`].includes('A128CBC-HS256'))
  }
})
