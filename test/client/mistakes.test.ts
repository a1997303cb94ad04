/** Common mistakes of callers: each message says what to change. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ClientOptions,
  clientCredentials,
  clientSecretBasic,
  clientSecretPost,
  createAuthorizedFetch,
  createClient,
  createIssuer,
  createTokenCache,
  validateAccessToken,
} from '@tessera/client'
import { createApiGuard, type Requirements } from '@tessera/client/api'
import { fastifyAccess, fastifyGuard } from '@tessera/client/api/fastify'
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
