/** The implicit and hybrid flows with `openid-client`, which checks signature, nonce and hashes itself. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as client from 'openid-client'
import { withServer } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { secret, world } from '../support/world.ts'

const bob = { username: 'bob', password: 'bob' }
const redirect_uri = 'https://app.example/cb'
const hybrid = {
  ...world,
  clients: [
    {
      client_id: 'hybrid',
      client_secrets: [{ value: secret }],
      grant_types: ['authorization_code', 'implicit', 'refresh_token'],
      response_types: ['id_token', 'code id_token'],
      redirect_uris: [redirect_uri],
      scope: 'openid profile offline_access',
      subject_type: 'pairwise',
    },
  ],
}

const discover = (url: string): Promise<client.Configuration> =>
  client.discovery(new URL(url), 'hybrid', secret, client.ClientSecretPost(secret), {
    execute: [client.allowInsecureRequests],
  })

test('openid-client: response_type=id_token signs in by the front channel alone, with the claims of the scope', async () => {
  await withServer(hybrid, async ({ url }) => {
    const config = await discover(url)
    client.useIdTokenResponseType(config)
    const [state, nonce] = [client.randomState(), client.randomNonce()]
    const address = client.buildAuthorizationUrl(config, {
      redirect_uri,
      scope: 'openid profile',
      state,
      nonce,
    })
    const back = await createPerson(url, bob).authorize(address.href)
    const claims = await client.implicitAuthentication(config, back, nonce, { expectedState: state })
    assert.equal(claims.name, 'Bob')
    assert.match(claims.sub, /^[\w-]{43}$/)
    await assert.rejects(client.implicitAuthentication(config, back, 'another', { expectedState: state }))
  })
})

test('openid-client: response_type=code id_token returns a code bound to its ID token, and UserInfo of the same user', async () => {
  await withServer(hybrid, async ({ url }) => {
    const config = await discover(url)
    client.useCodeIdTokenResponseType(config)
    const verifier = client.randomPKCECodeVerifier()
    const [state, nonce] = [client.randomState(), client.randomNonce()]
    const address = client.buildAuthorizationUrl(config, {
      ...{ redirect_uri, scope: 'openid profile offline_access', state, nonce },
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    const back = await createPerson(url, bob).authorize(address.href)
    const tokens = await client.authorizationCodeGrant(config, back, {
      ...{ pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce },
      idTokenExpected: true,
    })
    const sub = tokens.claims()?.sub ?? ''
    assert.match(sub, /^[\w-]{43}$/)
    assert.equal((await client.fetchUserInfo(config, tokens.access_token, sub)).name, 'Bob')
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token!)
    assert.equal(refreshed.claims()?.sub, sub)
  })
})
