import assert from 'node:assert/strict'
import {
  clientCredentials,
  createAuthorizedFetch,
  createIssuer,
  createTokenCache,
  deleteRegistration,
  introspectToken,
  noAuthentication,
  readRegistration,
  registerClient,
  revokeToken,
  unwrap,
  updateRegistration,
} from '@tessera/client'
import { type ApiGuardOptions, createApiGuard, type Requirements } from '@tessera/client/api'
import { fetchGuard } from '@tessera/client/api/fetch'
import type { InteropServer } from '../servers/server.ts'
import { as, authorize, errorOf, type Scenarios, signIn } from './scenario.ts'

const api = 'https://api.example/things'

/** An API that runs in this program. */
const startApi = (
  { issuer, scope, resource }: InteropServer,
  options: Partial<ApiGuardOptions & Pick<Requirements, 'scope'>> = {},
) =>
  fetchGuard(
    createApiGuard(createIssuer(issuer), { audience: resource, ...options }),
    { scope: options.scope ?? scope },
    (_: Request, access) => new Response(access.client_id),
  )

const bearer = (token: string): Request => new Request(api, { headers: { authorization: `Bearer ${token}` } })

export const apiScenarios: Scenarios = {
  async 'the guard of an API accepts its tokens, and challenges other requests [RFC 6750]'(server) {
    const handle = startApi(server)
    const client = as(server, server.machines[0]!)
    const { scope, resource } = server
    const { access_token } = unwrap(await clientCredentials(client, { scope, resource }))
    const allowed = await handle(bearer(access_token))
    assert.equal(await allowed.text(), client.client_id)
    assert.equal((await handle(new Request(api))).status, 401)
    const invalid = await handle(bearer('not-a-token'))
    assert.match(invalid.headers.get('www-authenticate') ?? '', /error="invalid_token"/)
  },

  async 'requests to an API have a token that is cached, and no other origin gets it'(server) {
    const handle = startApi(server)
    const { scope, resource } = server
    const cache = createTokenCache(as(server, server.machines[0]!))
    const tokens = new Set<string | null>()
    const send = createAuthorizedFetch(cache.source({ scope, resource }), {
      origins: ['https://api.example'],
      async fetch(input, init) {
        const request = new Request(input, init)
        tokens.add(request.headers.get('authorization'))
        return handle(request)
      },
    })
    assert.equal((await send(api)).status, 200)
    assert.equal((await send(api)).status, 200)
    assert.equal(tokens.size, 1)
    await assert.rejects(send('https://other.example/'), { kind: 'policy' })
  },

  async 'introspection, before and after revocation [RFC 7662]'(server) {
    const { access_token, claims } = await signIn(server, as(server, server.web), {
      scope: `openid ${server.scope}`,
    })
    const client = as(server, server.api)
    const active = unwrap(await introspectToken(client, access_token))
    assert.ok(active.active)
    assert.equal(active.sub, claims?.sub)
    const handle = startApi(server, {
      scope: active.scope?.split(' ')[0],
      introspection: { client, allowMissingAudience: true, maxAge: 0 },
      validation: 'introspection',
    })
    assert.equal((await handle(bearer(access_token))).status, 200)
    unwrap(await revokeToken(as(server, server.web), access_token))
    assert.deepEqual(unwrap(await introspectToken(client, access_token)), { active: false })
    assert.equal((await handle(bearer(access_token))).status, 401)
    assert.deepEqual(unwrap(await introspectToken(client, 'not-a-token')), { active: false })
  },

  async 'registration of a client that signs a user in, and its management [RFC 7591, RFC 7592]'(server) {
    const issuer = createIssuer(server.issuer)
    const metadata = {
      redirect_uris: [server.redirect_uri],
      token_endpoint_auth_method: 'none',
      client_name: 'Registered',
    }
    const registered = unwrap(await registerClient(issuer, metadata))
    const { client_id } = registered
    const client = as(server, { client_id, authentication: noAuthentication() })
    assert.ok((await authorize(server, client, { scope: 'openid' })).response.code)
    if (registered.registration_client_uri === undefined)
      return assert.equal(
        errorOf(await readRegistration(issuer, registered)),
        'unsupported registration_not_managed',
      )
    assert.equal(unwrap(await readRegistration(issuer, registered)).metadata.client_name, 'Registered')
    const change = { ...metadata, client_name: 'Renamed' }
    const renamed = unwrap(await updateRegistration(issuer, registered, change))
    assert.equal(renamed.metadata.client_name, 'Renamed')
    const access = { ...registered, ...renamed }
    unwrap(await deleteRegistration(issuer, access))
    assert.equal(errorOf(await readRegistration(issuer, access)), 'response invalid_token')
  },
}
