/** A web application with a server. It signs its users in by the authorization code flow with PKCE. */

import process from 'node:process'
import express from 'express'
import session from 'express-session'
import * as oidc from 'openid-client'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, APP_URL, SESSION_SECRET } = process.env
const isLocal = ISSUER.startsWith('http://localhost')

const provider = await oidc.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, {
  // Without https only on this machine.
  execute: isLocal ? [oidc.allowInsecureRequests] : [],
})

const app = express()
app.use(
  session({
    // Sessions are in the memory of this process. Use another store in production.
    secret: SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', secure: APP_URL.startsWith('https://') },
  }),
)

app.get('/', (request, response) => {
  const { user } = request.session
  response.send(
    user
      ? page(`<p>You are signed in as <strong>${escaped(user.name ?? user.sub)}</strong>.</p>
          <p><a href="/profile">Profile</a></p>
          <form method="post" action="/logout"><button>Sign out</button></form>`)
      : page('<p>You are not signed in.</p><p><a href="/login">Sign in</a></p>'),
  )
})

app.get('/login', async (request, response) => {
  const verifier = oidc.randomPKCECodeVerifier()
  const state = oidc.randomState()
  const nonce = oidc.randomNonce()
  request.session.pending = { verifier, state, nonce }
  const url = oidc.buildAuthorizationUrl(provider, {
    redirect_uri: `${APP_URL}/callback`,
    scope: 'openid profile email offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  })
  response.redirect(303, url.href)
})

app.get('/callback', async (request, response) => {
  const { pending } = request.session
  if (!pending) return response.redirect(303, '/')
  const tokens = await oidc.authorizationCodeGrant(provider, new URL(request.originalUrl, APP_URL), {
    pkceCodeVerifier: pending.verifier,
    expectedState: pending.state,
    expectedNonce: pending.nonce,
  })
  const { sub } = tokens.claims()
  // The ID token identifies the user; UserInfo has the claims of the scopes.
  const { name } = await oidc.fetchUserInfo(provider, tokens.access_token, sub)
  // A new session id, so that an id from before the sign-in is worthless.
  request.session.regenerate(error => {
    if (error) return response.status(500).send(page('<p>The session could not be created.</p>'))
    request.session.user = { sub, name }
    request.session.tokens = kept(tokens)
    response.redirect(303, '/')
  })
})

app.get('/profile', async (request, response) => {
  if (!request.session.user) return response.redirect(303, '/login')
  const accessToken = await currentAccessToken(request.session)
  const claims = await oidc.fetchUserInfo(provider, accessToken, request.session.user.sub)
  response.send(page(`<pre>${escaped(JSON.stringify(claims, null, 2))}</pre><p><a href="/">Back</a></p>`))
})

app.post('/logout', (request, response) => {
  const idToken = request.session.tokens?.id_token
  request.session.destroy(() => {
    const url = oidc.buildEndSessionUrl(provider, {
      post_logout_redirect_uri: `${APP_URL}/`,
      ...(idToken && { id_token_hint: idToken }),
    })
    response.redirect(303, url.href)
  })
})

app.use((error, _request, response, _next) => {
  console.error(error)
  response.status(500).send(page('<p>The sign-in failed. <a href="/login">Try again</a></p>'))
})

/** Returns an access token that is valid for at least ten more seconds. Refreshes it if necessary. */
async function currentAccessToken(session) {
  const { access_token, refresh_token, expires_at } = session.tokens
  if (Date.now() < expires_at - 10_000 || !refresh_token) return access_token
  const tokens = await oidc.refreshTokenGrant(provider, refresh_token)
  session.tokens = { ...session.tokens, ...kept(tokens) }
  return session.tokens.access_token
}

function kept({ access_token, refresh_token, id_token, expires_in }) {
  const found = { access_token, refresh_token, id_token, expires_at: Date.now() + expires_in * 1000 }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}

const escaped = text =>
  String(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')

const page = content => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Web application</title>
<style>body { font: 1rem/1.5 system-ui; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }</style>
<h1>Web application</h1>
${content}
</html>`

app.listen(Number(new URL(APP_URL).port), '127.0.0.1', () => console.log(`application at ${APP_URL}`))
