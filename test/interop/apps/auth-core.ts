/**
 * A web application with Auth.js (`@auth/core`): discovery, PKCE, state and nonce, with its own session in a cookie.
 */

import { Auth, type AuthConfig, skipCSRFCheck } from '@auth/core'
import { type ForeignApp, secret, signedIn, signedOut } from './app.ts'

const provider = 'tessera'

export const authCore: ForeignApp = {
  client: origin => ({
    client_id: 'auth-core',
    client_secrets: [{ value: secret }],
    redirect_uris: [`${origin}/auth/callback/${provider}`],
    scope: 'openid profile',
  }),
  async listener({ origin, issuer }) {
    const config: AuthConfig = {
      basePath: '/auth',
      secret,
      trustHost: true,
      skipCSRFCheck,
      providers: [
        {
          id: provider,
          name: 'Tessera',
          type: 'oidc',
          issuer,
          clientId: 'auth-core',
          clientSecret: secret,
          checks: ['pkce', 'state', 'nonce'],
          authorization: { params: { scope: 'openid profile' } },
          // Otherwise only the claims of the ID token would be read.
          idToken: false,
        },
      ],
    }
    return async (incoming, outgoing) => {
      const url = new URL(incoming.url ?? '/', origin)
      const headers = new Headers(incoming.headers as Record<string, string>)
      const send = async (response: Response): Promise<void> => {
        for (const cookie of response.headers.getSetCookie()) outgoing.appendHeader('set-cookie', cookie)
        const location = response.headers.get('location')
        if (location) outgoing.setHeader('location', location)
        outgoing.setHeader('content-type', response.headers.get('content-type') ?? 'text/html')
        outgoing.writeHead(response.status).end(await response.text())
      }
      const html = (text: string) => send(new Response(text, { headers: { 'content-type': 'text/html' } }))
      // Auth.js starts a sign-in with a form post on its own page.
      if (url.pathname === '/login' || url.pathname === '/logout') {
        const action = url.pathname === '/login' ? `signin/${provider}` : 'signout'
        const body = new URLSearchParams({ callbackUrl: origin })
        return send(
          await Auth(new Request(`${origin}/auth/${action}`, { method: 'POST', headers, body }), config),
        )
      }
      if (url.pathname.startsWith('/auth/')) return send(await Auth(new Request(url, { headers }), config))
      const session = await Auth(new Request(`${origin}/auth/session`, { headers }), config)
      const { user } = ((await session.json()) ?? {}) as { user?: { name?: string } }
      return html(user ? signedIn(user.name ?? '', '/logout') : signedOut('/login'))
    }
  },
}
