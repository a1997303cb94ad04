/** A web application with NextAuth.js 4, which reads the user's claims from the ID token alone. */

import { parseCookie } from 'cookie'
import express from 'express'
import exported from 'next-auth'
import { type ForeignApp, pageOf, secret, signedIn, signedOut } from './app.ts'

// A CommonJS module with a default export.
const { default: NextAuth, getServerSession } = exported

const provider = 'tessera'

/** Starts a sign-in or sign-out as the library's own script does: it fetches a CSRF token and posts a form. */
const posting = (action: string): string =>
  pageOf(`<form method="post" action="/api/auth/${action}"><input type="hidden" name="csrfToken">
    <input type="hidden" name="callbackUrl" value="/"></form>
    <script>
      fetch('/api/auth/csrf').then(response => response.json()).then(({ csrfToken }) => {
        document.forms[0].csrfToken.value = csrfToken
        document.forms[0].submit()
      })
    </script>`)

export const nextAuth: ForeignApp = {
  client: origin => ({
    client_id: 'next-auth',
    client_secrets: [{ value: secret }],
    redirect_uris: [`${origin}/api/auth/callback/${provider}`],
    scope: 'openid profile',
    always_include_user_claims_in_id_token: true,
  }),
  async listener({ origin, issuer }) {
    process.env.NEXTAUTH_URL = origin
    const options = {
      secret,
      providers: [
        {
          id: provider,
          name: 'Tessera',
          type: 'oauth',
          wellKnown: `${issuer}/.well-known/openid-configuration`,
          authorization: { params: { scope: 'openid profile' } },
          idToken: true,
          checks: ['pkce', 'state', 'nonce'],
          clientId: 'next-auth',
          clientSecret: secret,
          profile: ({ sub, name }: { readonly sub: string; readonly name: string }) => ({ id: sub, name }),
        },
      ],
      logger: { error: console.error, warn() {}, debug() {} },
    }
    const app = express()
    app.use(express.urlencoded())
    app.use((request: any, _: unknown, next: () => void) => {
      request.cookies = parseCookie(request.headers.cookie ?? '')
      next()
    })
    app.all('/api/auth/*rest', (request: any, response: any) => {
      const query = { ...request.query, nextauth: request.params.rest }
      Object.defineProperty(request, 'query', { value: query })
      return NextAuth(request, response, options)
    })
    app.get('/login', (_: unknown, response: any) => response.send(posting(`signin/${provider}`)))
    app.get('/logout', (_: unknown, response: any) => response.send(posting('signout')))
    app.get('/', async (request: any, response: any) => {
      const session = await getServerSession(request, response, options)
      response.send(session ? signedIn(session.user.name, '/logout') : signedOut('/login'))
    })
    return app
  },
}
