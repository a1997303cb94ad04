import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import { withServer } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { secret, world } from '../support/world.ts'

const insecure = { [oauth.allowInsecureRequests]: true }

async function discover(url: string): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(url)
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
}

test('oauth4webapi: authorization code, its iss parameter and both tokens verify', async () => {
  await withServer(world, async ({ url }) => {
    const server = await discover(url)
    const web: oauth.Client = { client_id: 'web' }
    const verifier = oauth.generateRandomCodeVerifier()
    const nonce = oauth.generateRandomNonce()
    const address = new URL(server.authorization_endpoint!)
    address.search = new URLSearchParams({
      client_id: 'web',
      response_type: 'code',
      redirect_uri: 'https://app.example/cb',
      scope: 'openid api1',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      nonce,
      state: 'some-state',
    }).toString()
    const back = await createPerson(url, { username: 'bob', password: 'bob' }).authorize(address.href)
    const parameters = oauth.validateAuthResponse(server, web, back, 'some-state')
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      web,
      oauth.ClientSecretBasic(secret),
      parameters,
      'https://app.example/cb',
      verifier,
      insecure,
    )
    const tokens = await oauth.processAuthorizationCodeResponse(server, web, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    })
    await oauth.validateApplicationLevelSignature(server, response, insecure)
    const request = new Request('https://api.example', {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    const claims = await oauth.validateJwtAccessToken(server, request, 'urn:api', insecure)
    assert.equal(claims.sub, '88421113')
    assert.equal(claims.client_id, 'web')
  })
})

test('oauth4webapi: a wrong client secret is an OAuth error with a Basic challenge', async () => {
  await withServer(world, async ({ url }) => {
    const server = await discover(url)
    const machine: oauth.Client = { client_id: 'client' }
    const response = await oauth.clientCredentialsGrantRequest(
      server,
      machine,
      oauth.ClientSecretBasic('wrong'),
      { scope: 'api1' },
      insecure,
    )
    assert.match(response.headers.get('www-authenticate') ?? '', /^Basic /)
    await assert.rejects(
      oauth.processClientCredentialsResponse(server, machine, response),
      oauth.WWWAuthenticateChallengeError,
    )
  })
})
