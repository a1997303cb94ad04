import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientCredentials, clientSecretBasic, clientSecretPost, createClient } from '@tessera/client'
import { claimsOf } from '../support/tessera.ts'
import { startTessera } from './servers.ts'

// RFC 6749 §2.3.1: characters that must be form-encoded in Basic credentials.
const client_id = 'worker:1 %+&'
const secret = 'pä%ss+w:rd &='

const world = await startTessera({
  clients: [
    {
      client_id,
      client_secrets: [{ value: secret }],
      grant_types: ['client_credentials'],
      scope: 'api1 api2',
    },
  ],
  api_scopes: [{ name: 'api1' }, { name: 'api2' }],
  api_resources: [{ name: 'urn:api', scopes: ['api1', 'api2'] }],
})
const { issuer, fetch, server } = world

for (const authentication of [clientSecretBasic(secret), clientSecretPost(secret)])
  test(`client credentials: a client that uses ${authentication.method} gets a token`, async () => {
    const client = createClient({ issuer, client_id, authentication, fetch, now: server.clock.now })
    const tokens = await clientCredentials(client, { scope: 'api1' })
    assert.ok(tokens.ok)
    assert.equal(claimsOf(tokens.value.access_token).client_id, client_id)
    assert.equal(tokens.value.token_type, 'Bearer')
    assert.equal(tokens.value.expires_at, server.clock.now() + 3600)
    assert.equal(tokens.value.scope, 'api1')
  })

test('client credentials: an error has the code of the server, its request id, and no secret', async () => {
  const client = createClient({ issuer, client_id, authentication: clientSecretBasic('wrong'), fetch })
  const tokens = await clientCredentials(client, { scope: 'api1' })
  assert.ok(!tokens.ok)
  const { error } = tokens
  assert.equal(error.kind, 'response')
  assert.equal(error.code, 'invalid_client')
  assert.equal(error.status, 401)
  assert.match(error.requestId ?? '', /./)
  assert.equal(error.mayHaveSucceeded, false)
  assert.equal(server.reason(), 'client_secret_wrong')
  assert.doesNotMatch(JSON.stringify(error), /wrong|access_token/)
})

test('client credentials: a signal ends the wait for metadata, whose request other callers keep using', async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const client = createClient({
    ...{ issuer, client_id, authentication: clientSecretBasic(secret), now: server.clock.now },
    fetch: async (url, init) => {
      await held
      return fetch(url, init)
    },
  })
  const stop = new AbortController()
  const other = clientCredentials(client)
  const aborted = clientCredentials(client, { signal: stop.signal })
  const sentBefore = world.sent.length
  stop.abort()
  const tokens = await aborted
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.kind, 'aborted')
  assert.equal(tokens.error.mayHaveSucceeded, false)
  assert.equal(world.sent.length, sentBefore)
  release()
  assert.ok((await other).ok)
})
