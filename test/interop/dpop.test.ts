/** Foreign clients use DPoP, with nonces required: openid-client, oauth4webapi and dpop (RFC 9449). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
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
  },
  // The clients use the machine's clock.
  { at: Math.floor(Date.now() / 1000) },
)
const fetchFromServer = ((url: string, init: RequestInit) => server.fetch(new Request(url, init))) as never

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
