/** The application under test: a web application that signs users in, and an API that checks access tokens. */

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'

/** Starts the application on a free port of localhost. */
export async function startApp({ issuer, clientId = 'shop', clientSecret = 'shop-secret' }) {
  const options = { execute: [client.allowInsecureRequests] }
  const config = await client.discovery(new URL(issuer), clientId, clientSecret, undefined, options)
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri), { cooldownDuration: 0 })
  const sessions = new Map()

  const routes = {
    '/': ({ session }) => html(session ? `Hello ${session.name}` : '<a href="/login">Sign in</a>'),

    async '/login'({ origin, session_id }) {
      const verifier = client.randomPKCECodeVerifier()
      const state = client.randomState()
      sessions.set(session_id, { verifier, state })
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: `${origin}/callback`,
        scope: 'openid profile offline_access orders',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
      })
      return {
        status: 302,
        headers: { location: url.href, 'set-cookie': `shop=${session_id}; Path=/; HttpOnly` },
      }
    },

    async '/callback'({ url, session_id, session }) {
      if (url.searchParams.has('error')) return html(`Sign-in failed: ${url.searchParams.get('error')}`)
      const checks = { pkceCodeVerifier: session.verifier, expectedState: session.state }
      const tokens = await client.authorizationCodeGrant(config, url, checks)
      const { name } = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
      sessions.set(session_id, { name, refresh_token: tokens.refresh_token })
      return { status: 302, headers: { location: '/' } }
    },

    /** Refreshes once more if a response was lost. */
    async '/refresh'({ session_id, session }) {
      const refresh = () => client.refreshTokenGrant(config, session.refresh_token)
      const tokens = await refresh().catch(error => {
        if (error.code === 'OAUTH_RESPONSE_BODY_ERROR' || error.error) throw error
        return refresh()
      })
      sessions.set(session_id, { ...session, refresh_token: tokens.refresh_token })
      return html('Refreshed')
    },

    /** The API. */
    async '/orders'({ request }) {
      const token = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
      try {
        const { payload } = await jwtVerify(token, keys, {
          issuer,
          audience: 'https://shop.example/api',
          typ: 'at+jwt',
        })
        return {
          status: 200,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ owner: payload.sub }),
        }
      } catch {
        return { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }
      }
    },
  }

  const server = createServer(async (request, response) => {
    const origin = `http://localhost:${server.address().port}`
    const url = new URL(request.url, origin)
    const session_id = /shop=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? randomUUID()
    try {
      const route = routes[url.pathname] ?? (() => ({ status: 404 }))
      const context = { request, origin, url, session_id, session: sessions.get(session_id) }
      const { status, headers, body } = await route(context)
      response.writeHead(status, headers).end(body)
    } catch (error) {
      response.writeHead(502).end(`The identity provider failed: ${error.message}`)
    }
  })
  await new Promise(resolve => server.listen(0, 'localhost', resolve))
  return {
    url: `http://localhost:${server.address().port}`,
    close: () => new Promise(resolve => server.close(resolve).closeAllConnections()),
  }
}

const html = text => ({
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: `<title>Shop</title><p>${text}</p>`,
})
