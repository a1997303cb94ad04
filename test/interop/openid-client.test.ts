import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as client from 'openid-client'
import { withServer } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { secret, world } from '../support/world.ts'

const bob = { username: 'bob', password: 'bob' }

const discover = (
  url: string,
  id: string,
  authentication?: client.ClientAuth,
): Promise<client.Configuration> =>
  client.discovery(new URL(url), id, secret, authentication, { execute: [client.allowInsecureRequests] })

test('openid-client: authorization code with PKCE, userinfo, refresh, introspection, revocation', async () => {
  await withServer(
    world,
    async ({ url }) => {
      const config = await discover(url, 'web', client.ClientSecretBasic(secret))
      const verifier = client.randomPKCECodeVerifier()
      const [state, nonce] = [client.randomState(), client.randomNonce()]
      const address = client.buildAuthorizationUrl(config, {
        redirect_uri: 'https://app.example/cb',
        scope: 'openid profile api1 offline_access',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
      })
      const back = await createPerson(url, bob).authorize(address.href)
      const tokens = await client.authorizationCodeGrant(config, back, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      })
      assert.equal(tokens.claims()?.sub, '88421113')
      const user = await client.fetchUserInfo(config, tokens.access_token, '88421113')
      assert.equal(user.name, 'Bob')
      const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token!)
      assert.notEqual(refreshed.refresh_token, tokens.refresh_token)
      assert.equal((await client.tokenIntrospection(config, refreshed.access_token)).active, true)
      await client.tokenRevocation(config, refreshed.refresh_token!)
      assert.equal((await client.tokenIntrospection(config, refreshed.access_token)).active, false)
      await assert.rejects(client.refreshTokenGrant(config, refreshed.refresh_token!), {
        error: 'invalid_grant',
      })
    },
    { workers: 2 },
  )
})

test('openid-client: client credentials by Basic and by body, and an extension grant', async () => {
  await withServer(world, async ({ url }) => {
    for (const authentication of [client.ClientSecretBasic(secret), client.ClientSecretPost(secret)]) {
      const config = await discover(url, 'client', authentication)
      const tokens = await client.clientCredentialsGrant(config, { scope: 'api1' })
      assert.equal(tokens.expires_in, 3600)
      const exchanged = await client.genericGrantRequest(
        await discover(url, 'exchanger', client.ClientSecretBasic(secret)),
        'urn:ietf:params:oauth:grant-type:token-exchange',
        {
          subject_token: tokens.access_token,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        },
      )
      assert.equal(exchanged.scope, 'api1')
    }
  })
})

test('openid-client: device authorization, approved on the device page', async () => {
  await withServer(world, async ({ url }) => {
    const config = await client.discovery(new URL(url), 'device', undefined, client.None(), {
      execute: [client.allowInsecureRequests],
    })
    const started = await client.initiateDeviceAuthorization(config, { scope: 'openid api1' })
    await createPerson(url, bob).connectDevice(started.verification_uri_complete!)
    const tokens = await client.pollDeviceAuthorizationGrant(config, { ...started, interval: 0.1 })
    assert.equal(tokens.claims()?.sub, '88421113')
  })
})

test('openid-client: its end-session URL signs out, with an ID token and with the client alone', async () => {
  const bye = 'https://app.example/bye'
  const clients = world.clients.map(client =>
    client.client_id === 'web' ? { ...client, post_logout_redirect_uris: [bye] } : client,
  )
  await withServer({ ...world, clients }, async ({ url }) => {
    const config = await discover(url, 'web', client.ClientSecretBasic(secret))
    const person = createPerson(url, bob)
    const signIn = async () => {
      const verifier = client.randomPKCECodeVerifier()
      const address = client.buildAuthorizationUrl(config, {
        redirect_uri: 'https://app.example/cb',
        scope: 'openid',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      const back = await person.authorize(address.href)
      return client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier })
    }
    const tokens = await signIn()
    const proven = client.buildEndSessionUrl(config, {
      post_logout_redirect_uri: bye,
      id_token_hint: tokens.id_token!,
      state: 'one',
    })
    assert.equal(String(await person.signOut(proven.href)), `${bye}?state=one`)
    await signIn()
    assert.equal(person.signIns(), 2)
    const asked = client.buildEndSessionUrl(config, { post_logout_redirect_uri: bye, state: 'two' })
    assert.equal(asked.searchParams.get('client_id'), 'web')
    assert.equal(String(await person.signOut(asked.href)), `${bye}?state=two`)
    await signIn()
    assert.equal(person.signIns(), 3)
  })
})
