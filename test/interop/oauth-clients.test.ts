/** Small third-party OAuth 2.0 clients, unmodified: `simple-oauth2` and `@badgateway/oauth2-client`. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateCodeVerifier, OAuth2Client } from '@badgateway/oauth2-client'
import { AuthorizationCode, ClientCredentials, ResourceOwnerPassword } from 'simple-oauth2'
import { withServer } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { world } from '../support/world.ts'

const bob = { username: 'bob', password: 'bob' }
const redirectUri = 'https://app.example/cb'

/** Characters that `application/x-www-form-urlencoded` changes (RFC 6749 §2.3.1): some clients send them unencoded. */
const secret = 'a+b/c%2F==: of the client, long enough'

const scopes = 'openid api1 offline_access'
const configured = {
  ...world,
  clients: [
    {
      client_id: 'service',
      client_secrets: [{ value: secret }],
      grant_types: ['client_credentials', 'password', 'refresh_token'],
      scope: scopes,
    },
    // These clients do not support PKCE, or do not require it.
    {
      client_id: 'web',
      client_secrets: [{ value: secret }],
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: scopes,
      require_pkce: false,
    },
  ],
}

for (const credentialsEncodingMode of ['strict', 'loose'] as const)
  test(`simple-oauth2: ${credentialsEncodingMode} Basic credentials: client credentials, password, code, refresh, revocation`, () =>
    withServer(configured, async ({ url }) => {
      const options = (id: string) => ({
        client: { id, secret },
        auth: {
          tokenHost: url,
          tokenPath: '/connect/token',
          revokePath: '/connect/revocation',
        },
        // By default it expects JSON from revocation too, whose response has no body.
        http: { json: true },
        options: { credentialsEncodingMode },
      })
      const own = await new ClientCredentials(options('service')).getToken({ scope: 'api1' })
      assert.equal(own.token.scope, 'api1')

      const direct = new ResourceOwnerPassword(options('service'))
      const given = await direct.getToken({ ...bob, scope: 'api1 offline_access' })
      const renewed = await given.refresh()
      assert.notEqual(renewed.token.access_token, given.token.access_token)

      const web = new AuthorizationCode({
        ...options('web'),
        auth: { ...options('web').auth, authorizePath: '/connect/authorize' },
      })
      const address = web.authorizeURL({
        redirect_uri: redirectUri,
        scope: ['api1', 'offline_access'],
        state: 's',
      })
      const back = await createPerson(url, bob).authorize(address)
      assert.equal(back.searchParams.get('state'), 's')
      const tokens = await web.getToken({
        code: back.searchParams.get('code') ?? '',
        redirect_uri: redirectUri,
      })
      const again = await tokens.refresh({ scope: 'api1' })
      assert.equal(again.token.scope, 'api1')
      await again.revokeAll()
      await assert.rejects(again.refresh(), /400/)
    }))

test('@badgateway/oauth2-client: discovery, client credentials, password, code with PKCE and a resource, refresh, introspection, revocation', () =>
  withServer(configured, async ({ url }) => {
    const service = new OAuth2Client({ server: url, clientId: 'service', clientSecret: secret })
    assert.ok((await service.clientCredentials({ scope: ['api1'], resource: 'urn:api' })).accessToken)
    assert.ok((await service.password({ ...bob, scope: ['api1'] })).accessToken)

    const web = new OAuth2Client({ server: url, clientId: 'web', clientSecret: secret })
    const codeVerifier = await generateCodeVerifier()
    const address = await web.authorizationCode.getAuthorizeUri({
      ...{ redirectUri, codeVerifier },
      scope: ['openid', 'api1', 'offline_access'],
      state: 's',
      resource: 'urn:api',
    })
    const back = await createPerson(url, bob).authorize(address)
    const tokens = await web.authorizationCode.getTokenFromCodeRedirect(back, {
      ...{ redirectUri, codeVerifier },
      state: 's',
      resource: 'urn:api',
    })
    assert.ok(tokens.idToken)
    const renewed = await web.refreshToken(tokens)
    assert.ok(renewed.refreshToken)
    assert.equal((await web.introspect(renewed)).active, true)
    await web.revoke(renewed, 'refresh_token')
    assert.equal((await web.introspect(renewed)).active, false)
    await assert.rejects(web.refreshToken(renewed), { oauth2Code: 'invalid_grant' })
  }))
