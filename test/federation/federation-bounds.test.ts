/** Limits of requests to a provider and of what is accepted from it. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createPauses } from '../../packages/server/src/identity/federation/pauses.ts'
import {
  createDiscovery,
  type OpenIdProvider,
} from '../../packages/server/src/identity/federation/provider-discovery.ts'
import { createFetch, refusalOf } from '../../packages/server/src/identity/federation/provider-fetch.ts'
import { createUpstream } from '../../packages/server/src/identity/federation/upstream.ts'
import { signingAlgorithms } from '../../packages/server/src/model/client.ts'
import type { Outbound } from '../../packages/server/src/outbound/outbound.ts'
import { createClock } from '../keys/keys.ts'
import { answerOf, authorizePath, redeem } from '../support/sign-in.ts'
import { federatedWorld, foreignProvider, signInByProvider, startFederated } from '../support/upstream.ts'

const provider = foreignProvider({ sub: 'ada' })
const atCorp = authorizePath({ acr_values: 'idp:corp' })

const issuer = 'https://corp.example'
const corp = {
  name: 'corp',
  upstream: {
    issuer,
    client_id: 'tessera',
    client_secret: 'a-secret-of-tessera',
    scope: 'openid',
    acr_mapping: {},
  },
} as unknown as OpenIdProvider

/** A provider with this metadata, and the requests that it received. */
function describedAs(more: object = {}) {
  const asked: string[] = []
  const state = { isAway: false }
  const outbound: Outbound = async url => {
    asked.push(String(url))
    if (state.isAway) return { ok: false, reason: 'outbound_failed' }
    const metadata = {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      end_session_endpoint: `${issuer}/bye`,
      jwks_uri: `${issuer}/jwks`,
      ...more,
    }
    const headers = { 'content-type': 'application/json' }
    return { ok: true, status: 200, headers, body: JSON.stringify(metadata) }
  }
  const clock = createClock()
  const discover = createDiscovery({ algorithms: signingAlgorithms, outbound, clock })
  const upstream = createUpstream({ discover, callbackOf: name => `https://id.example/${name}` })
  return { asked, state, clock, discover, upstream }
}

const proof = { state: 'state', nonce: 'nonce', code_verifier: 'v'.repeat(43) }

test('federation: a provider’s metadata is cached for ten minutes, and concurrent requests fetch it once', async () => {
  const { asked, clock, discover } = describedAs()
  await Promise.all([discover(corp), discover(corp), discover(corp)])
  assert.equal(asked.length, 1)
  clock.advance(599)
  await discover(corp)
  assert.equal(asked.length, 1)
  clock.advance(1)
  await discover(corp)
  assert.equal(asked.length, 2)
})

test('federation: metadata of an unreachable provider is used for a day, and fetched every half minute', async () => {
  const { asked, state, clock, discover } = describedAs()
  await discover(corp)
  clock.advance(600)
  state.isAway = true
  for (let times = 0; times < 3; times++) await discover(corp)
  assert.equal(asked.length, 2)
  clock.advance(29)
  await discover(corp)
  assert.equal(asked.length, 2)
  clock.advance(1)
  await discover(corp)
  assert.equal(asked.length, 3)
  clock.advance(86_400 - 630 - 1)
  await discover(corp)
  clock.advance(30)
  await assert.rejects(discover(corp))
})

test('federation: a provider that failed twice within five seconds is not called until they are over', async () => {
  const { asked, state, clock, discover } = describedAs()
  state.isAway = true
  for (let times = 0; times < 5; times++) await assert.rejects(discover(corp))
  assert.equal(asked.length, 2)
  clock.advance(5)
  state.isAway = false
  await discover(corp)
  assert.equal(asked.length, 3)
})

test('federation: a provider is paused after the second failure, until the interval is over or a call succeeds', () => {
  const clock = createClock()
  const pauses = createPauses(clock, { most: 2, span: 5 })
  pauses.failed('corp', 'first')
  assert.equal(pauses.errorFor('corp'), undefined)
  clock.advance(4)
  pauses.failed('corp', 'second')
  assert.equal(pauses.errorFor('corp')?.error, 'second')
  assert.equal(pauses.errorFor('other'), undefined)
  clock.advance(1)
  assert.equal(pauses.errorFor('corp'), undefined)
  pauses.failed('corp', 'third')
  assert.equal(pauses.errorFor('corp')?.error, 'third')
  pauses.succeeded('corp')
  assert.equal(pauses.errorFor('corp'), undefined)
})

for (const [what, endpoint] of [
  ['a script', 'javascript:alert(1)'],
  ['an application', 'com.example.app:/authorize'],
  ['an address without TLS', 'http://corp.example/there'],
] as const)
  test(`federation: a provider with TLS never redirects to ${what}`, async () => {
    const { upstream } = describedAs({ authorization_endpoint: endpoint, end_session_endpoint: endpoint })
    const farewell = {
      post_logout_redirect_uri: 'https://id.example/done',
      state: 's',
      id_token_hint: 'hint',
    }
    for (const answer of [
      await upstream.authorizationUrl(corp, proof, {}),
      await upstream.endSessionUrl(corp, farewell),
    ])
      assert.deepEqual(!answer.ok && [answer.error, answer.reason], [
        'server_error',
        'upstream_answer_invalid',
      ])
  })

test('federation: a provider without TLS never redirects to an address other than http or https', async () => {
  const plain = 'http://corp.example'
  const provider = { ...corp, upstream: { ...corp.upstream, issuer: plain } }
  for (const endpoint of ['javascript:alert(1)', 'com.example.app:/authorize', 'data:text/html,x']) {
    const { upstream } = describedAs({ issuer: plain, authorization_endpoint: endpoint })
    const answer = await upstream.authorizationUrl(provider, proof, {})
    assert.deepEqual(!answer.ok && [answer.error, answer.reason], ['server_error', 'upstream_answer_invalid'])
  }
})

test('federation: a provider with TLS is sent no code without TLS', async () => {
  const { asked, upstream } = describedAs({ token_endpoint: 'http://corp.example/token' })
  const answer = await upstream.complete(corp, new URLSearchParams({ code: 'c', state: 'state' }), proof)
  assert.deepEqual(!answer.ok && [answer.error, answer.reason], ['server_error', 'upstream_answer_invalid'])
  assert.deepEqual(
    asked.filter(url => url.startsWith('http:')),
    [],
  )
})

test('federation: only GET and POST are sent to a provider', async () => {
  const asked: unknown[] = []
  const fetch = createFetch(async url => {
    asked.push(url)
    return { ok: true, status: 200, headers: {}, body: '' }
  })
  for (const method of ['PUT', 'DELETE', 'PATCH'] as const)
    await assert.rejects(
      async () => fetch(issuer, { method, headers: {}, body: undefined, redirect: 'manual' }),
      /the method \w+ is not supported/,
    )
  assert.deepEqual(asked, [])
})

test('federation: the log contains at most 200 characters of a provider’s error', () => {
  const cause = new Error('y'.repeat(1000))
  const thrown = Object.assign(new Error('failed', { cause }), { error: 'x'.repeat(1000) })
  const { log } = refusalOf(thrown, 'corp')
  assert.equal(log?.error, 'x'.repeat(200))
  assert.equal(log?.cause, 'y'.repeat(200))
})

test('federation: the authorization request reveals nothing of the code verifier [RFC 7636 §4.1]', async () => {
  const { browser } = await startFederated(federatedWorld(provider))
  const { searchParams } = new URL((await browser.visit(atCorp)).location ?? '')
  const challenge = searchParams.get('code_challenge')
  assert.equal(searchParams.get('code_challenge_method'), 'S256')
  for (const name of ['nonce', 'state']) {
    const carried = searchParams.get(name) ?? ''
    assert.ok(carried.length >= 43, name)
    assert.notEqual(createHash('sha256').update(carried).digest('base64url'), challenge, name)
  }
})

test('federation: an ID token that has expired by this server’s clock is refused', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  server.clock.advance(7200)
  const page = await signInByProvider(browser, atCorp)
  assert.equal(page.location, undefined)
  assert.equal(server.reason(), 'upstream_answer_invalid')
})

test('federation: an upstream session with a name that is too long, or without a UTF-8 form, is ignored', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  for (const [sid, isKept] of [
    ['s'.repeat(255), true],
    ['s'.repeat(256), false],
    ['\ud800', false],
  ] as const) {
    provider.claims = { sub: 'ada', sid }
    answerOf(await signInByProvider(browser, authorizePath({ acr_values: 'idp:corp', prompt: 'login' })))
    const found = await server.stores.upstreamSessions.from('corp', { upstream_sid: sid })
    assert.equal(found.length === 1, isKept)
  }
})

test('federation: an acr that is a property of every object maps to none of ours', async () => {
  const world = federatedWorld(provider, { acr_mapping: { theirs: 'urn:corp:loa2' } })
  const { server, browser } = await startFederated(world)
  const again = authorizePath({ acr_values: 'idp:corp', prompt: 'login' })
  const acrFor = async (acr?: string) => {
    provider.claims = { sub: 'ada', ...(acr !== undefined && { acr }) }
    return (await redeem(server, await signInByProvider(browser, again))).acr
  }
  const usual = await acrFor()
  for (const acr of ['constructor', 'toString', '__proto__']) assert.equal(await acrFor(acr), usual, acr)
})
