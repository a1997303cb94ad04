/** Common mistakes of callers: each message says what to change. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ClientOptions,
  clientCredentials,
  clientSecretBasic,
  clientSecretPost,
  completeAuthorization,
  createAuthorizationRequest,
  createAuthorizedFetch,
  createClient,
  createIssuer,
  createSession,
  createTokenCache,
  fixedKeys,
  importSigningKey,
  validateAccessToken,
  verifyJwt,
} from '@tessera/client'
import { createApiGuard, type Requirements } from '@tessera/client/api'
import { fastifyAccess, fastifyGuard } from '@tessera/client/api/fastify'
import { completeRedirect, signInWithPopup } from '@tessera/client/browser'
import fastify from 'fastify'
import { createKey, sign } from './token-server.ts'

const issuer = 'https://id.example'
const client = createClient({ issuer, client_id: 'worker' })

const messageOf = async (options: Partial<ClientOptions>): Promise<string> => {
  const tokens = await clientCredentials(
    createClient({ issuer, client_id: 'worker', ...options } as ClientOptions),
  )
  assert.ok(!tokens.ok)
  return tokens.error.message
}

test('mistakes: an empty secret or a missing option is a TypeError, instead of the error of the server', () => {
  const names = [undefined, ''] as unknown as readonly string[]
  for (const secret of names)
    for (const method of [clientSecretBasic, clientSecretPost])
      assert.throws(() => method(secret), { name: 'TypeError', message: /the client secret is empty/ })
  for (const client_id of names)
    assert.throws(() => createClient({ issuer, client_id }), {
      name: 'TypeError',
      message: /client_id is missing/,
    })
  for (const name of names)
    assert.throws(() => createClient({ issuer: name, client_id: 'a' }), {
      name: 'TypeError',
      message: /issuer is missing/,
    })
})

test('mistakes: an issuer without https names the option that allows http', async () => {
  for (const wrong of ['id.example', 'http://id.example'])
    assert.equal(
      await messageOf({ issuer: wrong }),
      `the issuer "${wrong}" must be a URL that starts with https:// and has no query and fragment; policy.httpHosts lists hosts that may use http`,
    )
})

test('mistakes: an issuer without metadata names the options that replace them', async () => {
  const fetch = async () => new Response('', { status: 404 })
  assert.match(
    await messageOf({ fetch }),
    /\(status 404\); check the issuer, or pass metadataUrl or metadata$/,
  )
})

test('mistakes: a network failure has the code of the system, and nothing else of it', async () => {
  const failing = (cause: unknown) => async () => {
    throw new TypeError('fetch failed', { cause })
  }
  const place = `no response from ${issuer}/.well-known/openid-configuration`
  assert.equal(await messageOf({ fetch: failing({ code: 'ECONNREFUSED' }) }), `${place} (ECONNREFUSED)`)
  for (const cause of [undefined, null, { code: 23 }, { code: 'Bearer secret' }, new Error('secret')])
    assert.equal(await messageOf({ fetch: failing(cause) }), place)
})

test('mistakes: an authorized fetch without origins or without a source is a TypeError', () => {
  const cache = createTokenCache(client)
  const origins = ['https://api.example']
  const source = cache.source()
  assert.throws(() => createAuthorizedFetch(source, undefined as never), {
    name: 'TypeError',
    message: /origins is missing/,
  })
  for (const wrong of [cache, client, undefined])
    assert.throws(() => createAuthorizedFetch(wrong as never, { origins }), {
      name: 'TypeError',
      message: /the source has no client/,
    })
})

test('mistakes: a redirect URI without a host, and a pending request as text, are TypeErrors', async () => {
  for (const redirect_uri of ['/callback', '', undefined as never])
    await assert.rejects(createAuthorizationRequest(client, { redirect_uri }), {
      name: 'TypeError',
      message: /^redirect_uri must be an absolute URL/,
    })
  await assert.rejects(completeAuthorization(client, '/callback?code=a', '{"state":"a"}' as never), {
    name: 'TypeError',
    message: /^pending must be the object/,
  })
})

test('mistakes: a session does not start with a result instead of its value', async () => {
  const session = createSession(client)
  await assert.rejects(session.start({ ok: true } as never), {
    name: 'TypeError',
    message: /pass the value of the result/,
  })
  assert.equal(await session.tokens(), undefined)
})

test('mistakes: a key pair is a TypeError that names its private key', async () => {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
    'sign',
    'verify',
  ])
  await assert.rejects(importSigningKey(pair as never), {
    name: 'TypeError',
    message: /of a key pair, pass privateKey$/,
  })
})

test('mistakes: the type of exported keys is that of the library’s parameters', async () => {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])
  const exported = await crypto.subtle.exportKey('jwk', pair.privateKey)
  assert.equal((await importSigningKey(exported)).alg, 'ES256')
})

test('mistakes: functions for pages are TypeErrors where there is no page', async () => {
  const redirect_uri = 'https://app.example/callback'
  const calls = [() => completeRedirect(client), () => signInWithPopup(client, { redirect_uri })]
  for (const call of calls)
    await assert.rejects(async () => call(), { name: 'TypeError', message: /^there is no page/ })
})

test('mistakes: a token whose time is wrong says by how much', async () => {
  const key = await createKey('ES256')
  const now = 1_790_000_000
  const messageFor = async (claims: object) => {
    const verified = await verifyJwt(await sign(claims, key), fixedKeys([key.jwk]), {
      algorithms: ['ES256'],
      now,
    })
    assert.ok(!verified.ok)
    return verified.error.message
  }
  assert.equal(await messageFor({ exp: now - 3600 }), 'the token expired 3600 s ago')
  assert.equal(await messageFor({ nbf: now + 3600 }), 'the token is valid in 3600 s; compare the clocks')
  assert.equal(
    await messageFor({ iat: now + 3600 }),
    'the token was issued 3600 s in the future; compare the clocks',
  )
})

test('mistakes: an access token is not validated without an audience', async () => {
  for (const audience of [undefined, '', []])
    await assert.rejects(validateAccessToken(createIssuer(issuer), 'token', { audience } as never), {
      name: 'TypeError',
      message: /audience is missing/,
    })
})

test('mistakes: a requirement that is misspelt opens no route', async () => {
  const guard = createApiGuard(issuer, { audience: 'urn:api' })
  const message =
    'there is no requirement "scopes"; known are scope, anyScope, acr_values, max_age, client_ids, check'
  assert.throws(() => guard.requires({ scopes: 'write' } as Requirements), { name: 'TypeError', message })
})

test('mistakes: the log of a guard says which issuer a token has, and which are trusted', async () => {
  const causes: unknown[] = []
  const guard = createApiGuard(`${issuer}/`, {
    audience: 'urn:api',
    hooks: { decided: ({ reason, cause }) => causes.push([reason, cause?.message]) },
  })
  const token = await sign({ iss: issuer }, await createKey('ES256'))
  const header = () => [`Bearer ${token}`]
  await guard.requires()({ method: 'GET', url: '/', header })
  const message = `the token is of issuer "${issuer}", and the guard trusts "${issuer}/"`
  assert.deepEqual(causes, [['issuer_untrusted', message]])
})

test('mistakes: a guard of a whole Fastify instance leaves the metadata open [RFC 9728 §3]', async () => {
  const guard = createApiGuard(issuer, { resource: 'https://api.example' })
  const app = fastify()
  app.addHook('onRequest', fastifyGuard(guard))
  app.register(fastifyAccess(guard))
  app.get('/*', async () => 'open')
  const statusOf = async (url: string) => (await app.inject({ url })).statusCode
  assert.equal(await statusOf('/.well-known/oauth-protected-resource'), 200)
  assert.equal(await statusOf('/.well-known/oauth-protected-resource/'), 401)
  assert.equal(await statusOf('/orders'), 401)
})
