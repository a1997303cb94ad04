/** Signals of callers: each call ends while it waits for the metadata or for the keys of a server that does not respond. */

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import {
  type Client,
  clientCredentials,
  completeAuthorization,
  createAuthorizationRequest,
  createAuthorizedFetch,
  createClient,
  deleteRegistration,
  fetchUserinfo,
  introspectToken,
  type PendingAuthorization,
  password,
  type Result,
  readRegistration,
  refreshToken,
  registerClient,
  revokeToken,
  startDeviceAuthorization,
  unwrap,
  updateRegistration,
  validateAuthorizationResponse,
} from '@tessera/client'
import { createKey, sign } from './token-server.ts'

const issuer = 'https://slow.example'
const registration = {
  client_id: 'app',
  registration_access_token: 'token',
  registration_client_uri: `${issuer}/register/app`,
}
const redirect_uri = 'https://app.example/callback'
const pending: PendingAuthorization = {
  ...{ issuer, client_id: 'app', redirect_uri, response_type: 'code', response_mode: 'query', scope: 'api' },
  ...{ state: 'state', code_verifier: 'v'.repeat(43), created_at: 0 },
}

type Call = (client: Client, signal: AbortSignal) => Promise<Result<unknown>>

const calls: Readonly<Record<string, Call>> = {
  clientCredentials: (client, signal) => clientCredentials(client, { signal }),
  startDeviceAuthorization: (client, signal) => startDeviceAuthorization(client, { signal }),
  fetchUserinfo: (client, signal) => fetchUserinfo(client, 'token', null, { signal }),
  introspectToken: (client, signal) => introspectToken(client, 'token', { signal }),
  revokeToken: (client, signal) => revokeToken(client, 'token', { signal }),
  registerClient: (client, signal) => registerClient(client.issuer, {}, { signal }),
  readRegistration: (client, signal) => readRegistration(client.issuer, registration, { signal }),
  updateRegistration: (client, signal) => updateRegistration(client.issuer, registration, {}, { signal }),
  deleteRegistration: (client, signal) => deleteRegistration(client.issuer, registration, { signal }),
  createAuthorizationRequest: (client, signal) =>
    createAuthorizationRequest(client, { redirect_uri, signal }),
  validateAuthorizationResponse: (client, signal) =>
    validateAuthorizationResponse(client, 'state=state&code=code', pending, { signal }),
  completeAuthorization: (client, signal) =>
    completeAuthorization(client, 'state=state&code=code', pending, { signal }),
}

for (const [name, call] of Object.entries(calls))
  test(`aborted calls: ${name} ends while the metadata are requested, and has sent nothing`, async () => {
    const stop = new AbortController()
    const requested: string[] = []
    const client = createClient({
      ...{ issuer, client_id: 'app' },
      fetch(url) {
        requested.push(url)
        setImmediate(() => stop.abort())
        return new Promise(() => undefined)
      },
    })
    const result = await call(client, stop.signal)
    assert.ok(!result.ok)
    assert.equal(result.error.kind, 'aborted')
    assert.equal(result.error.mayHaveSucceeded, false)
    assert.deepEqual(requested, [`${issuer}/.well-known/openid-configuration`])
    assert.equal(getEventListeners(stop.signal, 'abort').length, 0)
  })

const key = await createKey('ES256')

/** Creates a client of a server that responds to everything except requests for its keys. */
async function withoutKeys(stop: AbortController): Promise<Client> {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: issuer, sub: 'bob', aud: 'app', iat: now, exp: now + 60 }
  const id_token = await sign(claims, key)
  const signed = (type: string) => new Response(id_token, { headers: { 'content-type': type } })
  const metadata = {
    issuer,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    introspection_endpoint: `${issuer}/introspect`,
    jwks_uri: `${issuer}/jwks`,
  }
  const introspection = await sign({ ...claims, token_introspection: { active: false } }, key, {
    typ: 'token-introspection+jwt',
  })
  return createClient({
    ...{ issuer, metadata, client_id: 'app' },
    async fetch(url) {
      if (url === metadata.userinfo_endpoint) return signed('application/jwt')
      if (url === metadata.introspection_endpoint)
        return new Response(introspection, {
          headers: { 'content-type': 'application/token-introspection+jwt' },
        })
      if (url === metadata.token_endpoint)
        return Response.json({ access_token: 'new', token_type: 'Bearer', refresh_token: 'next', id_token })
      setImmediate(() => stop.abort())
      return new Promise(() => undefined)
    },
  })
}

const keyCalls: readonly (readonly [string, boolean, Call])[] = [
  ['password', true, (client, signal) => password(client, { username: 'a', password: 'b' }, { signal })],
  ['fetchUserinfo', false, (client, signal) => fetchUserinfo(client, 'token', 'bob', { signal })],
  ['introspectToken', false, (client, signal) => introspectToken(client, 'token', { signed: true, signal })],
]

for (const [name, mayHaveSucceeded, call] of keyCalls)
  test(`aborted calls: ${name} ends while the keys are requested`, async () => {
    const stop = new AbortController()
    const result = await call(await withoutKeys(stop), stop.signal)
    assert.ok(!result.ok)
    assert.equal(result.error.kind, 'aborted')
    assert.equal(result.error.mayHaveSucceeded, mayHaveSucceeded)
  })

test('aborted calls: refreshToken returns the tokens without the ID token, because the older ones are used up', async () => {
  const stop = new AbortController()
  const tokens = unwrap(await refreshToken(await withoutKeys(stop), 'first', { signal: stop.signal }))
  assert.equal(tokens.refresh_token, 'next')
  assert.equal(tokens.id_token, undefined)
})

test('aborted calls: a request to an API does not wait for a user who is asked for more', async () => {
  const stop = new AbortController()
  const client = createClient({ issuer, client_id: 'app' })
  const token = { ok: true, value: { access_token: 'token', token_type: 'Bearer' } } as const
  const source = { client, accessToken: async () => token, renew: async () => token }
  const send = createAuthorizedFetch(source, {
    origins: ['https://api.example'],
    fetch: async () =>
      new Response(null, {
        status: 403,
        headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
      }),
    onChallenge() {
      setImmediate(() => stop.abort())
      return new Promise(() => undefined)
    },
  })
  const response = await send('https://api.example/', { signal: stop.signal })
  assert.equal(response.status, 403)
  assert.equal(stop.signal.aborted, true)
})
