/**
 * `@tessera/client` at servers of different authors: Tessera, oidc-provider (certified) and better-auth. The same
 * scenarios run at each. A server that lacks a feature must be told apart by its metadata.
 */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  authorizationCode,
  type Client,
  clientCredentials,
  clientSecretBasic,
  createAuthorizationRequest,
  createClient,
  createIssuer,
  deleteRegistration,
  fetchUserinfo,
  introspectToken,
  noAuthentication,
  pollDeviceToken,
  type Result,
  readRegistration,
  refreshToken,
  registerClient,
  revokeToken,
  startDeviceAuthorization,
  type UserTokens,
  unwrap,
  updateRegistration,
  validateAccessToken,
  validateAuthorizationResponse,
} from '@tessera/client'
import { createApiGuard } from '@tessera/client/api'
import { startBetterAuth } from './servers/better-auth.ts'
import { startOidcProvider } from './servers/oidc-provider.ts'
import type { InteropClient, InteropServer } from './servers/server.ts'
import { startTessera } from './servers/tessera.ts'

const servers = { Tessera: startTessera, 'oidc-provider': startOidcProvider, 'better-auth': startBetterAuth }

/** Returns the kind and the code of an error. */
const errorOf = (result: Result<unknown>): string =>
  result.ok ? 'no error' : `${result.error.kind} ${result.error.code}`

for (const [name, start] of Object.entries(servers))
  describe(`@tessera/client at ${name}`, () => {
    let server: InteropServer
    before(
      async () => {
        server = await start()
      },
      { timeout: 60_000 },
    )
    after(() => server?.close())

    const as = (client: InteropClient): Client => createClient({ issuer: server.issuer, ...client })
    const offers = async (member: string): Promise<boolean> =>
      Object.hasOwn(unwrap(await createIssuer(server.issuer).metadata()), member)

    const requestFor = async (client: Client, options: object = {}) =>
      unwrap(
        await createAuthorizationRequest(client, {
          redirect_uri: server.redirect_uri,
          scope: 'openid profile offline_access',
          // OpenID Connect Core 1.0 §11: required for offline access.
          prompt: 'consent',
          ...options,
        }),
      )

    /** Signs in; returns the tokens. */
    async function signIn(
      client: Client,
      options: { readonly scope?: string; readonly resource?: string } = {},
    ) {
      const { url, pending } = await requestFor(client, options)
      const response = unwrap(
        await validateAuthorizationResponse(client, await server.authorize(url), pending),
      )
      const { code_verifier = '', redirect_uri, nonce } = pending
      const grant = { code: response.code ?? '', code_verifier, redirect_uri, nonce }
      const { resource } = options
      const tokens: UserTokens = unwrap(await authorizationCode(client, grant, { resource }))
      return { tokens, grant }
    }

    test(`${name}: metadata is found, and is refused for another issuer`, async () => {
      const metadata = unwrap(await createIssuer(server.issuer).metadata())
      assert.equal(metadata.issuer, server.issuer)
      assert.equal(errorOf(await createIssuer(`${server.issuer}/`).metadata()), 'invalid issuer_mismatch')
    })

    test(`${name}: client credentials with each authentication method, and a JWT for the API [RFC 9068]`, async () => {
      for (const machine of server.machines) {
        const client = as(machine)
        const { scope, resource } = server
        const tokens = unwrap(await clientCredentials(client, { scope, resource }))
        const claims = unwrap(
          await validateAccessToken(client.issuer, tokens.access_token, {
            audience: resource,
            scope,
            typ: 'any',
          }),
        )
        assert.equal(claims.client_id, machine.client_id, machine.authentication.method)
        const other = await validateAccessToken(client.issuer, tokens.access_token, {
          audience: 'urn:other',
          typ: 'any',
        })
        assert.equal(errorOf(other), 'invalid audience_mismatch')
      }
    })

    test(`${name}: errors have the code of the server [RFC 6749 §5.2]`, async () => {
      const { client_id } = server.machines[0]!
      const wrong = as({ client_id, authentication: clientSecretBasic('not-the-secret-of-this-client') })
      assert.equal(errorOf(await clientCredentials(wrong)), 'response invalid_client')
      const known = as(server.machines[0]!)
      const resource = 'urn:unknown'
      assert.equal(errorOf(await clientCredentials(known, { resource })), 'response invalid_target')
      const lost = { code: 'not-a-code', redirect_uri: server.redirect_uri, code_verifier: 'v'.repeat(43) }
      assert.equal(errorOf(await authorizationCode(as(server.web), lost)), 'response invalid_grant')
    })

    test(`${name}: authorization code with PKCE, ID token and userinfo; a code is sent once`, async () => {
      const client = as(server.web)
      const { tokens, grant } = await signIn(client)
      assert.ok(tokens.claims)
      const userinfo = unwrap(await fetchUserinfo(client, tokens.access_token, tokens.claims.sub))
      assert.equal(typeof userinfo.name, 'string')
      assert.equal(
        errorOf(await fetchUserinfo(client, tokens.access_token, 'another')),
        'invalid sub_mismatch',
      )
      assert.equal(errorOf(await authorizationCode(client, grant)), 'policy code_already_sent')
    })

    test(`${name}: responses to other requests are refused, and errors are reported`, async () => {
      const client = as(server.web)
      const [one, other] = [await requestFor(client), await requestFor(client)]
      const response = await server.authorize(one.url)
      const forged = await validateAuthorizationResponse(client, response, other.pending)
      assert.equal(errorOf(forged), 'invalid state_mismatch')
      const mixedUp = response.replace(/([?&]iss=)[^&]*/, '$1https%3A%2F%2Fattacker.example')
      assert.equal(
        errorOf(await validateAuthorizationResponse(client, mixedUp, one.pending)),
        'invalid issuer_mismatch',
      )
      const silent = await requestFor(client, { prompt: 'none', scope: 'openid' })
      const refused = await validateAuthorizationResponse(
        client,
        await server.open(silent.url),
        silent.pending,
      )
      assert.equal(errorOf(refused), 'response login_required')
    })

    test(`${name}: an ID token for another request is refused`, async () => {
      const client = as(server.web)
      const { url, pending } = await requestFor(client)
      const response = unwrap(
        await validateAuthorizationResponse(client, await server.authorize(url), pending),
      )
      const { code_verifier = '', redirect_uri } = pending
      const grant = { code: response.code ?? '', code_verifier, redirect_uri, nonce: 'another' }
      assert.equal(errorOf(await authorizationCode(client, grant)), 'invalid nonce_mismatch')
    })

    test(`${name}: refresh tokens rotate, and a revoked one is refused [RFC 7009]`, async () => {
      const client = as(server.web)
      const { tokens } = await signIn(client)
      const refreshed = unwrap(await refreshToken(client, tokens.refresh_token!, { previous: tokens.claims }))
      assert.ok(refreshed.refresh_token)
      assert.notEqual(refreshed.refresh_token, tokens.refresh_token)
      if (refreshed.claims) assert.equal(refreshed.claims.sub, tokens.claims?.sub)
      unwrap(await revokeToken(client, refreshed.refresh_token, { token_type_hint: 'refresh_token' }))
      const ended = await refreshToken(client, refreshed.refresh_token)
      assert.equal(errorOf(ended), 'response invalid_grant')
    })

    test(`${name}: introspection, before and after revocation [RFC 7662]`, async () => {
      const { tokens } = await signIn(as(server.web), { scope: `openid ${server.scope}` })
      const api = as(server.api)
      const active = unwrap(await introspectToken(api, tokens.access_token))
      assert.ok(active.active)
      assert.equal(active.sub, tokens.claims?.sub)
      unwrap(await revokeToken(as(server.web), tokens.access_token))
      assert.deepEqual(unwrap(await introspectToken(api, tokens.access_token)), { active: false })
      assert.deepEqual(unwrap(await introspectToken(api, 'not-a-token')), { active: false })
    })

    test(`${name}: device authorization [RFC 8628]`, async () => {
      const client = as(server.device!)
      const { scope, resource } = server
      const device = unwrap(await startDeviceAuthorization(client, { scope: `openid ${scope}`, resource }))
      const tokens = await pollDeviceToken(client, device, {
        async sleep(seconds) {
          await server.approveDevice(device)
          await new Promise(resolve => setTimeout(resolve, Math.min(seconds, 1) * 1000))
        },
      })
      const claims = unwrap(
        await validateAccessToken(client.issuer, unwrap(tokens).access_token, {
          audience: resource,
          typ: 'any',
        }),
      )
      assert.equal(claims.client_id, client.client_id)
    })

    test(`${name}: pushed authorization requests, or a clear error [RFC 9126]`, async () => {
      const client = as(server.web)
      const options = { redirect_uri: server.redirect_uri, pushed: true }
      const request = await createAuthorizationRequest(client, options)
      if (!(await offers('pushed_authorization_request_endpoint')))
        return assert.equal(errorOf(request), 'unsupported endpoint_missing')
      const { url, pending } = unwrap(request)
      assert.deepEqual([...new URL(url).searchParams.keys()].toSorted(), ['client_id', 'request_uri'])
      unwrap(await validateAuthorizationResponse(client, await server.authorize(url), pending))
    })

    test(`${name}: registration of a client that signs a user in, and its management [RFC 7591, RFC 7592]`, async () => {
      const issuer = createIssuer(server.issuer)
      const metadata = {
        redirect_uris: [server.redirect_uri],
        token_endpoint_auth_method: 'none',
        client_name: 'Registered',
      }
      const registered = unwrap(await registerClient(issuer, metadata))
      const client = createClient({
        issuer,
        client_id: registered.client_id,
        authentication: noAuthentication(),
      })
      const { url, pending } = await requestFor(client, { scope: 'openid' })
      unwrap(await validateAuthorizationResponse(client, await server.authorize(url), pending))
      if (registered.registration_client_uri === undefined)
        return assert.equal(
          errorOf(await readRegistration(issuer, registered)),
          'unsupported registration_not_managed',
        )
      assert.equal(unwrap(await readRegistration(issuer, registered)).metadata.client_name, 'Registered')
      const renamed = unwrap(
        await updateRegistration(issuer, registered, { ...metadata, client_name: 'Renamed' }),
      )
      assert.equal(renamed.metadata.client_name, 'Renamed')
      const access = { ...registered, ...renamed }
      unwrap(await deleteRegistration(issuer, access))
      assert.equal(errorOf(await readRegistration(issuer, access)), 'response invalid_token')
    })

    test(`${name}: the guard of an API accepts its tokens, and challenges other requests [RFC 6750]`, async () => {
      const guard = createApiGuard(createIssuer(server.issuer), { audience: server.resource })
      const check = guard.requires({ scope: server.scope })
      const ask = (authorization?: string) =>
        check({
          method: 'GET',
          url: 'https://api.example/things',
          header: field => (field === 'authorization' && authorization !== undefined ? [authorization] : []),
        })
      const { scope, resource } = server
      const tokens = unwrap(await clientCredentials(as(server.machines[0]!), { scope, resource }))
      const allowed = await ask(`Bearer ${tokens.access_token}`)
      assert.ok(allowed.ok, JSON.stringify(allowed))
      const refused = await ask()
      assert.ok(!refused.ok)
      assert.equal(refused.response.status, 401)
      const invalid = await ask('Bearer not-a-token')
      assert.ok(!invalid.ok)
      assert.match(invalid.response.headers['www-authenticate'] ?? '', /error="invalid_token"/)
    })

    test(`${name}: tokens of a new key are verified, those of a withdrawn one no longer`, async () => {
      const client = as(server.machines[0]!)
      const { scope, resource } = server
      const requirements = { audience: resource, typ: 'any' } as const
      const before = unwrap(await clientCredentials(client, { scope, resource }))
      unwrap(await validateAccessToken(client.issuer, before.access_token, requirements))
      await server.replaceKeys()
      const later = unwrap(await clientCredentials(client, { scope, resource }))
      unwrap(await validateAccessToken(client.issuer, later.access_token, requirements))
      const withdrawn = await validateAccessToken(client.issuer, before.access_token, requirements)
      assert.equal(errorOf(withdrawn), 'invalid key_not_found')
    })
  })
