import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Browser, createBrowser, type Page, refreshOf } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath, callback, verifier } from '../support/sign-in.ts'
import { openTenantStores } from '../support/storage.ts'
import { issuer, type TestServer } from '../support/tessera.ts'
import {
  federatedWorld,
  foreignProvider,
  logoutEvent,
  logoutTokenOf,
  signInByProvider,
  startFederated,
  startForeignProvider,
} from '../support/upstream.ts'

const provider = foreignProvider({ sub: 'ada', sid: 'session-there' })

const farewell = 'https://app.example/bye'
const atCorp = authorizePath({ acr_values: 'idp:corp' })
const world = (settings: object = {}) => {
  const made = federatedWorld(provider, settings)
  return {
    ...made,
    clients: made.clients.map(client =>
      client.client_id === 'web' ? { ...client, post_logout_redirect_uris: [farewell] } : client,
    ),
  }
}

async function signedIn(settings: object = {}) {
  const { server, browser } = await startFederated(world(settings))
  const answer = answerOf(await signInByProvider(browser, atCorp))
  const tokens = await server.token({
    grant_type: 'authorization_code',
    client_id: 'web',
    code: answer.get('code') ?? '',
    redirect_uri: callback,
    code_verifier: verifier,
  })
  return { server, browser, tokens: tokens.json }
}

const isSignedIn = async (browser: Browser): Promise<boolean> =>
  answerOf(await browser.visit(authorizePath({ prompt: 'none' }))).has('code')

const endSession = (hint: string, state = 's-1') =>
  `/connect/endsession?${new URLSearchParams({
    id_token_hint: hint,
    post_logout_redirect_uri: farewell,
    state,
  })}`

test('federation logout: signing out here continues at the provider, and from there to the client', async () => {
  const { browser, tokens } = await signedIn()
  const sent: Page = await browser.visit(endSession(tokens.id_token))
  const there = new URL(sent.location ?? '')
  assert.equal(there.origin + there.pathname, `${provider.issuer}/endsession`)
  assert.match(there.searchParams.get('id_token_hint') ?? '', /^eyJ/)
  assert.equal(there.searchParams.get('client_id'), 'tessera')
  assert.equal(there.searchParams.get('post_logout_redirect_uri'), `${issuer}/logout/done`)
  // As a provider redirects it back (RP-Initiated Logout 1.0 §3).
  const back = `/logout/done?${new URLSearchParams({ state: there.searchParams.get('state') ?? '' })}`
  assert.equal((await browser.visit(back)).location, `${farewell}?state=s-1`)
  assert.equal(await isSignedIn(browser), false)
})

test('federation logout: a long state is returned after the provider too, and one that is too long ends on the page', async () => {
  for (const [length, returns] of [
    [2000, true],
    [8000, false],
  ] as const) {
    const { server, browser, tokens } = await signedIn()
    const state = 'x'.repeat(length)
    const there = new URL((await browser.visit(endSession(tokens.id_token, state))).location ?? '')
    assert.equal(there.origin + there.pathname, `${provider.issuer}/endsession`)
    assert.ok(there.href.length <= 8000)
    assert.equal(await isSignedIn(browser), false)
    const back = `/logout/done?${new URLSearchParams({ state: there.searchParams.get('state') ?? '' })}`
    const done = await browser.visit(back)
    if (returns) assert.equal(done.location, `${farewell}?state=${state}`)
    else {
      assert.match(done.text, /You are signed out .*so you weren’t sent there/)
      assert.ok(server.logged.some(({ reason }) => reason === 'sign_out_state_too_long'))
    }
  }
})

test('federation logout: after confirmation by our form, a page leads there, because a redirect would be subject to form-action [CSP 3 §6.4.1]', async () => {
  const { browser } = await signedIn()
  const page = await browser.submit(await browser.visit('/logout'), { button: 'yes' })
  assert.equal(page.status, 200)
  const { wait, url: there = '' } = refreshOf(page)
  assert.equal(wait, '0')
  assert.match(String(page.headers['content-security-policy']), /; form-action 'self';/)
  assert.ok(there.startsWith(`${provider.issuer}/endsession?`))
  assert.match(page.body, /id="next" href="[^"]+endsession/)
  const state = new URL(there).searchParams.get('state') ?? ''
  assert.match(
    (await browser.visit(`/logout/done?${new URLSearchParams({ state })}`)).text,
    /You are signed out/,
  )
})

test('federation logout: is skipped if disabled', async () => {
  const { browser, tokens } = await signedIn({ end_session: false })
  const direct = await browser.visit(endSession(tokens.id_token))
  assert.equal(direct.location, `${farewell}?state=s-1`)
})

test('federation logout: an unreachable provider does not prevent the sign-out here', async () => {
  const tenantStores = await openTenantStores()
  const away = await startForeignProvider()
  const { browser: before } = await startFederated(federatedWorld(away), tenantStores)
  answerOf(await signInByProvider(before, atCorp))
  await away.close()
  // A restarted server has no metadata of the provider.
  const { server, browser } = await startFederated(federatedWorld(away), tenantStores)
  for (const [name, value] of before.cookies) browser.cookies.set(name, value)
  const done = await browser.submit(await browser.visit('/logout'), { button: 'yes' })
  assert.equal(done.status, 200)
  assert.equal(
    server.logged.findLast(one => one.event === 'upstream_sign_out_failed')?.reason,
    'upstream_unreachable',
  )
  assert.equal(answerOf(await browser.visit(authorizePath({ prompt: 'none' }))).has('code'), false)
})

test('federation logout: the ID token stored for it is sealed, and removed after use', async () => {
  const { server, browser, tokens } = await signedIn()
  const upstream = server.logged.findLast(entry => entry.event === 'signed_in')
  assert.ok(upstream)
  const [row] = await server.stores.upstreamSessions.from('corp', { upstream_sid: 'session-there' })
  assert.ok(row)
  assert.ok(!Buffer.from(row.id_token).toString('latin1').includes('eyJ'))
  // As long as any session here can last.
  assert.equal(row.expires_at, server.clock.now() + 90 * 86_400)
  await browser.visit(endSession(tokens.id_token))
  assert.equal(await server.stores.upstreamSessions.find(row.id), undefined)
})

const logoutToken = (changes: Record<string, unknown> = {}) =>
  logoutTokenOf(provider, { sid: 'session-there', sub: 'ada', ...changes })

const notify = (server: TestServer, logout_token: string) =>
  server.send('POST', '/federation/backchannel-logout/corp', { form: { logout_token } })

test('federation logout: the provider’s logout token ends the sessions that came from its session [Back-Channel Logout 1.0 §2.7]', async () => {
  const { server, browser } = await signedIn()
  provider.claims = { sub: 'ada', sid: 'another' }
  const elsewhere = createBrowser(server)
  answerOf(await signInByProvider(elsewhere, atCorp))
  const answer = await notify(server, await logoutToken({ sub: undefined }))
  assert.equal(answer.status, 200)
  assert.match(String(answer.headers['cache-control']), /no-store/)
  assert.equal(await isSignedIn(browser), false)
  assert.equal(await isSignedIn(elsewhere), true)
  // Without a sid, all sessions of the user.
  assert.equal((await notify(server, await logoutToken({ sid: undefined }))).status, 200)
  assert.equal(await isSignedIn(elsewhere), false)
  assert.equal(server.logged.findLast(entry => entry.event === 'session_ended')?.cause, 'ended_by_provider')
})

test('federation logout: a token with sid and sub also ends the user’s sessions whose sid is unknown [Back-Channel Logout 1.0 §2.7]', async () => {
  // A provider may omit the sid from ID tokens.
  provider.claims = { sub: 'ada', sid: undefined }
  const { server, browser } = await signedIn()
  const [other, stranger] = [createBrowser(server), createBrowser(server)]
  provider.claims = { sub: 'ada', sid: 'another' }
  answerOf(await signInByProvider(other, atCorp))
  provider.claims = { sub: 'grace', sid: undefined }
  answerOf(await signInByProvider(stranger, atCorp))
  assert.equal((await notify(server, await logoutToken())).status, 200)
  assert.equal(await isSignedIn(browser), false)
  assert.equal(await isSignedIn(other), true)
  assert.equal(await isSignedIn(stranger), true)
})

test('federation logout: an invalid or repeated logout token ends nothing [Back-Channel Logout 1.0 §2.6]', async () => {
  const { server, browser } = await signedIn()
  const now = server.clock.now()
  const other = await startForeignProvider()
  const foreign = await other.service.issuer.buildToken({
    scopesOrTransform: (_, payload) =>
      void Object.assign(payload, {
        iss: provider.issuer,
        aud: 'tessera',
        jti: 'f',
        events: logoutEvent,
        sub: 'ada',
      }),
  })
  await other.close()
  for (const [what, token] of [
    ['another issuer', await logoutToken({ iss: 'https://evil.example' })],
    ['another audience', await logoutToken({ aud: 'another' })],
    ['expired', await logoutToken({ exp: now - 100 })],
    ['old', await logoutToken({ iat: now - 1000 })],
    ['a nonce', await logoutToken({ nonce: 'n' })],
    ['no event', await logoutToken({ events: undefined })],
    ['another event', await logoutToken({ events: { 'urn:other': {} } })],
    ['nobody', await logoutToken({ sub: undefined, sid: undefined })],
    ['no jti', await logoutToken({ jti: undefined })],
    ['an empty jti', await logoutToken({ jti: '' })],
    ['no end', await logoutToken({ exp: undefined })],
    ['no beginning', await logoutToken({ iat: undefined })],
    [
      'an event that is not an object',
      await logoutToken({ events: { [Object.keys(logoutEvent)[0]!]: 'yes' } }),
    ],
    ['names that are too long', await logoutToken({ sid: 'x'.repeat(256), sub: 'x'.repeat(256) })],
    ['another key', foreign],
    ['no token', 'x'],
  ] as const) {
    const answer = await notify(server, token)
    assert.equal(answer.status, 400, what)
    assertRefused(answer, 'invalid_request', 'upstream_logout_token_invalid', what)
  }
  assertRefused(
    await server.send('POST', '/federation/backchannel-logout/corp', { form: {} }),
    'invalid_request',
    'upstream_logout_token_missing',
  )
  assert.equal(await isSignedIn(browser), true)
  const token = await logoutToken({ sid: 'unknown-session' })
  assert.equal((await notify(server, token)).status, 200)
  assert.equal((await notify(server, token)).status, 400)
  assert.equal(server.reason(), 'upstream_logout_token_replayed')
  assert.equal(await isSignedIn(browser), true)
})

test('federation logout: a logout token that is too old by this server’s clock ends nothing', async () => {
  const { server } = await startFederated(world())
  server.clock.advance(7200)
  const answer = await notify(server, await logoutToken({ sid: 'unknown-session' }))
  assertRefused(answer, 'invalid_request', 'upstream_logout_token_invalid')
})

test('federation logout: a logout token with another algorithm than the configured one ends nothing', async () => {
  for (const [alg, fits] of [
    ['RS256', true],
    ['ES256', false],
  ] as const) {
    const { server } = await startFederated(world({ id_token_signed_response_alg: alg }))
    const answer = await notify(server, await logoutToken({ sid: 'unknown-session' }))
    if (fits) assert.equal(answer.status, 200)
    else assertRefused(answer, 'invalid_request', 'upstream_logout_token_invalid', alg)
  }
})

test('federation logout: a used logout token is remembered while it is valid, despite clean-up [Back-Channel Logout 1.0 §2.6]', async () => {
  const { server } = await signedIn()
  const token = await logoutToken({ sid: 'unknown-session', jti: 'once', exp: server.clock.now() + 100 })
  assert.equal((await notify(server, token)).status, 200)
  server.clock.advance(159)
  await server.stores.cleanUp(server.clock.now())
  assertRefused(await notify(server, token), 'invalid_request', 'upstream_logout_token_replayed')
})

test('federation logout: a used logout token is remembered no longer than its age allows, whatever its expiry', async () => {
  const { server } = await startFederated(world())
  for (const exp of [1e308, Number.MAX_SAFE_INTEGER, 2 ** 63, server.clock.now() + 1e9]) {
    // The provider's own clock may already be in the next second.
    const iat = server.clock.now()
    const token = await logoutToken({ sid: undefined, sub: 'unknown-user', jti: `${exp}`, iat, exp })
    assert.equal((await notify(server, token)).status, 200, `${exp}`)
    assertRefused(await notify(server, token), 'invalid_request', 'upstream_logout_token_replayed')
  }
  server.clock.advance(600 + 60 + 299)
  // Only that of the user's sign-out, which is not kept per token.
  assert.equal(await server.stores.cleanUp(server.clock.now()), 1)
  server.clock.advance(1)
  assert.equal(await server.stores.cleanUp(server.clock.now()), 4)
})

test('federation logout: an id that one provider used is still valid for another [Back-Channel Logout 1.0 §2.6]', async () => {
  const branch = { name: 'branch', type: 'oidc', issuer: provider.issuer, client_id: 'tessera' }
  const { server } = await startFederated(federatedWorld(provider, {}, [branch]))
  const token = await logoutToken({ sid: 'unknown-session', jti: 'shared' })
  assert.equal((await notify(server, token)).status, 200)
  const form = { logout_token: token }
  const path = '/federation/backchannel-logout/branch'
  assert.equal((await server.send('POST', path, { form })).status, 200)
  assertRefused(
    await server.send('POST', path, { form }),
    'invalid_request',
    'upstream_logout_token_replayed',
  )
})

test('federation logout: a hidden frame of the provider ends the session that it identifies [Front-Channel Logout 1.0 §2]', async () => {
  const { server, browser } = await signedIn()
  const path = '/federation/frontchannel-logout/corp'
  for (const query of [
    '',
    `?sid=session-there`,
    `?iss=https://evil.example&sid=session-there`,
    `?iss=${provider.issuer}`,
    `?iss=${provider.issuer}&sid=other`,
  ]) {
    assert.equal((await server.send('GET', path + query)).status, 200)
    assert.equal(await isSignedIn(browser), true, query)
  }
  const answer = await server.send('GET', `${path}?iss=${provider.issuer}&sid=session-there`)
  assert.equal(
    answer.headers['content-security-policy'],
    `default-src 'none'; frame-ancestors ${provider.issuer}`,
  )
  assert.equal(await isSignedIn(browser), false)
})

test('federation logout: a local user signs out without a redirect to a provider', async () => {
  const { browser } = await startFederated(world())
  const login = await browser.visit(authorizePath())
  answerOf(await browser.submit(login, { username: 'alice', password: 'wonderland', button: 'login' }))
  const done = await browser.submit(await browser.visit('/logout'), { button: 'yes' })
  assert.equal(done.location, undefined)
})
