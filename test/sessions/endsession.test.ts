import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { endSessionPath, logoutWorld, signInAt, startLogoutWorld } from '../support/logout-world.ts'
import { answerOf, authorizePath, bob } from '../support/sign-in.ts'

const bye = 'https://app.example/bye'
const isSignedIn = async (browser: Awaited<ReturnType<typeof startLogoutWorld>>['browser']) =>
  answerOf(await browser.visit(authorizePath({ prompt: 'none' }))).get('code') !== null

test('endsession: a hint for this session signs out immediately and redirects to the registered URI with its state [endsession-003] [endsession-021] [OpenID Connect RP-Initiated Logout 1.0 §2]', async () => {
  const { server, browser } = await startLogoutWorld()
  const { web } = await signInAt(server, browser, ['web'])
  const page = await browser.visit(
    endSessionPath({ id_token_hint: web.id_token, post_logout_redirect_uri: bye, state: 'a b&c' }),
  )
  assert.equal(page.location, `${bye}?state=a+b%26c`)
  assert.ok(![...browser.cookies.keys()].some(name => /session|browser_state/.test(name)))
  assert.equal(await isSignedIn(browser), false)
  assert.equal(server.logged.findLast(({ event }) => event === 'session_ended')?.cause, 'signed_out')
})

test('endsession: a registered query is preserved, and without state nothing is added', async () => {
  const { server, browser } = await startLogoutWorld()
  const { web } = await signInAt(server, browser, ['web'])
  const target = { id_token_hint: web.id_token, post_logout_redirect_uri: `${bye}?from=op` }
  assert.equal((await browser.visit(endSessionPath(target))).location, `${bye}?from=op`)
  const again = await browser.visit(endSessionPath({ ...target, state: 'x' }))
  assert.equal(again.location, `${bye}?from=op&state=x`)
})

test('endsession: a form post works like a link, even without our cookies [endsession-006]', async () => {
  const { server, browser } = await startLogoutWorld()
  const { web } = await signInAt(server, browser, ['web'])
  const posted = await server.send('POST', '/connect/endsession', {
    form: { id_token_hint: web.id_token, post_logout_redirect_uri: bye, state: 's' },
  })
  assert.equal(posted.status, 303)
  const page = await browser.visit(String(posted.headers.location))
  assert.equal(page.location, `${bye}?state=s`)
  assert.equal(await isSignedIn(browser), false)
})

test('endsession: without a hint the user is asked, and is signed out only after confirming [endsession-001]', async () => {
  const { server, browser } = await startLogoutWorld()
  await signInAt(server, browser, ['web'])
  const page = await browser.visit(
    endSessionPath({ client_id: 'web', post_logout_redirect_uri: bye, state: 's' }),
  )
  assert.equal(page.status, 200)
  assert.match(page.text, /Sign out\? Web & Co wants to sign you out/)
  assert.match(page.text, /Signed in as alice/)
  // CSP 3 §6.4.1: form-action does not restrict where the client redirects from there.
  assert.doesNotMatch(String(page.headers['content-security-policy']), /form-action/)
  assert.equal(await isSignedIn(browser), true)
  const kept = await browser.submit(page, { button: 'no' })
  assert.match(kept.text, /You are still signed in/)
  assert.equal(await isSignedIn(browser), true)
  const done = await browser.submit(page, { button: 'yes' })
  assert.equal(done.location, `${bye}?state=s`)
  assert.equal(await isSignedIn(browser), false)
})

test('endsession: a request without parameters asks the user and ends at the signed-out page', async () => {
  const { server, browser } = await startLogoutWorld()
  await signInAt(server, browser, ['web'])
  for (const path of ['/connect/endsession', '/connect/endsession?state=x', '/logout']) {
    const page = await browser.visit(path)
    assert.match(page.text, /Sign out\? You will be signed out here/)
  }
  const done = await browser.submit(await browser.visit('/connect/endsession'), { button: 'yes' })
  assert.equal(done.status, 200)
  assert.match(done.text, /You are signed out/)
  assert.doesNotMatch(done.body, /<iframe|<script|id="next"/)
  assert.match(done.body, /<a class="button" href="\/account">Sign in again<\/a>/)
  assert.match(done.body, /<a href="\/logout\/done\?continue=[^"]*lang=de"/)
  assert.equal(await isSignedIn(browser), false)
})

test("endsession: an expired hint is accepted, and so is one after the session's end [endsession-022]", async () => {
  const { server, browser } = await startLogoutWorld()
  const { web } = await signInAt(server, browser, ['web'])
  server.clock.advance(3600)
  const target = endSessionPath({ id_token_hint: web.id_token, post_logout_redirect_uri: bye })
  assert.equal((await browser.visit(target)).location, bye)
  assert.equal((await browser.visit(target)).location, bye)
})

test('endsession: an unregistered URI is ignored, and the user is still signed out [endsession-009]', async () => {
  for (const uri of [
    'https://evil.example/',
    `${bye}/`,
    `${bye}?state=x`,
    'https://shop.example/bye',
    'https://app.example/cb',
    'javascript:alert(1)',
    '//evil.example',
  ]) {
    const { server, browser } = await startLogoutWorld()
    const { web } = await signInAt(server, browser, ['web'])
    const page = await browser.visit(
      endSessionPath({ id_token_hint: web.id_token, post_logout_redirect_uri: uri, state: 's' }),
    )
    assert.equal(page.status, 200, uri)
    assert.match(page.text, returnRefused)
    assert.match(page.body, /href="https:\/\/app\.example\/"[^>]*>Back to Web &amp; Co/)
    assert.equal(page.headers.refresh, undefined)
    assert.equal(server.reason(), 'post_logout_redirect_uri_not_registered')
    assert.equal(await isSignedIn(browser), false)
  }
})

test("endsession: another user's hint is not accepted: the user is asked, and the client's request is dropped [endsession-010]", async () => {
  const { server, browser } = await startLogoutWorld()
  await signInAt(server, browser, ['web'])
  const bobsBrowser = createBrowser(server)
  await bobsBrowser.submit(await bobsBrowser.visit(authorizePath()), bob)
  const { web: ofBob } = await signInAt(server, bobsBrowser, ['web'])
  const page = await browser.visit(
    endSessionPath({ id_token_hint: ofBob.id_token, post_logout_redirect_uri: bye }),
  )
  assert.match(page.text, /Sign out\? You will be signed out here/)
  assert.equal(await isSignedIn(browser), true)
  const done = await browser.submit(page, { button: 'yes' })
  assert.match(done.text, returnRefused)
  assert.doesNotMatch(done.body, /app\.example/)
})

test('endsession: a hint for an earlier session of the same user is not accepted [endsession-011]', async () => {
  const { server, browser } = await startLogoutWorld()
  const { web } = await signInAt(server, browser, ['web'])
  await browser.visit(endSessionPath({ id_token_hint: web.id_token }))
  await signInAt(server, browser, ['web'])
  const page = await browser.visit(
    endSessionPath({ id_token_hint: web.id_token, post_logout_redirect_uri: bye }),
  )
  assert.match(page.text, /Sign out\? You will be signed out here/)
  assert.doesNotMatch((await browser.submit(page, { button: 'yes' })).body, /app\.example/)
})

test('endsession: a new sign-in of the same user keeps the session, whose clients can still sign out', async () => {
  const { server, browser } = await startLogoutWorld()
  const { web } = await signInAt(server, browser, ['web'])
  const before = browser.cookies.get('__Host-tessera_session')
  await signInAt(server, browser, ['shop'], { prompt: 'login' })
  assert.notEqual(browser.cookies.get('__Host-tessera_session'), before)
  const page = await browser.visit(endSessionPath({ id_token_hint: web.id_token }))
  assert.match(page.text, /You are signed out/)
})

test('endsession: a hint without a URI signs out without a redirect', async () => {
  const { server, browser } = await startLogoutWorld()
  const { wiki } = await signInAt(server, browser, ['web', 'wiki'])
  const page = await browser.visit(endSessionPath({ id_token_hint: wiki.id_token, state: 's' }))
  assert.match(page.text, /You are signed out/)
  assert.equal(page.headers.refresh, undefined)
  assert.doesNotMatch(page.body, /id="next"/)
  assert.equal(await isSignedIn(browser), false)
})

test('endsession: a URI without a hint or client is not used, even if the user confirms', async () => {
  const { server, browser } = await startLogoutWorld()
  await signInAt(server, browser, ['web'])
  const page = await browser.visit(endSessionPath({ post_logout_redirect_uri: bye, state: 's' }))
  assert.match(page.text, /Sign out\? You will be signed out here/)
  const done = await browser.submit(page, { button: 'yes' })
  assert.match(done.text, /You are signed out/)
  assert.doesNotMatch(done.body, /app\.example/)
  assert.equal(await isSignedIn(browser), false)
})

const unsigned = (token: string): string =>
  `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${token.split('.')[1]}.`

for (const [what, change, reason] of [
  ['with the algorithm none', unsigned, 'id_token_hint_invalid'],
  ['with a changed signature', (token: string) => `${token.slice(0, -8)}AAAAAAAA`, 'id_token_hint_invalid'],
  ['without a signature', (token: string) => token.replace(/\.[^.]*$/, '.'), 'id_token_hint_invalid'],
  ['that is an access token', (_: string, access: string) => access, 'id_token_hint_invalid'],
  ['that is no token', () => 'x', 'id_token_hint_invalid'],
] as const)
  test(`endsession: a hint ${what} is ignored, and the URI with it is not used`, async () => {
    const { server, browser } = await startLogoutWorld()
    const { web } = await signInAt(server, browser, ['web'])
    const page = await browser.visit(
      endSessionPath({
        id_token_hint: change(web.id_token, web.access_token),
        client_id: 'web',
        post_logout_redirect_uri: bye,
      }),
    )
    assert.equal(server.reason(), reason)
    assert.match(page.text, /Sign out\? You will be signed out here/)
    assert.doesNotMatch((await browser.submit(page, { button: 'yes' })).body, /app\.example/)
  })

test('endsession: a hint of another client than client_id is ignored', async () => {
  const { server, browser } = await startLogoutWorld()
  const { web } = await signInAt(server, browser, ['web'])
  const page = await browser.visit(
    endSessionPath({ id_token_hint: web.id_token, client_id: 'shop', post_logout_redirect_uri: bye }),
  )
  assert.equal(server.reason(), 'id_token_hint_of_another_client')
  assert.match(page.text, /Sign out\?/)
})

test('endsession: an unknown or disabled client, or none, gets no redirect', async () => {
  const { server, browser } = await startLogoutWorld()
  for (const [client_id, reason] of [
    ['nobody', 'client_unknown'],
    ['off', 'client_disabled'],
    ['', 'post_logout_redirect_uri_without_client'],
  ] as const) {
    const page = await browser.visit(endSessionPath({ client_id, post_logout_redirect_uri: bye }))
    assert.equal(page.status, 200)
    assert.match(page.text, /You are signed out/)
    assert.doesNotMatch(page.body, /app\.example/)
    assert.equal(server.reason(), reason)
  }
})

test('endsession: a user who is not signed in is offered the link back, and redirected only with a hint', async () => {
  const { server, browser } = await startLogoutWorld()
  const { web } = await signInAt(server, browser, ['web'])
  browser.cookies.clear()
  const target = { post_logout_redirect_uri: bye }
  const named = await browser.visit(endSessionPath({ client_id: 'web', ...target }))
  assert.equal(named.status, 200)
  assert.match(named.body, /href="https:\/\/app\.example\/bye"/)
  assert.equal(
    (await browser.visit(endSessionPath({ id_token_hint: web.id_token, ...target }))).location,
    bye,
  )
})

test('endsession: ui_locales that are too long are ignored, and logout_hint is accepted [endsession-004]', async () => {
  const { browser } = await startLogoutWorld()
  const page = await browser.visit(
    endSessionPath({ ui_locales: 'en '.repeat(40), logout_hint: 'alice', client_id: 'web' }),
  )
  assert.equal(page.status, 200)
})

test('endsession: an invalid request gets an error page', async () => {
  const { server } = await startLogoutWorld()
  assert.equal((await server.send('GET', '/connect/endsession?state=1&state=2')).status, 400)
  assert.equal((await server.send('POST', '/connect/endsession', { body: '{}' })).status, 415)
  for (const query of ['continue=1&continue=2', `continue=${'x'.repeat(20_000)}`, 'continue=%zz', '']) {
    const done = await server.send('GET', `/logout/done?${query}`)
    assert.equal(done.status, 400, query.slice(0, 40))
    assert.match(String(done.headers['content-type']), /html/)
  }
  assert.equal((await server.send('PUT', '/connect/endsession')).status, 405)
})

for (const length of [1001, 2000, 8000])
  test(`endsession: a state of ${length} characters is returned unchanged [OpenID Connect RP-Initiated Logout 1.0 §2.1]`, async () => {
    const state = 'x'.repeat(length)
    const { server, browser } = await startLogoutWorld()
    const { web } = await signInAt(server, browser, ['web'])
    const target = { post_logout_redirect_uri: bye, state }
    const page = await browser.visit(endSessionPath({ id_token_hint: web.id_token, ...target }))
    assert.equal(page.location, `${bye}?state=${state}`)
    assert.equal(await isSignedIn(browser), false)
    await signInAt(server, browser, ['web'])
    const asked = await browser.visit(endSessionPath({ client_id: 'web', ...target }))
    assert.equal((await browser.submit(asked, { button: 'yes' })).location, `${bye}?state=${state}`)
  })

const returnRefused = /You are signed out .*a page that isn’t allowed here, so you weren’t sent there/

test('endsession: a state that is too long for an address is not truncated: the user is signed out and not redirected', async () => {
  for (const state of ['x'.repeat(12_000), 'x'.repeat(50_000), '\u0001'.repeat(3000)]) {
    const { server, browser } = await startLogoutWorld()
    const { web } = await signInAt(server, browser, ['web'])
    const posted = await server.send('POST', '/connect/endsession', {
      form: { id_token_hint: web.id_token, post_logout_redirect_uri: bye, state },
    })
    assert.equal(server.reason(), 'sign_out_state_too_long')
    const page = await browser.visit(String(posted.headers.location))
    assert.match(page.text, returnRefused)
    assert.equal(page.status, 200)
    assert.doesNotMatch(page.body, /app\.example\/bye/)
    assert.equal(await isSignedIn(browser), false)
  }
})

test('endsession: a hint of any length does not prevent the sign-out', async () => {
  for (const name of ['id_token_hint', 'logout_hint', 'ui_locales', 'post_logout_redirect_uri', 'state']) {
    const { server, browser } = await startLogoutWorld()
    await signInAt(server, browser, ['web'])
    const posted = await server.send('POST', '/connect/endsession', {
      form: { client_id: 'web', [name]: 'x'.repeat(60_000) },
    })
    assert.equal(posted.status, 303, name)
    const page = await browser.visit(String(posted.headers.location))
    assert.match((await browser.submit(page, { button: 'yes' })).text, /You are signed out/, name)
    assert.equal(await isSignedIn(browser), false, name)
  }
})

test('endsession: the page says that the return address was not accepted, whatever was wrong with the request', async () => {
  for (const [why, request] of [
    ['unregistered', { client_id: 'web', post_logout_redirect_uri: 'https://evil.example/' }],
    ['no client', { post_logout_redirect_uri: bye }],
    ['unknown client', { client_id: 'nobody', post_logout_redirect_uri: bye }],
    ['disabled client', { client_id: 'off', post_logout_redirect_uri: bye }],
    ['bad hint', { client_id: 'web', id_token_hint: 'x', post_logout_redirect_uri: bye }],
  ] as const) {
    const { server, browser } = await startLogoutWorld()
    await signInAt(server, browser, ['web'])
    const done = await browser.submit(await browser.visit(endSessionPath(request)), { button: 'yes' })
    assert.match(done.text, returnRefused, why)
    assert.doesNotMatch(done.text, /evil/, why)
    // And for users who are no longer signed in.
    assert.match((await browser.visit(endSessionPath(request))).text, returnRefused, why)
  }
  const { server, browser } = await startLogoutWorld()
  await signInAt(server, browser, ['web'])
  const plain = await browser.submit(await browser.visit(endSessionPath({ client_id: 'web' })), {
    button: 'yes',
  })
  assert.doesNotMatch(plain.text, /not accepted/)
})

test('endsession: discovery lists the endpoint, the check session iframe and both logout channels', async () => {
  const { server } = await startLogoutWorld()
  const { json } = await server.send('GET', '/.well-known/openid-configuration')
  assert.equal(json.end_session_endpoint, 'https://id.example/connect/endsession')
  assert.equal(json.check_session_iframe, 'https://id.example/connect/checksession')
  for (const channel of ['frontchannel', 'backchannel']) {
    assert.equal(json[`${channel}_logout_supported`], true)
    assert.equal(json[`${channel}_logout_session_supported`], true)
  }
})

test('front-channel logout: the signed-out page frames exactly the clients of the session, with iss and sid [endsession-012] [endsession-016] [OpenID Connect Front-Channel Logout 1.0 §3]', async () => {
  const { server, browser } = await startLogoutWorld()
  const tokens = await signInAt(server, browser, ['web', 'shop', 'wiki'])
  const page = await browser.visit(
    endSessionPath({ id_token_hint: tokens.web.id_token, post_logout_redirect_uri: bye, state: 's' }),
  )
  assert.equal(page.status, 200)
  const { sid } = JSON.parse(Buffer.from(tokens.web.id_token.split('.')[1], 'base64url').toString())
  const frames = [...page.body.matchAll(/<iframe hidden src="([^"]+)"/g)].map(([, src]) => src)
  const told = `iss=${encodeURIComponent('https://id.example')}&amp;sid=${sid}`
  assert.deepEqual(frames, [
    `https://shop.example/front?x=1&amp;${told}`,
    `https://wiki.example/front?${told}`,
  ])
  const policy = String(page.headers['content-security-policy'])
  assert.match(policy, /; frame-src https:\/\/shop\.example https:\/\/wiki\.example;/)
  // With scripts, the page's own script redirects. Only one of the two is active, so that the client is called
  // once.
  assert.equal(page.headers.refresh, undefined)
  const [head = ''] = page.body.split('</head>')
  assert.deepEqual(head.match(/<noscript>.*<\/noscript>/g), [
    `<noscript><meta http-equiv="refresh" content="5; url=${bye}?state=s"></noscript>`,
  ])
  assert.equal(page.body.match(/http-equiv/g)?.length, 1)
  assert.match(page.body, /id="next" href="https:\/\/app\.example\/bye\?state=s"/)
})

test('front-channel logout: a client that did not take part is not framed', async () => {
  const { server, browser } = await startLogoutWorld()
  const { wiki } = await signInAt(server, browser, ['wiki'])
  const page = await browser.visit(endSessionPath({ id_token_hint: wiki.id_token }))
  assert.match(page.body, /wiki\.example\/front/)
  assert.doesNotMatch(page.body, /shop\.example/)
  assert.equal(page.headers.refresh, undefined)
})

test('front-channel logout: of very many clients as many are framed as the address allows, and all get a back-channel request', async () => {
  const many = Array.from({ length: 60 }, (_, index) => ({
    client_id: `client-${String(index).padStart(2, '0')}-${'x'.repeat(60)}`,
    token_endpoint_auth_method: 'none',
    redirect_uris: [`https://app${index}.example/cb`],
    frontchannel_logout_uri: `https://app${index}.example/front`,
    backchannel_logout_uri: `https://app${index}.example/back`,
    scope: 'openid',
  }))
  const { server, browser, posts } = await startLogoutWorld({ clients: [...logoutWorld.clients, ...many] })
  const { web } = await signInAt(server, browser, ['web'])
  for (const { client_id, redirect_uris } of many) {
    const target = authorizePath({ client_id, redirect_uri: redirect_uris[0]!, scope: 'openid' })
    assert.ok(answerOf(await browser.visit(target), redirect_uris[0]).get('code'))
  }
  const page = await browser.visit(
    endSessionPath({ id_token_hint: web.id_token, post_logout_redirect_uri: bye, state: '%'.repeat(1000) }),
  )
  assert.equal(page.status, 200)
  assert.ok(page.target.length < 14_000)
  assert.equal([...page.body.matchAll(/<iframe/g)].length, 50)
  assert.match(page.body, /id="next"/)
  await server.runLogouts()
  assert.equal(posts.length, 60)

  // All clients are notified before the return to one of them.
  const again = await signInAt(server, browser, ['web'])
  for (const { client_id, redirect_uris } of many)
    await browser.visit(authorizePath({ client_id, redirect_uri: redirect_uris[0]!, scope: 'openid' }))
  const kept = await browser.visit(
    endSessionPath({
      ...{ id_token_hint: again.web.id_token, post_logout_redirect_uri: bye, state: 'x'.repeat(9000) },
    }),
  )
  assert.equal([...kept.body.matchAll(/<iframe/g)].length, 50)
  assert.match(kept.text, returnRefused)
  assert.equal(server.reason(), 'sign_out_state_too_long')
})
