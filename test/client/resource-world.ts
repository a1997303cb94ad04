/** An API that names Tessera as its server, as an MCP server does, and a user who signs in there. */

import assert from 'node:assert/strict'
import {
  completeAuthorization,
  createAuthorizationRequest,
  createClient,
  createIssuer,
  createResourceFetch,
  createSession,
  type ResourceAuthorization,
  type ResourceFetchOptions,
  unwrap,
} from '@tessera/client'
import { type ApiGuardOptions, createApiGuard, type Requirements } from '@tessera/client/api'
import { fetchGuard, fetchMetadata } from '@tessera/client/api/fetch'
import { createBrowser } from '../support/browser.ts'
import { alice, callback, pagesWorld } from '../support/sign-in.ts'
import { claimsOf } from '../support/tessera.ts'
import { startTessera } from './servers.ts'

export const resource = 'https://notes.example/mcp'

const configuration = {
  ...pagesWorld,
  api_scopes: [{ name: 'notes.read' }, { name: 'notes.write' }, { name: 'notes.delete' }],
  api_resources: [
    {
      name: resource,
      scopes: ['notes.read', 'notes.write', 'notes.delete'],
      default_scopes: ['notes.read', 'offline_access'],
    },
  ],
  registration: {
    mode: 'open',
    allowed_scope: 'notes.read notes.write offline_access',
    client_defaults: { require_consent: false },
  },
  clients: [
    {
      client_id: 'editor',
      token_endpoint_auth_method: 'none',
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'openid notes.read notes.write notes.delete offline_access',
    },
  ],
}

/** Tools by the path below the resource, with the requirements of their route. */
const tools: Readonly<Record<string, Requirements>> = {
  '': {},
  '/read': { scope: 'notes.read' },
  '/write': { scope: 'notes.write' },
  '/delete': { scope: 'notes.delete' },
  '/both': { scope: 'notes.read', check: () => ({ scope: 'notes.write' }) },
  '/recent': { scope: 'notes.read', max_age: 60 },
}

/** Starts the server and the API. Each authorization signs the user in, in one browser. */
export async function startResource(
  options: Partial<ResourceFetchOptions> = {},
  guardOptions: Partial<ApiGuardOptions> = {},
) {
  const world = await startTessera(configuration)
  const { server, issuer } = world
  const { now } = server.clock
  const guard = createApiGuard(createIssuer(issuer, { fetch: world.fetch, now }), {
    resource,
    ...guardOptions,
  } as ApiGuardOptions)
  /** Requests to the API, with the scope of their token; undefined without one. */
  const called: (readonly [path: string, scope: string | undefined])[] = []
  const handlers = new Map(
    Object.entries(tools).map(([path, requirements]) => [
      new URL(resource + path).pathname,
      fetchGuard(guard, requirements, async (request, access) =>
        Response.json({ scopes: access.scopes, body: await request.text() }),
      ),
    ]),
  )
  const fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(input, init)
    if (request.url.startsWith(issuer)) return world.fetch(request.url, init)
    const { pathname } = new URL(request.url)
    const metadata = fetchMetadata(guard, request)
    if (metadata) return metadata
    const handle = handlers.get(pathname)
    if (!handle) return new Response('no', { status: 404 })
    const token = request.headers.get('authorization')?.replace(/^(?:Bearer|DPoP) /, '')
    called.push([pathname, token && claimsOf(token).scope])
    return handle(request)
  }

  const browser = createBrowser(server)
  const asked: ResourceAuthorization[] = []
  async function authorize(request: ResourceAuthorization) {
    asked.push(request)
    const { client, scope, max_age } = request
    const started = unwrap(
      await createAuthorizationRequest(client, {
        redirect_uri: callback,
        scope: scope ?? '',
        resource: request.resource,
        max_age,
      }),
    )
    let page = await browser.visit(started.url.slice(issuer.length))
    if (page.location === undefined) page = await browser.submit(page, alice)
    const response = page.location ?? assert.fail(page.text)
    const completed = await completeAuthorization(client, response, started.pending, {
      resource: request.resource,
    })
    const session = createSession(client, { request: { resource: request.resource } })
    await session.start(unwrap(completed))
    return session
  }

  const call = createResourceFetch(resource, {
    client: found => createClient({ issuer: found, client_id: 'editor', fetch: world.fetch }),
    authorize,
    fetch,
    now,
    ...options,
  })
  return { ...world, serverFetch: world.fetch, call, called, asked, authorize, fetch, guard }
}
