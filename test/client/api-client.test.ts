/** Both sides of the client library: `createAuthorizedFetch` calls an API behind the guard, with tokens of Tessera. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ApiChallenge,
  challengeOf,
  clientCredentials,
  clientSecretBasic,
  createAuthorizedFetch,
  createClient,
  createTokenCache,
  unwrap,
} from '@tessera/client'
import type { Requirements } from '@tessera/client/api'
import { fetchGuard } from '@tessera/client/api/fetch'
import { createDpop } from '@tessera/client/dpop'
import { guardOf, startApi, startIssuer } from './api-world.ts'
import { now } from './token-server.ts'

const resource = 'https://orders.example/v1'
const origins = ['https://orders.example']

/** Tessera, a client, and a `fetch` that reaches the API only. */
async function startWorld(requirements: Requirements) {
  const api = await startApi()
  const introspection = { client: api.introspection, maxAge: 0 }
  const { guard, events } = guardOf(api.trusted, {
    resource,
    validation: 'jwt-and-introspection',
    introspection,
  })
  const handle = fetchGuard(guard, requirements, (_, { client_id }) => Response.json({ client_id }))
  const client = createClient({
    issuer: api.trusted,
    client_id: 'machine',
    authentication: clientSecretBasic('secret'),
    fetch: api.fetch,
  })
  const fetch = (url: string | URL | Request, init?: RequestInit) => handle(new Request(url, init))
  return { api, events, client, cache: createTokenCache(client), fetch }
}

test('API and client: a token that was revoked is replaced, and the request repeated', async () => {
  const { api, events, cache, fetch } = await startWorld({ scope: 'read' })
  const authorized = createAuthorizedFetch(cache.source({ scope: 'read' }), { origins, fetch })
  assert.equal((await authorized(resource)).status, 200)
  await api.revoke('machine', unwrap(await cache.token({ scope: 'read' })).access_token)
  const response = await authorized(resource)
  assert.deepEqual(await response.json(), { client_id: 'machine' })
  assert.deepEqual(
    events.map(({ reason }) => reason),
    ['allowed', 'token_inactive', 'allowed'],
  )
})

test('API and client: the client reads the scope that it lacks, gets a token with it, and repeats the request', async () => {
  const { events, client, cache, fetch } = await startWorld({ scope: 'read write' })
  const challenges: ApiChallenge[] = []
  const authorized = createAuthorizedFetch(cache.source({ scope: 'read' }), {
    origins,
    fetch,
    async onChallenge(challenge) {
      challenges.push(challenge)
      return unwrap(await clientCredentials(client, { scope: challenge.scope }))
    },
  })
  assert.equal((await authorized(resource)).status, 200)
  const [{ error, scope, resource_metadata } = assert.fail()] = challenges
  assert.deepEqual([error, scope], ['insufficient_scope', 'read write'])
  assert.equal(resource_metadata, 'https://orders.example/.well-known/oauth-protected-resource/v1')
  assert.deepEqual(
    events.map(({ reason }) => reason),
    ['scope_insufficient', 'allowed'],
  )
})

test('API and client: the client reads which sign-in the API requires [RFC 9470 §3]', async () => {
  const { api, cache, fetch } = await startWorld({ acr_values: 'mfa hwk', max_age: 60 })
  const { access_token } = await api.signIn({ acr: 'pwd' })
  const source = {
    ...cache.source(),
    accessToken: async () => ({ ok: true, value: { access_token, token_type: 'Bearer' } }) as const,
  }
  const challenges: ApiChallenge[] = []
  const authorized = createAuthorizedFetch(source, {
    origins,
    fetch,
    onChallenge: async challenge => void challenges.push(challenge),
  })
  assert.equal((await authorized(resource)).status, 401)
  const [{ error, acr_values, max_age } = assert.fail()] = challenges
  assert.deepEqual([error, acr_values, max_age], ['insufficient_user_authentication', 'mfa hwk', 60])
})

test('API and client: a client without a token reads where to get one [RFC 9728 §5.1]', async () => {
  const { fetch } = await startWorld({ scope: 'read' })
  const challenge = challengeOf(await fetch(resource))
  assert.equal(challenge?.error, undefined)
  assert.equal(challenge?.scope, 'read')
  assert.equal(challenge?.resource_metadata, 'https://orders.example/.well-known/oauth-protected-resource/v1')
})

test('API and client: while the server is unreachable, the client gets 503 and keeps its token', async () => {
  const { api, cache, fetch } = await startWorld({ scope: 'read' })
  const authorized = createAuthorizedFetch(cache.source({ scope: 'read' }), { origins, fetch })
  const { access_token } = unwrap(await cache.token({ scope: 'read' }))
  api.network.down = true
  const response = await authorized(resource)
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('retry-after'), '5')
  api.network.down = false
  assert.equal((await authorized(resource)).status, 200)
  assert.equal(unwrap(await cache.token({ scope: 'read' })).access_token, access_token)
})

test('API and client: a realm with quotes and several schemes is read as it was written', async () => {
  const server = startIssuer()
  const realm = 'Orders, "live" \\ error="x"'
  const scheme = { name: 'DPoP', confirmation: 'jkt', verify: async () => ({ ok: true }) as const }
  const { guard } = guardOf(server.issuer, { realm, schemes: [scheme] })
  const handle = fetchGuard(guard, { scope: 'read' }, () => new Response())
  const { jkt } = await createDpop()
  const token = await server.token({ cnf: { jkt }, exp: now - 100 })
  const response = await handle(new Request(resource, { headers: { authorization: `DPoP ${token}` } }))
  const challenge = challengeOf(response, 'DPoP')
  assert.deepEqual([challenge?.realm, challenge?.error], [realm, 'invalid_token'])
  assert.equal(challengeOf(response)?.error, undefined)
})
