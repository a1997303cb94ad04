import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser, csrfCookies } from '../support/browser.ts'
import { alice, answerOf, assertErrorPage, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

async function start(input: object = pagesWorld) {
  const server = await createTestServer(input)
  return { server, browser: createBrowser(server) }
}

test('login: the page shows the client, fills in the login hint and needs no script [authorize-006]', async () => {
  const { browser } = await start()
  const page = await browser.visit(
    authorizePath({ login_hint: 'alice"><i>', display: 'popup', ui_locales: 'fr-FR en' }),
  )
  assert.equal(page.status, 200)
  assert.match(page.text, /pour continuer vers Web & Co/)
  assert.equal(page.form?.fields.username, 'alice"><i>')
  // The only script file helps with passkeys.
  assert.doesNotMatch(
    page.body,
    /<script(?! type="module" src="\/assets\/passkey-\w+\.js"><\/script>)|<i>| style=| on\w+=/,
  )
  assert.match(page.body, /<html lang="fr" dir="ltr">/)
})

test('login: pages can’t be framed or cached, and load nothing from other origins', async () => {
  const { browser } = await start()
  const page = await browser.visit(authorizePath())
  assert.equal(
    page.headers['content-security-policy'],
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; frame-ancestors 'none'; base-uri 'none'",
  )
  assert.equal(page.headers['cache-control'], 'no-store')
  assert.equal(page.headers['referrer-policy'], 'no-referrer')
  assert.equal(page.headers['x-content-type-options'], 'nosniff')
})

test('login: cookies are host-bound, HttpOnly and SameSite=Lax; the session cookie is read only by the server', async () => {
  const { browser } = await start()
  const page = await browser.visit(authorizePath())
  const posted = await browser.request('POST', '/login', { form: { ...page.form?.fields, ...alice } })
  assert.equal(posted.status, 303)
  const session = [posted.headers['set-cookie'] ?? []].flat().find(line => line.includes('_session='))
  assert.match(
    session ?? '',
    /^__Host-tessera_session=ts_[\w-]{52}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  )
  const [csrf] = [
    (await createBrowser((await start()).server).visit(authorizePath())).headers['set-cookie'] ?? [],
  ].flat()
  assert.match(csrf ?? '', /^__Host-tessera_csrf(_\d+)?=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
})

test('login: with an http issuer the cookies have plain names', async () => {
  const { browser } = await start({ ...pagesWorld, issuer: 'http://localhost:5080' })
  answerOf(await signIn(browser, authorizePath()))
  const names = [...browser.cookies.keys()].map(name => name.replace(/_\d+$/, ''))
  assert.deepEqual(names.sort(), [
    'tessera_browser_state',
    'tessera_csrf',
    'tessera_known',
    'tessera_session',
  ])
})

test('login: unknown names, wrong passwords, inactive users and users of a tenant get the same response', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(authorizePath())
  const answers: string[] = []
  for (const [username, password] of [
    ['nobody', 'x'],
    ['alice', 'x'],
    ['ina', 'ina'],
    ['carol', 'carol'],
    ['alice', ''],
  ] as const) {
    const answer = await browser.submit(page, { username, password, button: 'login' })
    assert.equal(answer.status, 400)
    assert.match(answer.body, /role="alert"/)
    assert.equal(answer.form?.fields.username, username)
    assert.equal(answer.form?.fields.password, '')
    // The challenge for a passkey differs each time.
    const passkey = / data-options="[^"]*"|name="ticket" value="[^"]*"/g
    answers.push(answer.body.replaceAll(username, '').replaceAll(passkey, ''))
  }
  assert.equal(new Set(answers).size, 1)
  assert.equal(browser.cookies.has('__Host-tessera_session'), false)
  const { logged } = server
  assert.ok(!JSON.stringify(logged).includes('wonderland'))
})

test('login: after a wrong password, the correct one signs in', async () => {
  const { browser } = await start()
  const page = await signIn(browser, authorizePath(), { username: 'alice', password: 'wrong' })
  assert.ok(answerOf(await browser.submit(page, { password: 'wonderland' })).get('code'))
})

test('login: cancelling returns access_denied and the state to the client, without a password', async () => {
  const { browser } = await start()
  const page = await signIn(browser, authorizePath(), { button: 'cancel' })
  const answer = answerOf(page)
  assert.equal(answer.get('error'), 'access_denied')
  assert.equal(answer.get('state'), 'a state & more')
  assert.equal(browser.cookies.has('__Host-tessera_session'), false)
})

test('login: a form without its CSRF token or cookie is refused [RFC 9700 §4.7]', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(authorizePath())
  const stranger = createBrowser(server)
  const theirs = await stranger.visit(authorizePath())
  const tokens = ['', 'x', theirs.form?.fields.csrf ?? '', (page.form?.fields.csrf ?? '').toUpperCase()]
  for (const csrf of tokens) {
    assertErrorPage(await browser.submit(page, { ...alice, csrf }), 'invalid_request')
    assert.equal(server.reason(), 'csrf_token_wrong')
  }
  const [name = ''] = csrfCookies(browser)
  const cookie = browser.cookies.get(name) ?? ''
  for (const changed of [
    undefined,
    '',
    `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}`,
    'x'.repeat(43),
  ]) {
    if (changed === undefined) browser.cookies.delete(name)
    else browser.cookies.set(name, changed)
    assertErrorPage(await browser.submit(page, alice), 'invalid_request')
  }
  assert.equal(browser.cookies.has('__Host-tessera_session'), false)
  browser.cookies.set(name, cookie)
  assert.ok(answerOf(await browser.submit(page, alice)).get('code'))
})

test('login: of two pages that a browser without cookies loads at once, both forms are accepted', async () => {
  const { server } = await start()
  for (;;) {
    const browser = createBrowser(server)
    const pages = await Promise.all([browser.visit(authorizePath()), browser.visit(authorizePath())])
    const names = csrfCookies(browser)
    // One of 64 pairs gets the same name.
    if (names.length < 2) continue
    for (const page of pages) assert.ok(answerOf(await browser.submit(page, alice)).get('code'))
    // A third page uses one of them, and the form of another browser is still refused.
    await browser.visit(authorizePath({ prompt: 'login' }))
    assert.deepEqual(csrfCookies(browser), names)
    const theirs = await createBrowser(server).visit(authorizePath())
    assertErrorPage(await browser.submit(theirs, alice), 'invalid_request')
    assert.equal(server.reason(), 'csrf_token_wrong')
    return
  }
})

test('login: a form with a changed continuation is refused', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(authorizePath())
  const sealed = page.form?.fields.continue ?? ''
  for (const changed of ['', 'x', sealed.slice(1), `${sealed}x`, sealed.replace('.', '..')]) {
    assertErrorPage(await browser.submit(page, { ...alice, continue: changed }), 'invalid_request')
    assert.equal(server.reason(), 'continuation_invalid')
  }
  assertErrorPage(await browser.visit('/login'), 'invalid_request')
  assert.equal(browser.cookies.has('__Host-tessera_session'), false)
})

test('login: a sign-in starts a session with a new handle and ends the earlier one', async () => {
  const { browser } = await start()
  await signIn(browser, authorizePath())
  const before = browser.cookies.get('__Host-tessera_session') ?? ''
  await signIn(browser, authorizePath({ prompt: 'login' }), { username: 'bob', password: 'builder' })
  const after = browser.cookies.get('__Host-tessera_session') ?? ''
  assert.notEqual(after, before)
  browser.cookies.set('__Host-tessera_session', before)
  assert.ok((await browser.visit(authorizePath())).target.startsWith('/login'))
})

test('login: enable_local_login false shows no password form except of providers that check passwords', async () => {
  const { browser } = await start()
  const page = await browser.visit(authorizePath({ client_id: 'nolocal' }))
  assert.doesNotMatch(page.body, /name="password"/)
  assert.match(page.text, /Sign in with Staff directory/)
  const posted = await browser.submit(page, alice)
  assert.equal(posted.status, 400)
  assert.equal(browser.cookies.has('__Host-tessera_session'), false)
  const way = /href="([^"]*)">Sign in with Staff directory/.exec(page.body)?.[1] ?? ''
  const directory = await browser.visit(way)
  assert.ok(answerOf(await browser.submit(directory, { username: 'dora', password: 'staff' })).get('code'))
})

test('login: a local session does not count for a client without local login', async () => {
  const { browser } = await start()
  answerOf(await signIn(browser, authorizePath()))
  assert.ok((await browser.visit(authorizePath({ client_id: 'nolocal' }))).target.startsWith('/login'))
})

test('login: without any sign-in option the page says so, and links back', async () => {
  const { browser } = await start({
    ...pagesWorld,
    identity_providers: [],
    clients: pagesWorld.clients.filter(client => client.client_id !== 'restricted'),
  })
  const page = await browser.visit(authorizePath({ client_id: 'nolocal' }))
  assert.match(page.text, /can’t sign in to this application/)
  assert.equal(answerOf(await browser.submit(page, { button: 'cancel' })).get('error'), 'access_denied')
})

test('login: a validator replaces the configured users', async () => {
  const password = { check: ({ username }: { username: string }) => ({ ok: true, sub: `v-${username}` }) }
  const { server, browser } = await start({ ...pagesWorld, validators: { password } })
  answerOf(
    await signIn(browser, authorizePath({ acr_values: 'tenant:acme' }), { username: 'zoe', password: 'any' }),
  )
  assert.equal(server.logged.find(entry => entry.event === 'signed_in')?.sub, 'v-zoe')
})

test('login: the stylesheet is served under the hash of its content and cached permanently', async () => {
  const { browser } = await start()
  const page = await browser.visit(authorizePath())
  const path = /href="(\/assets\/tessera-[0-9a-f]{16}\.css)"/.exec(page.body)?.[1] ?? ''
  const sheet = await browser.request('GET', path)
  assert.equal(sheet.status, 200)
  assert.match(String(sheet.headers['cache-control']), /immutable/)
  assert.match(String(sheet.headers['content-type']), /^text\/css/)
})

test('login: after a hundred wrong passwords the page says how long to wait', async () => {
  const { server, browser } = await start()
  const login = await browser.visit(authorizePath())
  const guess = (password: string) => browser.submit(login, { ...alice, password })
  for (let count = 0; count < 100; count++) assert.equal((await guess('wrong')).status, 400)
  const waiting = await guess('wonderland')
  assert.equal(waiting.status, 429)
  assert.equal(waiting.headers['retry-after'], '600')
  assert.match(waiting.text, /Wait 10 minutes/)
  server.clock.advance(600)
  assert.match((await guess('wonderland')).location ?? '', /^https:\/\/app\.example\/cb\?code=/)
})
