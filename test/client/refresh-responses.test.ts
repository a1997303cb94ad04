/** Responses to a refresh: a token that the server has used is sent again only if its response was lost. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, createSession, unwrap } from '@tessera/client'
import { createKey, sign } from './token-server.ts'

const issuer = 'https://as.example'
const now = 1_790_000_000
const key = await createKey('ES256')
const stranger = await createKey('ES256', { kid: key.jwk.kid })
const claims = { iss: issuer, sub: 'bob', aud: 'app', iat: now, exp: now + 300 }
const fresh = { access_token: 'second', token_type: 'Bearer', refresh_token: 'next', expires_in: 300 }
const metadata = { issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` }

/** Starts a session and refreshes it, at a server whose first response to that is given. */
async function refresh(first: () => Response | Promise<Response>) {
  const sent: string[] = []
  const client = createClient({
    ...{ issuer, metadata, client_id: 'app', now: () => now },
    async fetch(url, init) {
      if (url === metadata.jwks_uri) return Response.json({ keys: [key.jwk] })
      sent.push(new URLSearchParams(`${init.body}`).get('refresh_token') ?? '')
      return sent.length === 1 ? first() : Response.json(fresh)
    },
  })
  const session = createSession(client, { sleep: async () => undefined })
  await session.start({ ...fresh, access_token: 'first', refresh_token: 'used', members: {} })
  return { sent, result: await session.refresh() }
}

const faulty = {
  'has no token_type': { ...fresh, token_type: undefined },
  'has a token of another type': { ...fresh, token_type: 'mac' },
  'has no access token': { ...fresh, access_token: undefined },
  'has a lifetime that is not a number': { ...fresh, expires_in: 'soon' },
  'has an ID token with a wrong signature': { ...fresh, id_token: await sign(claims, stranger) },
  'has an ID token of another issuer': {
    ...fresh,
    id_token: await sign({ ...claims, iss: 'https://other.example' }, key),
  },
  'has an ID token of the future': { ...fresh, id_token: await sign({ ...claims, iat: now + 300 }, key) },
}

for (const [what, members] of Object.entries(faulty))
  test(`refresh responses: a response that ${what} is refused, and the refresh token is not sent again`, async () => {
    const { sent, result } = await refresh(() => Response.json(members))
    assert.ok(!result.ok)
    assert.equal(result.error.kind, 'invalid')
    assert.equal(result.error.mayHaveSucceeded, true)
    assert.deepEqual(sent, ['used'])
  })

const lost = {
  'a page of a Wi-Fi network': () => new Response('<!doctype html>'),
  'half of the JSON': () => new Response('{"access_token":'),
  'a redirect to a page for sign-ins to a network': () => new Response(null, { status: 302 }),
  'an error of a proxy': () => new Response('', { status: 502 }),
  'no response': () => Promise.reject(new TypeError('the connection was reset')),
}

for (const [what, response] of Object.entries(lost))
  test(`refresh responses: after ${what} the refresh token is sent again`, async () => {
    const { sent, result } = await refresh(response)
    assert.equal(unwrap(result).refresh_token, 'next')
    assert.deepEqual(sent, ['used', 'used'])
  })
