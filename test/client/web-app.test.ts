/**
 * A web application with a server, as its author would write it: the pending request is in a cookie until the response,
 * so that only the browser that started a sign-in can complete it.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientSecretBasic,
  completeAuthorization,
  createAuthorizationRequest,
  type PendingAuthorization,
} from '@tessera/client'
import { hybridWorld } from '../support/hybrid.ts'
import { callback } from '../support/sign-in.ts'
import { startAuthorizationWorld } from './authorization-world.ts'

const world = await startAuthorizationWorld({
  clients: [
    ...hybridWorld.clients,
    {
      client_id: 'shop',
      client_secrets: [{ value: 'secret' }],
      grant_types: ['authorization_code'],
      redirect_uris: [callback],
      scope: 'openid profile',
    },
  ],
})
const client = world.client({ client_id: 'shop', authentication: clientSecretBasic('secret') })

/** SameSite=Lax: the server redirects the browser from another site by GET. */
const attributes = 'Path=/cb; HttpOnly; Secure; SameSite=Lax'

async function login(): Promise<Response> {
  const created = await createAuthorizationRequest(client, {
    redirect_uri: callback,
    scope: 'openid profile',
  })
  if (!created.ok) return new Response('Try again later', { status: 503 })
  const { url, pending } = created.value
  const value = encodeURIComponent(JSON.stringify(pending))
  return new Response(null, {
    status: 303,
    headers: { location: url, 'set-cookie': `__Secure-pending=${value}; Max-Age=600; ${attributes}` },
  })
}

async function handleCallback(request: Request): Promise<Response> {
  const [, value] = /(?:^|; )__Secure-pending=([^;]*)/.exec(request.headers.get('cookie') ?? '') ?? []
  if (value === undefined) return new Response('Sign in again', { status: 400 })
  const pending = JSON.parse(decodeURIComponent(value)) as PendingAuthorization
  // Its own host and scheme may differ behind a proxy, so only the query is passed.
  const completed = await completeAuthorization(client, new URL(request.url).searchParams, pending)
  const headers = { 'set-cookie': `__Secure-pending=; Max-Age=0; ${attributes}` }
  if (!completed.ok) return new Response(`Sign in again (${completed.error.code})`, { status: 400, headers })
  return new Response(`Hello, user ${completed.value.claims?.sub}`, { headers })
}

/** Returns the cookie of the login page, and the URL that the server redirects to. */
async function signIn() {
  const response = await login()
  const { location = '' } = await world.visit(response.headers.get('location') ?? '')
  const cookie = (response.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  return { cookie, location }
}

const open = (location: string, cookie = '') =>
  handleCallback(new Request(location.replace(callback, 'http://internal:3000/cb'), { headers: { cookie } }))

test('web app: a user signs in, and the cookie is removed', async () => {
  const { cookie, location } = await signIn()
  const response = await open(location, `theme=dark; ${cookie}`)
  assert.equal(await response.text(), 'Hello, user 1')
  assert.match(response.headers.get('set-cookie') ?? '', /^__Secure-pending=; Max-Age=0/)
})

test('web app: the response of a sign-in is of no use in another browser [RFC 9700 §4.7]', async () => {
  const { location } = await signIn()
  assert.equal((await open(location)).status, 400)
  const { cookie } = await signIn()
  assert.equal(await (await open(location, cookie)).text(), 'Sign in again (state_mismatch)')
})

test('web app: a page that is loaded again does not send the code again', async () => {
  const { cookie, location } = await signIn()
  assert.equal((await open(location, cookie)).status, 200)
  const before = world.sent.length
  assert.equal(await (await open(location, cookie)).text(), 'Sign in again (pending_used)')
  assert.equal(world.sent.length, before)
})
