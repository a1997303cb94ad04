import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { createBrowser } from '../support/browser.ts'
import { endSessionPath, logoutWorld, signInAt, startLogoutWorld } from '../support/logout-world.ts'
import { alice, answerOf, authorizePath, bob, callback, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const cookie = '__Host-tessera_browser_state'

/** Runs the frame's own script with these cookies; returns what it posts to a page of this origin. */
async function ask(
  server: Awaited<ReturnType<typeof createTestServer>>,
  cookies: ReadonlyMap<string, string>,
  question: unknown,
  origin = 'https://app.example',
): Promise<string | undefined> {
  const { body } = await server.send('GET', '/connect/checksession')
  const name = /data-cookie="([^"]+)"/.exec(body)?.[1]
  const script = /<script>([\s\S]*)<\/script>/.exec(body)?.[1] ?? ''
  let listener: ((event: object) => void) | undefined
  let answered: { readonly text: string; readonly to: string } | undefined
  runInNewContext(script, {
    btoa,
    document: {
      documentElement: { getAttribute: () => name },
      cookie: [...cookies].map(([key, value]) => `${key}=${value}`).join('; '),
    },
    window: {
      addEventListener: (_: string, given: typeof listener) => {
        listener = given
      },
    },
  })
  const source = {
    postMessage: (text: string, to: string) => {
      answered = { text, to }
    },
  }
  listener?.({ data: question, origin, source })
  if (answered) assert.equal(answered.to, origin)
  return answered?.text
}

async function signedIn() {
  const { server, browser } = await startLogoutWorld()
  const answer = answerOf(await signIn(browser, authorizePath()))
  return { server, browser, state: answer.get('session_state') ?? '' }
}

test('check session: session_state matches until the sign-out, and a new sign-in changes it [OpenID Connect Session Management 1.0 §3.2]', async () => {
  const { server, browser, state } = await signedIn()
  assert.equal(await ask(server, browser.cookies, `web ${state}`), 'unchanged')
  const again = answerOf(await browser.visit(authorizePath())).get('session_state')
  assert.notEqual(again, state)
  assert.equal(await ask(server, browser.cookies, `web ${again}`), 'unchanged')
  const done = await browser.submit(await browser.visit(endSessionPath()), { button: 'yes' })
  assert.match(done.text, /signed out/)
  assert.equal(browser.cookies.has(cookie), false)
  assert.equal(await ask(server, browser.cookies, `web ${state}`), 'changed')
  await signIn(browser, authorizePath())
  assert.equal(await ask(server, browser.cookies, `web ${state}`), 'changed')
})

test('check session: the state changes when another user signs in, and not when the same user signs in again', async () => {
  const { server, browser, state } = await signedIn()
  await signIn(browser, authorizePath({ prompt: 'login' }))
  assert.equal(await ask(server, browser.cookies, `web ${state}`), 'unchanged')
  await signIn(browser, authorizePath({ prompt: 'login' }), bob)
  assert.equal(await ask(server, browser.cookies, `web ${state}`), 'changed')
})

test('check session: the sign-out removes what an expired session left', async () => {
  const { server, browser, state } = await signedIn()
  server.clock.advance(7200)
  assert.equal(await ask(server, browser.cookies, `web ${state}`), 'unchanged')
  await browser.visit(endSessionPath())
  assert.equal(await ask(server, browser.cookies, `web ${state}`), 'changed')
})

test('check session: a state is valid for one client and one origin', async () => {
  const { server, browser, state } = await signedIn()
  assert.equal(await ask(server, browser.cookies, `shop ${state}`), 'changed')
  assert.equal(await ask(server, browser.cookies, `web ${state}`, 'https://evil.example'), 'changed')
})

test('check session: an invalid message gets error, and a page without an origin gets no reply', async () => {
  const { server, browser, state } = await signedIn()
  for (const question of ['', 'web', state, `web ${state}x`, `web ${state.slice(1)}`, 42, undefined, {}])
    assert.equal(await ask(server, browser.cookies, question), 'error')
  assert.equal(await ask(server, browser.cookies, `web ${state}`, 'null'), undefined)
})

test('check session: the frame computes SHA-256 for every length', async () => {
  const server = await createTestServer(logoutWorld)
  const salt = 's'.repeat(22)
  for (let length = 1; length < 140; length++) {
    const client = 'c'.repeat(length)
    const digest = hash('sha256', `${client} https://app.example  ${salt}`, 'base64url')
    assert.equal(await ask(server, new Map(), `${client} ${digest}.${salt}`), 'unchanged', String(length))
  }
})

test('check session: any page may frame it, it runs only its own script, and it is cacheable', async () => {
  const server = await createTestServer(logoutWorld)
  const { status, headers, body } = await server.send('GET', '/connect/checksession')
  assert.equal(status, 200)
  const script = /<script>([\s\S]*)<\/script>/.exec(body)?.[1] ?? ''
  assert.equal(
    headers['content-security-policy'],
    `default-src 'none'; script-src 'sha256-${hash('sha256', script, 'base64')}'; base-uri 'none'; form-action 'none'`,
  )
  assert.equal(headers['x-frame-options'], undefined)
  assert.match(String(headers['cache-control']), /max-age/)
})

for (const path of [
  '/connect/checksession',
  '/connect/authorize',
  '/connect/introspect',
  '/login',
  '/connect/endsession',
])
  test(`cors: no origin gets permission at ${path} [cors-006] [cors-008] [cors-009] [cors-010]`, async () => {
    const server = await createTestServer({
      ...logoutWorld,
      clients: logoutWorld.clients.map(client => ({
        ...client,
        allowed_cors_origins: ['https://app.example'],
      })),
    })
    const { headers } = await server.send('OPTIONS', path, {
      headers: { origin: 'https://app.example', 'access-control-request-method': 'GET' },
    })
    assert.equal(headers['access-control-allow-origin'], undefined)
  })

test('cors: a registered origin may call userinfo [cors-004]', async () => {
  const server = await createTestServer({
    ...logoutWorld,
    clients: logoutWorld.clients.map(client => ({
      ...client,
      allowed_cors_origins: ['https://app.example'],
    })),
  })
  const { status, headers } = await server.send('OPTIONS', '/connect/userinfo', {
    headers: { origin: 'https://app.example', 'access-control-request-method': 'GET' },
  })
  assert.deepEqual([status, headers['access-control-allow-origin']], [204, 'https://app.example'])
})

test('check session: the cookie is readable in a frame of another site and reveals nothing about the session', async () => {
  const { server, browser } = await startLogoutWorld()
  const login = await browser.visit(authorizePath())
  const { action = '', fields } = login.form ?? {}
  const signedIn = await browser.request('POST', action, { form: { ...fields, ...alice } })
  const line = [signedIn.headers['set-cookie'] ?? []].flat().find(one => one.includes('browser_state'))
  assert.match(line ?? '', /^__Host-tessera_browser_state=[\w-]{43}; Path=\/; Secure; SameSite=None$/)
  const tokens = await signInAt(server, browser, ['web'])
  assert.ok(!JSON.stringify(tokens).includes(browser.cookies.get(cookie)!))
  // Not set again if the browser has it.
  assert.equal((await browser.visit(authorizePath())).headers['set-cookie'], undefined)
})

test('check session: a sign-in at the account pages changes the state too', async () => {
  const { server, browser, state } = await signedIn()
  const login = await browser.visit('/account?tenant=acme')
  const { target } = await browser.submit(login, { username: 'carol', password: 'carol', button: 'login' })
  assert.equal(target, '/account')
  assert.equal(await ask(server, browser.cookies, `web ${state}`), 'changed')
})

test('check session: errors about a signed-in user contain session_state, login_required does not', async () => {
  const { server, browser } = await signedIn()
  const refused = await browser.visit(authorizePath({ prompt: 'none', client_id: 'asking' }))
  const answer = answerOf(refused)
  assert.equal(answer.get('error'), 'consent_required')
  assert.equal(await ask(server, browser.cookies, `asking ${answer.get('session_state')}`), 'unchanged')
  const denied = answerOf(
    await browser.submit(await browser.visit(authorizePath({ prompt: 'consent' })), { button: 'no' }),
  )
  assert.deepEqual([denied.get('error'), denied.has('session_state')], ['access_denied', true])
  for (const unknown of [browser, createBrowser(server)]) {
    const hidden = authorizePath({ prompt: 'none', acr_values: 'tenant:acme' })
    const asked = answerOf(await unknown.visit(hidden))
    assert.deepEqual([asked.get('error'), asked.has('session_state')], ['login_required', false])
  }
})

test('check session: a form post contains session_state, unless the client has no origin', async () => {
  const { browser } = await startLogoutWorld()
  await signIn(browser, authorizePath())
  const page = await browser.visit(authorizePath({ response_mode: 'form_post' }))
  assert.match(page.form?.fields.session_state ?? '', /^[\w-]{43}\.[\w-]{22}$/)
  assert.equal(page.form?.action, callback)
  const app = await createTestServer({
    ...logoutWorld,
    clients: logoutWorld.clients.map(client =>
      client.client_id === 'web' ? { ...client, redirect_uris: ['com.example.app:/cb'] } : client,
    ),
  })
  const target = authorizePath({ redirect_uri: 'com.example.app:/cb' })
  const answered = await signIn(createBrowser(app), target)
  assert.equal(answerOf(answered, 'com.example.app:/cb').get('session_state'), null)
})
