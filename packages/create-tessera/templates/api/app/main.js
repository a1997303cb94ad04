/** An API that accepts JWT access tokens (RFC 9068) and checks their scope. */

import process from 'node:process'
import express from 'express'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const { ISSUER, APP_URL, AUDIENCE } = process.env

const metadata = await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json()
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))

/** Requires a valid access token with this scope. Otherwise responds 401 or 403 (RFC 6750 §3). */
const requireScope = scope => async (request, response, next) => {
  const [scheme, token] = (request.get('authorization') ?? '').split(' ')
  if (scheme.toLowerCase() !== 'bearer' || !token) return challenge(response, 401, '')
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: ISSUER,
      audience: AUDIENCE,
      typ: 'at+jwt',
      clockTolerance: 5,
    })
    const scopes = String(payload.scope ?? '').split(' ')
    if (!scopes.includes(scope))
      return challenge(response, 403, `error="insufficient_scope", scope="${scope}"`)
    request.token = payload
    next()
  } catch {
    challenge(response, 401, 'error="invalid_token"')
  }
}

const challenge = (response, status, parameters) =>
  response.status(status).set('www-authenticate', `Bearer ${parameters}`.trim()).json({ status })

const app = express()
app.get('/', (_request, response) => response.json({ open: true }))
app.get('/items', requireScope('items.read'), (request, response) =>
  response.json({ items: ['first', 'second'], client_id: request.token.client_id }),
)

app.listen(Number(new URL(APP_URL).port), '127.0.0.1', () => {
  console.log(`API at ${APP_URL}`)
  console.log('To try it, run in another terminal: npm run request')
})
