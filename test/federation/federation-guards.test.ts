/** Checks that protect a sign-in against an upstream provider's response or a forged form. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createDiscovery,
  type OpenIdProvider,
} from '../../packages/server/src/identity/federation/provider-discovery.ts'
import { createUpstream } from '../../packages/server/src/identity/federation/upstream.ts'
import { signingAlgorithms } from '../../packages/server/src/model/client.ts'
import type { Outbound } from '../../packages/server/src/outbound/outbound.ts'
import { createBrowser } from '../support/browser.ts'
import { answerOf, assertErrorPage, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'
import {
  federatedWorld,
  foreignProvider,
  signInByProvider,
  startFederated,
  visitProvider,
} from '../support/upstream.ts'

const provider = foreignProvider({ sub: 'ada' })
const atCorp = authorizePath({ acr_values: 'idp:corp' })

test('federation: an ID token with another algorithm than the configured one is refused [OpenID Connect Core 1.0 §3.1.3.7]', async () => {
  for (const [alg, fits] of [
    ['RS256', true],
    ['ES256', false],
    ['PS256', false],
  ] as const) {
    const { server, browser } = await startFederated(
      federatedWorld(provider, { id_token_signed_response_alg: alg }),
    )
    const page = await signInByProvider(browser, atCorp)
    if (fits) assert.ok(answerOf(page).get('code'))
    else {
      assert.equal(page.location, undefined)
      assert.equal(server.reason(), 'upstream_answer_invalid')
    }
  }
})

test('federation: an ID token with an algorithm that this server does not allow is refused, whatever the provider lists', async () => {
  const world = { ...federatedWorld(provider), signature_algorithms: ['ES256'] }
  const { server, browser } = await startFederated(world)
  assert.equal((await signInByProvider(browser, atCorp)).location, undefined)
  assert.equal(server.reason(), 'upstream_answer_invalid')
})

test('federation: a response without a state of ours gets an error page', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  const back = new URL(await visitProvider(await browser.visit(atCorp)), 'https://id.example')
  for (const state of [undefined, '', 'x', `tf_${'A'.repeat(51)}`, `tg_${'A'.repeat(52)}`]) {
    const answer = new URL(back)
    if (state === undefined) answer.searchParams.delete('state')
    else answer.searchParams.set('state', state)
    const page = await browser.visit(answer.pathname + answer.search)
    assert.equal(page.status, 400)
    assert.equal(server.reason(), 'upstream_state_malformed')
  }
  // None of these consumed the right one.
  assert.ok(answerOf(await browser.visit(back.pathname + back.search)).get('code'))
})

test('federation: a login page that offered no provider leads to none through its continuation', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  const page = await browser.visit(authorizePath())
  const sealed = page.form?.fields.continue ?? ''
  assert.notEqual(sealed, '')
  assertErrorPage(
    await browser.visit(`/federation/login?${new URLSearchParams({ continue: sealed })}`),
    'invalid_request',
  )
  assert.equal(server.reason(), 'provider_not_allowed')
})

test('federation: idp:local requires an account of this server, even if a provider signed the user in', async () => {
  const { browser } = await startFederated(federatedWorld(provider))
  answerOf(await signInByProvider(browser, atCorp))
  assert.ok(answerOf(await browser.visit(authorizePath())).get('code'))
  const page = await browser.visit(authorizePath({ acr_values: 'idp:local' }))
  assert.ok(page.target.startsWith('/login'), page.target)
  assert.ok(answerOf(await signIn(browser, authorizePath({ acr_values: 'idp:local' }))).get('code'))
})

test('federation: an unknown provider in acr_values is ignored, and the user chooses', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  const page = await browser.visit(authorizePath({ acr_values: 'idp:nobody' }))
  assert.ok(page.target.startsWith('/login'), page.target)
  assert.equal(server.logged.filter(({ event }) => event === 'refused').length, 0)
})

const issuer = 'https://corp.example'
const upstreamOf = (more: object) => {
  const outbound: Outbound = async () => ({
    ok: true,
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      ...more,
    }),
  })
  const clock = { now: () => Math.floor(Date.now() / 1000) }
  return createUpstream({
    discover: createDiscovery({ algorithms: signingAlgorithms, outbound, clock }),
    callbackOf: name => `https://id.example/${name}`,
  })
}
const corp = {
  name: 'corp',
  upstream: { issuer, client_id: 'tessera', client_secret: 'a-secret-of-tessera', scope: 'openid' },
} as unknown as OpenIdProvider
const farewell = { post_logout_redirect_uri: 'https://id.example/logout/done', state: 's' }

test('federation: a provider without an end_session_endpoint gets no sign-out, and this is logged', async () => {
  const answer = await upstreamOf({}).endSessionUrl(corp, { ...farewell, id_token_hint: 'hint' })
  assert.deepEqual(!answer.ok && [answer.error, answer.reason], ['server_error', 'upstream_without_sign_out'])
})

test('federation: a sign-out whose address would be too long omits the ID token [OpenID Connect RP-Initiated Logout 1.0 §2]', async () => {
  const upstream = upstreamOf({ end_session_endpoint: `${issuer}/bye` })
  const hintOf = async (id_token_hint: string) => {
    const answer = await upstream.endSessionUrl(corp, { ...farewell, id_token_hint })
    assert.ok(answer.ok)
    const { searchParams, pathname } = new URL(answer.value)
    assert.deepEqual([pathname, searchParams.get('state')], ['/bye', 's'])
    assert.equal(searchParams.get('post_logout_redirect_uri'), farewell.post_logout_redirect_uri)
    return searchParams.get('id_token_hint')
  }
  assert.equal(await hintOf('short'), 'short')
  assert.equal(await hintOf('x'.repeat(50_000)), null)
})
