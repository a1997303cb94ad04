/** A web application with a cookie session, at http://127.0.0.1:5093. Tokens stay on the server. */

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  clientSecretBasic,
  completeAuthorization,
  createAuthorizationRequest,
  createAuthorizedFetch,
  createClient,
  createSession,
  endSessionUrl,
  fetchUserinfo,
  type PendingAuthorization,
  revokeToken,
  type Session,
  unwrap,
} from '@tessera/client'

const port = Number(process.env.PORT ?? 5093)
const self = `http://127.0.0.1:${port}`
const api = process.env.API ?? 'http://127.0.0.1:5091'
const client = createClient({
  issuer: process.env.ISSUER ?? 'http://localhost:5080',
  client_id: 'web',
  authentication: clientSecretBasic('secret-of-the-web'),
})

/** The state of one browser. A real application keeps it in a database. */
type Visitor = { pending?: PendingAuthorization | undefined; session?: Session; name?: string }
const visitors = new Map<string, Visitor>()

const routes: Readonly<
  Record<string, (visitor: Visitor, request: IncomingMessage, response: ServerResponse) => Promise<void>>
> = {
  async '/'({ session, name = '' }, _request, response) {
    if (!session) return show(response, '<a href="/login">Sign in</a>')
    const callApi = createAuthorizedFetch(session, { origins: [api] })
    const invoices = await (await callApi(`${api}/invoices`)).text()
    show(
      response,
      `<p>Hello, ${escapeHtml(name)}</p><pre>${escapeHtml(invoices)}</pre><a href="/logout">Sign out</a>`,
    )
  },

  async '/login'(visitor, _request, response) {
    const { url, pending } = unwrap(
      await createAuthorizationRequest(client, {
        redirect_uri: `${self}/callback`,
        scope: 'openid profile invoices.read offline_access',
      }),
    )
    visitor.pending = pending
    redirect(response, url)
  },

  async '/callback'(visitor, request, response) {
    const { pending } = visitor
    // Each request has one response.
    visitor.pending = undefined
    if (!pending) return redirect(response, '/')
    const completed = await completeAuthorization(client, request.url ?? '', pending)
    if (!completed.ok) return show(response, `<p>No sign-in: ${escapeHtml(completed.error.message)}</p>`)
    const { access_token, claims } = completed.value
    const { name } = unwrap(await fetchUserinfo(client, access_token, claims?.sub ?? null))
    const session = createSession(client)
    await session.start(completed.value)
    // A new id after the sign-in, so that an id from before it is worth nothing.
    startVisit(response, { session, name: `${name}` })
    redirect(response, '/')
  },

  async '/logout'(visitor, _request, response) {
    const tokens = await visitor.session?.end()
    delete visitor.session
    if (tokens?.refresh_token) await revokeToken(client, tokens.refresh_token)
    const { url } = unwrap(
      await endSessionUrl(client, { id_token_hint: tokens?.id_token, post_logout_redirect_uri: `${self}/` }),
    )
    redirect(response, url)
  },
}

function startVisit(response: ServerResponse, visitor: Visitor): Visitor {
  const id = randomUUID()
  visitors.set(id, visitor)
  response.setHeader('set-cookie', `visitor=${id}; HttpOnly; SameSite=Lax; Path=/`)
  return visitor
}

const redirect = (response: ServerResponse, location: string): void => {
  response.writeHead(303, { location }).end()
}

const show = (response: ServerResponse, html: string): void => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(`<!doctype html>${html}`)
}

const escapeHtml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

const server = createServer(async (request, response) => {
  const route = routes[new URL(request.url ?? '/', self).pathname]
  if (!route) return response.writeHead(404).end()
  const id = /\bvisitor=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
  try {
    await route(visitors.get(id) ?? startVisit(response, {}), request, response)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    response.writeHead(500).end('something went wrong')
  }
})
server.listen(port, '127.0.0.1', () => console.log(`web application at ${self}`))
