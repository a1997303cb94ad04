/** Clients get authorization responses in a JWT, signed, and signed and encrypted (JARM): openid-client and oauth4webapi. */

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { compactDecrypt } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { createBrowser } from '../support/browser.ts'
import { authorizePath, callback, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer } from '../support/tessera.ts'

const keys = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])
const jwk = { ...(await crypto.subtle.exportKey('jwk', keys.publicKey)), key_ops: undefined, ext: undefined }
const [web] = pagesWorld.clients

const server = await createTestServer(
  {
    ...pagesWorld,
    clients: [
      { ...web, require_signed_authorization_response: true, authorization_signed_response_alg: 'PS256' },
      {
        ...{ ...web, client_id: 'encrypted', jwks: { keys: [{ ...jwk, kid: 'enc', use: 'enc' }] } },
        ...{ authorization_signed_response_alg: 'ES256', authorization_encrypted_response_alg: 'ECDH-ES' },
        authorization_encrypted_response_enc: 'A256GCM',
      },
    ],
  },
  { at: secondsNow() },
)
// The clients use the machine's clock, and other files may run before this one.
beforeEach(() => server.clock.advance(secondsNow() - server.clock.now()))
const fetchFromServer = ((url: string, init: RequestInit) => server.fetch(new Request(url, init))) as never

function secondsNow(): number {
  return Math.floor(Date.now() / 1000)
}

const browser = createBrowser(server)
await signIn(browser, authorizePath({ response_mode: 'jwt' }))

/** Returns where the browser is redirected; Alice is signed in. */
async function redirected(address: URL): Promise<URL> {
  const back = new URL((await browser.visit(address.pathname + address.search)).location ?? '')
  assert.deepEqual([...back.searchParams.keys()], ['response'])
  return back
}

for (const client_id of ['web', 'encrypted'] as const)
  test(`openid-client: the response of the client ${client_id} is verified by useJwtResponseMode, and its code gets tokens`, async () => {
    const config = await client.discovery(
      new URL(issuer),
      client_id,
      { authorization_signed_response_alg: client_id === 'web' ? 'PS256' : 'ES256' },
      client.None(),
      { [client.customFetch]: fetchFromServer },
    )
    config[client.customFetch] = fetchFromServer
    client.useJwtResponseMode(config)
    if (client_id === 'encrypted')
      client.enableDecryptingResponses(config, ['A256GCM'], { key: keys.privateKey, kid: 'enc' })
    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const parameters = {
      redirect_uri: callback,
      scope: 'openid profile',
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: 'some-state',
    }
    const checks = { pkceCodeVerifier, expectedState: 'some-state', idTokenExpected: true }
    const back = await redirected(client.buildAuthorizationUrl(config, parameters))
    const tokens = await client.authorizationCodeGrant(config, back, checks)
    assert.equal(tokens.claims()?.sub, '1')
    const wrong = client.buildAuthorizationUrl(config, { ...parameters, scope: 'openid nothing' })
    await assert.rejects(client.authorizationCodeGrant(config, await redirected(wrong), checks), {
      error: 'invalid_scope',
    })
  })

for (const client_id of ['web', 'encrypted'] as const)
  test(`oauth4webapi: the response of the client ${client_id} passes validateJwtAuthResponse`, async () => {
    const options = { [oauth.customFetch]: fetchFromServer }
    const discovered = await oauth.discoveryRequest(new URL(issuer), options)
    const metadata = await oauth.processDiscoveryResponse(new URL(issuer), discovered)
    const app: oauth.Client = {
      client_id,
      authorization_signed_response_alg: client_id === 'web' ? 'PS256' : 'ES256',
    }
    const verifier = oauth.generateRandomCodeVerifier()
    const address = new URL(metadata.authorization_endpoint!)
    address.search = new URLSearchParams({
      ...{ client_id, response_type: 'code', response_mode: 'jwt', redirect_uri: callback },
      ...{ scope: 'openid profile', state: 'some-state', code_challenge_method: 'S256' },
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    }).toString()
    const parameters = await oauth.validateJwtAuthResponse(
      metadata,
      app,
      await redirected(address),
      'some-state',
      {
        ...options,
        [oauth.jweDecrypt]: async jwe => {
          const { plaintext } = await compactDecrypt(jwe, keys.privateKey)
          return new TextDecoder().decode(plaintext)
        },
      },
    )
    const response = await oauth.authorizationCodeGrantRequest(
      ...([metadata, app, oauth.None(), parameters, callback, verifier, options] as const),
    )
    const tokens = await oauth.processAuthorizationCodeResponse(metadata, app, response)
    assert.ok(tokens.access_token)
  })
