/** A third-party client library registers itself and sends pushed and signed requests: `openid-client`, unmodified. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import { withServer } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { world } from '../support/world.ts'

const bob = { username: 'bob', password: 'bob' }
const callback = 'https://app.example/cb'
const configured = {
  ...world,
  registration: { mode: 'initial_access_token', initial_access_tokens: [{ value: 'let me in' }] },
}

test('openid-client: registers itself, pushes a request, signs one, and reads an encrypted ID token and signed userinfo', async () => {
  const signing = await generateKeyPair('ES256')
  const encryption = await generateKeyPair('RSA-OAEP-256')
  const jwks = {
    keys: [
      { ...(await exportJWK(signing.publicKey)), kid: 'sig', use: 'sig', alg: 'ES256' },
      { ...(await exportJWK(encryption.publicKey)), kid: 'enc', use: 'enc', alg: 'RSA-OAEP-256' },
    ],
  }
  await withServer(configured, async ({ url }) => {
    const config = await client.dynamicClientRegistration(
      new URL(url),
      {
        redirect_uris: [callback],
        client_name: 'Newcomer',
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks,
        id_token_encrypted_response_alg: 'RSA-OAEP-256',
        id_token_encrypted_response_enc: 'A256GCM',
        userinfo_signed_response_alg: 'ES256',
      },
      client.PrivateKeyJwt({ key: signing.privateKey, kid: 'sig' }),
      { initialAccessToken: 'let me in', execute: [client.allowInsecureRequests] },
    )
    client.enableDecryptingResponses(config, ['A256GCM'], { key: encryption.privateKey, kid: 'enc' })
    const key = { key: signing.privateKey, kid: 'sig' }

    for (const way of ['pushed', 'signed', 'signed and pushed'] as const) {
      const verifier = client.randomPKCECodeVerifier()
      const [state, nonce] = [client.randomState(), client.randomNonce()]
      const parameters = {
        redirect_uri: callback,
        scope: 'openid profile',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
      }
      const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, key)
      const address = {
        pushed: () => client.buildAuthorizationUrlWithPAR(config, parameters),
        signed: async () => signed,
        'signed and pushed': () => client.buildAuthorizationUrlWithPAR(config, signed.searchParams),
      }[way]
      const back = await createPerson(url, bob).authorize((await address()).href)
      const tokens = await client.authorizationCodeGrant(config, back, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      })
      assert.equal(tokens.claims()?.sub, '88421113', way)
      const user = await client.fetchUserInfo(config, tokens.access_token, '88421113')
      assert.equal(user.name, 'Bob')
    }
  })
})

test('openid-client: registers without a row by none and private_key_jwt, signs its user in and refreshes', async () => {
  const sealing = { ...world, registration: { mode: 'open', sealed_client_ids: { mode: 'issue' } } }
  const signing = await generateKeyPair('ES256')
  const jwks = { keys: [{ ...(await exportJWK(signing.publicKey)), kid: 'sig', use: 'sig', alg: 'ES256' }] }
  const ways = [
    [{ token_endpoint_auth_method: 'none' }, client.None()],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks },
      client.PrivateKeyJwt({ key: signing.privateKey, kid: 'sig' }),
    ],
  ] as const
  await withServer(sealing, async ({ url }) => {
    for (const [metadata, authentication] of ways) {
      const config = await client.dynamicClientRegistration(
        new URL(url),
        {
          redirect_uris: [callback],
          client_name: 'Newcomer',
          grant_types: ['authorization_code', 'refresh_token'],
          ...metadata,
        },
        authentication,
        { execute: [client.allowInsecureRequests] },
      )
      const { client_id, registration_access_token } = config.clientMetadata()
      assert.match(client_id, /^sealed1\./)
      assert.equal(registration_access_token, undefined)
      const verifier = client.randomPKCECodeVerifier()
      const state = client.randomState()
      const address = client.buildAuthorizationUrl(config, {
        redirect_uri: callback,
        scope: 'openid profile offline_access',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
      })
      const back = await createPerson(url, bob).authorize(address.href)
      const tokens = await client.authorizationCodeGrant(config, back, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        idTokenExpected: true,
      })
      assert.equal((await client.fetchUserInfo(config, tokens.access_token, '88421113')).name, 'Bob')
      const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
      assert.ok(refreshed.refresh_token)
    }
  })
})
