/** How users of an upstream provider are distinguished, and how recent their sign-in there must be. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identityKey, mapClaims } from '../../packages/server/src/identity/external-identity.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { finishEnrolment } from '../support/factors.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath, callback, redeem, verifier } from '../support/sign-in.ts'
import { openTenantStores } from '../support/storage.ts'
import { claimsOf, type TestServer } from '../support/tessera.ts'
import {
  federatedWorld,
  foreignProvider,
  signInByProvider,
  startFederated,
  subOf,
} from '../support/upstream.ts'
import { secret } from '../support/world.ts'

const provider = foreignProvider({ sub: 'ada' })
const another = foreignProvider({ sub: 'ada' })
const atCorp = (changes: Readonly<Record<string, string>> = {}) =>
  authorizePath({ acr_values: 'idp:corp', ...changes })

const sessionsOf = (server: TestServer) =>
  server.logged.filter(({ event }) => event === 'signed_in').map(({ sid }) => sid)

function assertFailed(server: TestServer, page: Page, reason: string): void {
  assert.ok(page.status >= 400, page.text)
  assert.equal(server.reason(), reason)
}

test('federation: a sign-in there may be a minute older than required, to allow for clock differences', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  const now = server.clock.now()
  provider.claims = { sub: 'ada', auth_time: now - 360 }
  assert.ok(answerOf(await signInByProvider(browser, atCorp({ max_age: '300' }))).has('code'))
  provider.claims = { sub: 'ada', auth_time: now - 361 }
  const late = await signInByProvider(createBrowser(server), atCorp({ max_age: '300' }))
  assertFailed(server, late, 'upstream_sign_in_too_old')
})

test('federation: a sign-in time in the future is refused', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  provider.claims = { sub: 'ada', auth_time: server.clock.now() + 40 }
  const claims = await redeem(server, await signInByProvider(browser, atCorp()))
  assert.equal(claims.auth_time, server.clock.now())
})

test('federation: an account page that requires a recent sign-in makes the provider ask again', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  answerOf(await signInByProvider(browser, atCorp()))
  server.clock.advance(601)
  const sent = await browser.visit('/account/security?add=totp')
  assert.ok(sent.location?.startsWith(provider.issuer), sent.text)
  assert.equal(new URL(sent.location ?? '').searchParams.get('prompt'), 'login')
})

test('federation: the same sub at another issuer is another user, even if the provider has the same name here', async () => {
  const tenantStores = await openTenantStores()
  const one = await startFederated(federatedWorld(provider), tenantStores)
  answerOf(await signInByProvider(one.browser, atCorp()))
  const two = await startFederated(federatedWorld(another), tenantStores)
  answerOf(await signInByProvider(two.browser, atCorp()))
  assert.notEqual(subOf(one.server), subOf(two.server))
})

test('federation: a linked user of one tenant can’t sign in elsewhere', async () => {
  const linked = { ...federatedWorld(provider), federation: { subject: async () => '3' } }
  const { server, browser } = await startFederated(linked)
  assertFailed(server, await signInByProvider(browser, atCorp()), 'user_of_another_tenant')
  const inAcme = atCorp({ acr_values: 'idp:corp tenant:acme' })
  answerOf(await signInByProvider(createBrowser(server), inAcme))
  assert.equal(subOf(server), '3')
})

test('federation: an inactive user is refused, whichever provider signs them in', async () => {
  const { server, browser } = await startFederated({
    ...federatedWorld(provider),
    federation: { subject: async () => '4' },
  })
  const page = await signInByProvider(browser, atCorp())
  assertFailed(server, page, 'user_inactive')
  assert.deepEqual(sessionsOf(server), [])
})

test('federation: users who exist only at a provider lose access once the configuration lacks it, and regain it', async () => {
  const tenantStores = await openTenantStores()
  const world = federatedWorld(provider)
  const { server, browser } = await startFederated(world, tenantStores)
  const code = answerOf(await signInByProvider(browser, atCorp({ scope: 'openid offline_access' }))).get(
    'code',
  )
  const { json } = await server.token({
    ...{ grant_type: 'authorization_code', client_id: 'web', code: code ?? '' },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })
  const { server: without, browser: later } = await startFederated(
    { ...world, identity_providers: [] },
    tenantStores,
  )
  for (const [name, value] of browser.cookies) later.cookies.set(name, value)
  const refresh = (where: TestServer) =>
    where.token({ grant_type: 'refresh_token', client_id: 'web', refresh_token: json.refresh_token })
  assert.ok((await later.visit('/account')).target.startsWith('/login'))
  const silent = answerOf(await later.visit(authorizePath({ prompt: 'none' })))
  assert.equal(silent.get('error'), 'login_required')
  assertRefused(await refresh(without), 'invalid_grant', 'user_inactive')
  assert.equal((await refresh(server)).status, 200)
})

test('federation: a sign-in in another tenant does not continue the earlier session', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  answerOf(await signInByProvider(browser, atCorp()))
  answerOf(await signInByProvider(browser, atCorp({ acr_values: 'idp:corp tenant:acme' })))
  const [first, second] = sessionsOf(server)
  assert.notEqual(first, second)
  const ended = server.logged.findLast(({ event }) => event === 'session_ended')
  assert.deepEqual([ended?.sid, ended?.cause], [first, 'another_user'])
})

test('federation: a provider’s acr never counts as this server’s', async () => {
  const settings = { trust_amr: true, acr_mapping: { theirs: 'phr', other: 'urn:corp:loa2' } }
  const world = { ...federatedWorld(provider, settings), mfa: { mode: 'if_enrolled' } }
  const { server, browser } = await startFederated(world)
  provider.claims = { sub: 'ada', acr: 'theirs' }
  const claims = await redeem(server, await signInByProvider(browser, atCorp()))
  assert.notEqual(claims.acr, 'phr')
})

test('federation: a mark of unknown origin is replaced', async () => {
  const { browser } = await startFederated(federatedWorld(provider))
  browser.cookies.set('__Host-tessera_mark', 'guessable')
  answerOf(await signInByProvider(browser, atCorp()))
  assert.match(browser.cookies.get('__Host-tessera_mark') ?? '', /^[\w-]{43}$/)
})

test('federation: reserved claims and claims that the provider did not send are not copied', () => {
  const mapping = { name: 'name', sub: 'sub', tenant: 'tenant', odd: 'constructor', toString: 'toString' }
  const theirs = { name: 'Ada', sub: 'x', tenant: 'acme' }
  assert.deepEqual(mapClaims(mapping, theirs), { name: 'Ada' })
})

test('federation: the session at the provider keeps which user signed in, also after the session here', async () => {
  const chosen = { ...federatedWorld(provider), federation: { subject: async () => 'chosen' } }
  const { server, browser } = await startFederated(chosen)
  answerOf(await signInByProvider(browser, atCorp()))
  await server.endAccess('chosen')
  const identity = { provider: { name: 'corp', linking: 'none' as const }, id: 'ada', claims: {} }
  const key = identityKey({ ...identity, authority: provider.issuer })
  const rows = await server.stores.upstreamSessions.from('corp', { identity: key })
  assert.deepEqual(
    rows.map(({ sub }) => sub),
    ['chosen'],
  )
})

/** Signs in by the provider in the tenant, and redeems the code. */
async function tokensIn(
  server: TestServer,
  tenant: string,
): Promise<Record<'access_token' | 'id_token' | 'refresh_token', string>> {
  const place = { acr_values: `idp:corp tenant:${tenant}`, scope: 'openid api1 offline_access' }
  const page = await signInByProvider(createBrowser(server), atCorp(place))
  const { json } = await server.token({
    ...{ grant_type: 'authorization_code', client_id: 'web', code: answerOf(page).get('code') ?? '' },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })
  assert.equal(claimsOf(json.access_token).tenant, undefined, 'only a record gives a user the claim')
  return json
}
const refresh = (server: TestServer, { refresh_token }: { readonly refresh_token: string }) =>
  server.token({ grant_type: 'refresh_token', client_id: 'web', refresh_token })

test('federation: a client that loses a tenant can not refresh for users who signed in there by a provider', async () => {
  const world = federatedWorld(provider)
  const { server } = await startFederated(world)
  const [acme, globex] = [await tokensIn(server, 'acme'), await tokensIn(server, 'globex')]
  const clients = world.clients.map(one => (one.client_id === 'web' ? { ...one, tenants: ['globex'] } : one))
  await server.reconfigure({ ...world, clients })
  assert.equal((await refresh(server, acme)).reason, 'user_of_another_tenant')
  assert.equal((await refresh(server, globex)).status, 200)
})

test('federation: revoking a tenant ends the tokens of users who signed in there by a provider, and have no record', async () => {
  const { server } = await startFederated(federatedWorld(provider))
  const [acme, globex] = [await tokensIn(server, 'acme'), await tokensIn(server, 'globex')]
  await server.revokeTenant('acme')
  const userinfo = ({ access_token }: { readonly access_token: string }) =>
    server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${access_token}` } })
  assert.equal((await userinfo(acme)).status, 401)
  assert.equal((await refresh(server, acme)).reason, 'authorization_revoked')
  assert.equal((await userinfo(globex)).status, 200)
  assert.equal((await refresh(server, globex)).status, 200)
  server.clock.advance(2)
  assert.equal((await refresh(server, await tokensIn(server, 'acme'))).status, 200)
})

test('federation: after a revocation, users sign in with an earlier sign-in at the provider, and that lasts', async () => {
  for (const revoked of ['acme', undefined]) {
    const { server } = await startFederated(federatedWorld(provider))
    provider.claims = { sub: 'ada', auth_time: server.clock.now() - 5000 }
    const before = await tokensIn(server, 'acme')
    await server.revokeTenant(revoked)
    assert.equal((await refresh(server, before)).reason, 'authorization_revoked')
    server.clock.advance(2)
    const after = await tokensIn(server, 'acme')
    const { sid, auth_time } = claimsOf(after.id_token)
    assert.equal(auth_time, provider.claims.auth_time)
    // A process that starts looks for sessions from before the revocation again.
    await server.runLogouts()
    assert.ok(await server.stores.sessions.findBySid(sid))
    assert.equal((await refresh(server, after)).status, 200)
    assert.equal((await server.stores.sessions.ofUser(claimsOf(after.access_token).sub)).length, 1)
    await server.close()
  }
})

test('federation: a second factor that is entered after a revocation does not renew the sign-in before it', async () => {
  const { server } = await startFederated({ ...federatedWorld(provider), mfa: { mode: 'required' } })
  provider.claims = { sub: 'ada', auth_time: server.clock.now() - 5000 }
  const browser = createBrowser(server)
  const enrolment = await signInByProvider(browser, atCorp({ acr_values: 'idp:corp tenant:acme' }))
  await server.revokeTenant('acme')
  server.clock.advance(2)
  const { page } = await finishEnrolment(server, browser, enrolment)
  assert.ok(page.location?.startsWith(provider.issuer), page.text)
})

test('federation: a client of one tenant exchanges no token of a user who signed in at another by a provider, and has no record', async () => {
  const world = federatedWorld(provider)
  const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const exchangers = ['acme', 'globex'].map(tenant => ({
    ...{ client_id: `of-${tenant}`, client_secrets: [{ value: secret }], grant_types: [grant_type] },
    ...{ scope: 'api1', tenants: [tenant] },
  }))
  const { server } = await startFederated({ ...world, clients: [...world.clients, ...exchangers] })
  const { access_token } = await tokensIn(server, 'acme')
  const exchange = (client_id: string, subject_token: string | undefined) =>
    server.token(
      { grant_type, subject_token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
      { client: [client_id, secret] },
    )
  assertRefused(await exchange('of-globex', access_token), 'invalid_grant', 'user_of_another_tenant')
  const own = await exchange('of-acme', access_token)
  assert.equal(own.status, 200, own.body)
  assertRefused(await exchange('of-globex', own.json.access_token), 'invalid_grant', 'user_of_another_tenant')
})
