/** Clients use DPoP, with nonces required (RFC 9449): openid-client, oauth4webapi, dpop, and the library of this repository. */

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import {
  clientCredentials,
  clientSecretBasic,
  clientSecretPost,
  completeAuthorization,
  createAuthorizationRequest,
  createAuthorizedFetch,
  createClient,
  createIssuer,
  createSession,
  fetchUserinfo,
  introspectToken,
  memoryStore,
  unwrap,
} from '@tessera/client'
import { createApiGuard, dpopScheme } from '@tessera/client/api'
import { fetchGuard } from '@tessera/client/api/fetch'
import { createDpop, generateDpopKey } from '@tessera/client/dpop'
import * as dpop from 'dpop'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { createBrowser } from '../support/browser.ts'
import { alice, answerOf, callback, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer } from '../support/tessera.ts'

const bound = { dpop_bound_access_tokens: true }
const server = await createTestServer(
  {
    ...pagesWorld,
    dpop: { require_nonce: true },
    clients: pagesWorld.clients.map(one => ({ ...one, ...bound })),
    api_resources: [{ name: 'urn:api', scopes: ['api1', 'api2'], api_secrets: [{ value: 'api' }] }],
  },
  { at: secondsNow() },
)
// The clients use the machine's clock, and other files may run before this one. A proof is accepted for a minute.
beforeEach(() => server.clock.advance(secondsNow() - server.clock.now()))
const fetchFromServer = ((url: string, init: RequestInit) => server.fetch(new Request(url, init))) as never

function secondsNow(): number {
  return Math.floor(Date.now() / 1000)
}

/** Signs in and returns where the browser is redirected. */
async function redirected(address: URL): Promise<URL> {
  const page = await signIn(createBrowser(server), address.pathname + address.search, alice)
  return new URL(`${callback}?${answerOf(page)}`)
}

test('openid-client: DPoP with nonces: code bound by dpop_jkt and by PAR, refresh, userinfo, client credentials', async () => {
  const discover = async (id: string, authentication: client.ClientAuth) =>
    client.discovery(new URL(issuer), id, undefined, authentication, {
      [client.customFetch]: fetchFromServer,
    })
  const config = await discover('web', client.None())
  config[client.customFetch] = fetchFromServer
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const parameters = {
    redirect_uri: callback,
    scope: 'openid profile api1 offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: 'some-state',
  }
  const checks = { pkceCodeVerifier, expectedState: 'some-state', idTokenExpected: true }
  for (const address of [
    client.buildAuthorizationUrl(config, { ...parameters, dpop_jkt: await DPoP.calculateThumbprint() }),
    await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP }),
  ]) {
    const back = await redirected(address)
    const tokens = await client.authorizationCodeGrant(config, back, checks, undefined, { DPoP })
    assert.equal(tokens.token_type, 'dpop')
    const user = await client.fetchUserInfo(config, tokens.access_token, '1', { DPoP })
    assert.equal(user.name, 'Alice')
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token!, undefined, { DPoP })
    assert.equal(refreshed.token_type, 'dpop')
  }
  const machine = await discover('machine', client.ClientSecretPost('s'))
  machine[client.customFetch] = fetchFromServer
  const own = client.getDPoPHandle(machine, await client.randomDPoPKeyPair('Ed25519'))
  const token = await client.clientCredentialsGrant(machine, { scope: 'api1' }, { DPoP: own })
  assert.equal(token.token_type, 'dpop')
})

test('oauth4webapi: DPoP with nonces: code, refresh and userinfo, each repeated once for its nonce', async () => {
  const options = { [oauth.customFetch]: fetchFromServer }
  const discovered = await oauth.discoveryRequest(new URL(issuer), options)
  const metadata = await oauth.processDiscoveryResponse(new URL(issuer), discovered)
  const web: oauth.Client = { client_id: 'web' }
  const DPoP = oauth.DPoP(web, await oauth.generateKeyPair('PS256'))
  /** Repeats a request that was refused for its nonce, as the documentation of the library says. */
  const withNonce = async <Value>(send: () => Promise<Value>): Promise<Value> => {
    try {
      return await send()
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error
      return send()
    }
  }
  const verifier = oauth.generateRandomCodeVerifier()
  const address = new URL(metadata.authorization_endpoint!)
  address.search = new URLSearchParams({
    ...{ client_id: 'web', response_type: 'code', redirect_uri: callback, state: 'some-state' },
    scope: 'openid profile api1 offline_access',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    dpop_jkt: await DPoP.calculateThumbprint(),
  }).toString()
  const parameters = oauth.validateAuthResponse(metadata, web, await redirected(address), 'some-state')
  const none = oauth.None()
  const tokens = await withNonce(async () =>
    oauth.processAuthorizationCodeResponse(
      metadata,
      web,
      await oauth.authorizationCodeGrantRequest(metadata, web, none, parameters, callback, verifier, {
        ...options,
        DPoP,
      }),
    ),
  )
  assert.equal(tokens.token_type, 'dpop')
  const refreshed = await withNonce(async () =>
    oauth.processRefreshTokenResponse(
      metadata,
      web,
      await oauth.refreshTokenGrantRequest(metadata, web, none, tokens.refresh_token!, { ...options, DPoP }),
    ),
  )
  const user = await withNonce(async () =>
    oauth.processUserInfoResponse(
      metadata,
      web,
      '1',
      await oauth.userInfoRequest(metadata, web, refreshed.access_token, { ...options, DPoP }),
    ),
  )
  assert.equal(user.name, 'Alice')
})

test('dpop: its proofs are accepted at the token endpoint and at userinfo, and their thumbprint is in the token', async () => {
  const pair = await dpop.generateKeyPair('ES256')
  const url = `${issuer}/connect/token`
  const body = new URLSearchParams({
    ...{ grant_type: 'client_credentials', scope: 'api1', client_id: 'machine', client_secret: 's' },
  })
  const ask = async (nonce?: string) =>
    server.fetch(
      new Request(url, {
        method: 'POST',
        body,
        headers: { dpop: await dpop.generateProof(pair, url, 'POST', nonce) },
      }),
    )
  const refused = await ask()
  const nonce = refused.headers.get('dpop-nonce') ?? ''
  const { access_token } = (await (await ask(nonce)).json()) as { access_token: string }
  const claims = JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString())
  assert.deepEqual(claims.cnf, { jkt: await dpop.calculateThumbprint(pair.publicKey) })
  const userinfo = `${issuer}/connect/userinfo`
  const response = await server.fetch(
    new Request(userinfo, {
      headers: {
        authorization: `DPoP ${access_token}`,
        dpop: await dpop.generateProof(pair, userinfo, 'GET', nonce, access_token),
      },
    }),
  )
  // The proof is valid; the token is not of a user.
  assert.equal(response.status, 403)
})

const own = createIssuer(issuer, { fetch: fetchFromServer })
/** The requests that the library sent, as method and path. */
const sent: string[] = []
const recorded = ((url: string, init: RequestInit) => {
  sent.push(`${init.method} ${new URL(url).pathname}`)
  return server.fetch(new Request(url, init))
}) as never

test('client library: DPoP with nonces: sign-in bound by dpop_jkt and by PAR, a session, and its restart with the same key', async () => {
  const key = await generateDpopKey()
  const clientWith = async (used: Parameters<typeof createDpop>[0]) =>
    createClient({ issuer: own, client_id: 'web', fetch: recorded, proof: await createDpop(used) })
  for (const pushed of [false, true]) {
    const web = await clientWith(key)
    const store = memoryStore()
    const scope = 'openid profile api1 offline_access'
    const request = await createAuthorizationRequest(web, { redirect_uri: callback, scope, pushed })
    const { url, pending } = unwrap(request)
    assert.equal(new URL(url).searchParams.has('dpop_jkt'), !pushed)
    const { href } = await redirected(new URL(url))

    sent.length = 0
    const tokens = unwrap(await completeAuthorization(web, href, pending))
    assert.deepEqual(sent, ['POST /connect/token', 'POST /connect/token'])
    assert.equal(tokens.token_type, 'DPoP')
    await createSession(web, { store }).start(tokens)

    const restarted = await clientWith(key)
    const session = createSession(restarted, { store })
    sent.length = 0
    const call = createAuthorizedFetch(session, { origins: [issuer], fetch: recorded })
    assert.equal((await call(`${issuer}/connect/userinfo`, { method: 'GET' })).status, 200)
    assert.deepEqual(sent, ['GET /connect/userinfo', 'GET /connect/userinfo'])
    const fresh = unwrap(await session.refresh())
    assert.equal(unwrap(await fetchUserinfo(restarted, fresh.access_token, '1')).name, 'Alice')

    // With another key, neither the access token nor the refresh token of a public client is of use.
    const thief = await clientWith(undefined)
    const stolen = await fetchUserinfo(thief, fresh.access_token, '1')
    assert.equal(!stolen.ok && stolen.error.status, 401)
    assert.equal(server.reason(), 'token_bound_to_another_key')
    const refused = await createSession(thief, { store }).refresh()
    assert.equal(!refused.ok && refused.error.kind, 'session')
    assert.equal(server.reason(), 'refresh_token_bound_to_another_key')
  }
})

test('client library: a code that is bound to a key is of no use with another [RFC 9449 §10]', async () => {
  const clientWith = async () =>
    createClient({ issuer: own, client_id: 'web', fetch: recorded, proof: await createDpop() })
  for (const pushed of [false, true]) {
    const options = { redirect_uri: callback, scope: 'openid', pushed }
    const { url, pending } = unwrap(await createAuthorizationRequest(await clientWith(), options))
    const { href } = await redirected(new URL(url))
    const tokens = await completeAuthorization(await clientWith(), href, pending)
    assert.equal(!tokens.ok && tokens.error.code, 'invalid_grant')
    assert.equal(server.reason(), 'code_bound_to_another_key')
  }
})

test('client library: its guard accepts the tokens of Tessera with its proofs, as JWT and by introspection, and not as bearer', async () => {
  const proof = await createDpop(await generateDpopKey({ alg: 'Ed25519' }))
  const authentication = clientSecretPost('s')
  const machine = createClient({ issuer: own, client_id: 'machine', authentication, fetch: recorded, proof })
  const tokens = unwrap(await clientCredentials(machine, { scope: 'api1' }))
  const resource = {
    issuer: own,
    client_id: 'urn:api',
    authentication: clientSecretBasic('api'),
    fetch: fetchFromServer,
  }
  const introspection = { client: createClient(resource) }
  const described = unwrap(await introspectToken(introspection.client, tokens.access_token))
  assert.deepEqual(described.active && described.cnf, { jkt: proof.jkt })

  const url = 'https://api.example'
  const ok = async () => ({ ok: true, value: tokens }) as const
  for (const more of [{}, { introspection, validation: 'introspection' as const }]) {
    const scheme = dpopScheme({ url, nonceSecret: 'a secret of thirty-two characters' })
    const guard = createApiGuard(own, { audience: 'urn:api', schemes: [scheme], requireBound: true, ...more })
    const api = fetchGuard(guard, { scope: 'api1' }, (_, access) => Response.json(access.client_id))
    const statuses: number[] = []
    const call = createAuthorizedFetch(
      { client: machine, accessToken: ok, renew: ok },
      {
        origins: [url],
        async fetch(input, init) {
          const response = await api(new Request(input, init))
          statuses.push(response.status)
          return response
        },
      },
    )
    const response = await call(`${url}/orders?a=b`, { method: 'POST', body: 'order' })
    assert.equal(await response.json(), 'machine')
    await call(`${url}/orders`)
    // Once for the nonce of the API, which replaces one of another guard.
    assert.deepEqual(statuses, Object.keys(more).length > 0 ? [200, 200] : [401, 200, 200])

    const authorization = `Bearer ${tokens.access_token}`
    const bearer = await api(new Request(`${url}/orders`, { headers: { authorization } }))
    assert.equal(bearer.status, 401)
    assert.match(bearer.headers.get('www-authenticate') ?? '', /Bearer error="invalid_token".*DPoP .*algs="/)
  }
})
