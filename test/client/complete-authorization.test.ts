import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AuthorizationOptions,
  type Client,
  clientSecretBasic,
  completeAuthorization,
  unwrap,
  validateAuthorizationResponse,
} from '@tessera/client'
import { createBrowser } from '../support/browser.ts'
import { allTypes, hybridWorld } from '../support/hybrid.ts'
import { bob, callback } from '../support/sign-in.ts'
import { claimsOf } from '../support/tessera.ts'
import { authorize, responseOf, startAuthorizationWorld } from './authorization-world.ts'
import { createFaultyNetwork } from './faulty-network.ts'

const world = await startAuthorizationWorld({
  clients: [
    ...hybridWorld.clients,
    {
      client_id: 'confidential',
      client_secrets: [{ value: 'secret' }],
      grant_types: ['authorization_code'],
      redirect_uris: [callback],
      scope: 'openid api1',
    },
  ],
})
const { issuer, server } = world
const client = world.client()
const scope = 'openid profile api1 offline_access'

/** The bodies of the token requests that were sent while `use` ran. */
async function tokenRequests(use: () => Promise<unknown>): Promise<readonly URLSearchParams[]> {
  const before = world.sent.length
  await use()
  return world.sent
    .slice(before)
    .filter(({ url }) => url.endsWith('/connect/token'))
    .map(({ init }) => new URLSearchParams(`${init.body}`))
}

const withCode = allTypes.filter(type => type.includes('code'))

for (const response_type of withCode)
  test(`complete authorization: ${response_type} ends in tokens and validated claims [OpenID Connect Core 1.0 §3]`, async () => {
    const { response, pending } = await authorize(world, client, { response_type, scope, max_age: 3600 })
    const completed = unwrap(await completeAuthorization(client, response, pending))
    assert.equal(claimsOf(completed.access_token).client_id, 'web')
    assert.equal(completed.claims?.sub, '1')
    assert.equal(completed.claims?.nonce, pending.nonce)
    assert.match(completed.refresh_token ?? '', /^tr_/)
    const { id_token, claims } = completed.authorizationResponse
    assert.equal(id_token !== undefined, response_type.includes('id_token'))
    assert.equal(claims?.sub, response_type.includes('id_token') ? '1' : undefined)
  })

test('complete authorization: plain OAuth 2.0 has no claims', async () => {
  const { response, pending } = await authorize(world, client, { scope: 'api1' })
  const completed = unwrap(await completeAuthorization(client, response, pending))
  assert.equal(completed.claims, undefined)
  assert.equal(completed.scope, 'api1')
})

test('complete authorization: a response type without a code is a mistake of the caller', async () => {
  const { response, pending } = await authorize(world, client, { response_type: 'id_token' })
  await assert.rejects(completeAuthorization(client, response, pending), TypeError)
})

test('complete authorization: the resources of the request are requested again, so that the token is for them [RFC 8707 §2.2]', async () => {
  const resource = ['urn:api']
  const { response, pending } = await authorize(world, client, { scope, resource })
  const stored = JSON.parse(JSON.stringify(pending))
  const [sent] = await tokenRequests(async () =>
    unwrap(await completeAuthorization(client, response, stored)),
  )
  assert.deepEqual(sent?.getAll('resource'), resource)
})

test('complete authorization: a response that is refused sends no code', async () => {
  const { response, pending } = await authorize(world, client)
  const sent = await tokenRequests(async () => {
    const completed = await completeAuthorization(client, response.replace('&state=', '&state=x'), pending)
    assert.ok(!completed.ok)
    assert.equal(completed.error.code, 'state_mismatch')
  })
  assert.equal(sent.length, 0)
})

test('complete authorization: a response without a pending request, as after a lost cookie, sends no request', async () => {
  const { response } = await authorize(world, client, { scope })
  const before = world.sent.length
  for (const complete of [completeAuthorization, validateAuthorizationResponse]) {
    const completed = await complete(client, response, undefined)
    assert.ok(!completed.ok)
    assert.equal(completed.error.kind, 'invalid')
    assert.equal(completed.error.code, 'pending_missing')
  }
  assert.equal(world.sent.length, before)
})

test('complete authorization: two calls at the same time send the code once', async () => {
  const { response, pending } = await authorize(world, client)
  const sent = await tokenRequests(async () => {
    const results = await Promise.all([
      completeAuthorization(client, response, pending),
      completeAuthorization(client, response, { ...pending }),
    ])
    assert.deepEqual(results.map(({ ok }) => ok).toSorted(), [false, true])
  })
  assert.equal(sent.length, 1)
})

for (const moment of ['before', 'within', 'after'] as const)
  test(`complete authorization: a response lost ${moment} the exchange starts a new authorization, and the code is not sent again`, async () => {
    const { fetch, next } = createFaultyNetwork(world.fetch)
    const of = world.client({ fetch })
    const { response, pending } = await authorize(world, of)
    unwrap(await of.issuer.metadata())
    next.push(moment)
    const sent = await tokenRequests(async () => {
      const completed = await completeAuthorization(of, response, pending)
      assert.ok(!completed.ok)
      const { kind, code, message, mayHaveSucceeded } = completed.error
      assert.deepEqual([kind, code, mayHaveSucceeded], ['network', 'code_exchange_lost', true])
      assert.match(message, /start a new authorization/)
      assert.doesNotMatch(JSON.stringify(completed.error), /tc_/)
      const again = await completeAuthorization(of, response, pending)
      assert.ok(!again.ok)
      assert.equal(again.error.code, 'pending_used')
    })
    assert.equal(sent.length, moment === 'before' ? 0 : 1)
  })

test('complete authorization: a signal that aborts the exchange also starts a new authorization', async () => {
  const stop = new AbortController()
  const of = world.client({
    fetch: async (url, init) => {
      const response = await world.fetch(url, init)
      if (url.endsWith('/connect/token')) stop.abort()
      init.signal?.throwIfAborted()
      return response
    },
  })
  const { response, pending } = await authorize(world, of)
  const completed = await completeAuthorization(of, response, pending, { signal: stop.signal })
  assert.ok(!completed.ok)
  assert.deepEqual([completed.error.kind, completed.error.code], ['aborted', 'code_exchange_lost'])
})

test('complete authorization: metadata that can’t be requested uses nothing up, so that the call can be repeated', async () => {
  const { fetch, next } = createFaultyNetwork(world.fetch, '/.well-known/openid-configuration')
  const { response, pending } = await authorize(world, client)
  const of = world.client({ fetch })
  next.push('before')
  const completed = await completeAuthorization(of, response, pending)
  assert.ok(!completed.ok)
  assert.equal(completed.error.code, 'network_error')
  assert.equal(completed.error.mayHaveSucceeded, false)
  assert.ok((await completeAuthorization(of, response, pending)).ok)
})

/** Completes a request of which one value was changed, and returns the error and the server's reason. */
async function failing(
  change: (pending: Awaited<ReturnType<typeof authorize>>['pending']) => object,
  of: Client = client,
  options: Partial<AuthorizationOptions> = {},
) {
  const { response, pending } = await authorize(world, of, options)
  const completed = await completeAuthorization(of, response, { ...pending, ...change(pending) })
  assert.ok(!completed.ok)
  return completed.error
}

test('complete authorization: a wrong code_verifier is refused by the server [RFC 7636 §4.6]', async () => {
  const { kind, code } = await failing(() => ({ code_verifier: 'x'.repeat(43) }))
  assert.deepEqual([kind, code], ['response', 'invalid_grant'])
  assert.equal(server.reason(), 'code_verifier_wrong')
})

test('complete authorization: a wrong secret is refused by the server', async () => {
  const of = world.client({ client_id: 'confidential', authentication: clientSecretBasic('wrong') })
  const { kind, code } = await failing(() => ({}), of)
  assert.deepEqual([kind, code], ['response', 'invalid_client'])
  assert.equal(server.reason(), 'client_secret_wrong')
})

test('complete authorization: an ID token with another nonce is refused [OpenID Connect Core 1.0 §3.1.3.7]', async () => {
  assert.equal((await failing(() => ({ nonce: 'other' }))).code, 'nonce_mismatch')
})

test('complete authorization: the age of the sign-in is counted from the request, and checked against max_age', async () => {
  const old = await failing(({ created_at }) => ({ max_age: 60, created_at: created_at + 100 }))
  assert.equal(old.code, 'authentication_too_old')
  const { response, pending } = await authorize(world, client, { prompt: 'none', max_age: 60 })
  server.clock.advance(200)
  assert.ok((await completeAuthorization(client, response, pending)).ok)
})

test('complete authorization: a sign-in without the required acr is refused', async () => {
  const { response, pending } = await authorize(world, client)
  const completed = await completeAuthorization(client, response, pending, { acr_values: 'mfa' })
  assert.ok(!completed.ok)
  assert.equal(completed.error.code, 'acr_mismatch')
})

test('complete authorization: two ID tokens about different users are refused [OpenID Connect Core 1.0 §3.3.3.6]', async () => {
  let code = ''
  const of = world.client({
    fetch: (url, init) => {
      const body = new URLSearchParams(`${init.body ?? ''}`)
      if (body.has('code')) body.set('code', code)
      return world.fetch(url, init.body ? { ...init, body: body.toString() } : init)
    },
  })
  const { url, response, pending } = await authorize(world, of, { response_type: 'code id_token' })
  const other = createBrowser(server)
  const target = url.href.slice(issuer.length)
  const ofBob = new URL(responseOf(await other.submit(await other.visit(target), bob)))
  code = new URLSearchParams(ofBob.hash.slice(1)).get('code') ?? ''
  const completed = await completeAuthorization(of, response, pending)
  assert.ok(!completed.ok)
  assert.equal(completed.error.code, 'sub_mismatch')
})
