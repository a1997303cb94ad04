/** Frames of other sites: which cookies they send (`sessions.same_site`), and what they can and can't do with them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSetCookie } from 'cookie'
import { pageRoutes } from '../../packages/server/src/model/routes.ts'
import { addUser, doraSignsIn } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { alice, answerOf, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { type Answer, createTestServer, type SendOptions, type TestServer } from '../support/tessera.ts'

const world = (same_site: string | undefined, more: object = {}) => ({
  ...pagesWorld,
  ...(same_site !== undefined && { sessions: { same_site } }),
  ...more,
})

/** A signed-in browser, the lines that set its cookies, and its requests from a frame of another site. */
async function signedIn(server: TestServer, user: Readonly<Record<string, string>> = alice) {
  const lines: string[] = []
  const browser = createBrowser({
    async send(method, path, options) {
      const answer = await server.send(method, path, options)
      lines.push(...[answer.headers['set-cookie'] ?? []].flat())
      return answer
    },
  })
  answerOf(await signIn(browser, authorizePath(), user))
  // RFC 6265bis §5.8.3: a request from a cross-site frame includes the cookies with SameSite=None.
  const cookie = lines
    .map(line => parseSetCookie(line))
    .filter(({ sameSite }) => sameSite === 'none')
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
  const frame = (method: string, path: string, options: SendOptions = {}): Promise<Answer> =>
    server.send(method, path, {
      ...options,
      headers: { cookie, 'sec-fetch-dest': 'iframe', ...options.headers },
    })
  return { browser, lines, frame, cookie }
}

const silent = authorizePath({ prompt: 'none' })
const answered = ({ headers }: Answer) => new URL(String(headers.location)).searchParams

test('same_site: none sets None and Secure only on the cookies that a silent request needs', async () => {
  const server = await createTestServer(world('none'))
  const { browser, lines } = await signedIn(server)
  await browser.submit(await browser.visit('/logout'), { button: 'yes' })
  const attributes = Object.fromEntries(
    lines.map(line => [
      parseSetCookie(line).name.replace('__Host-tessera_', '').replace(/_\d+$/, ''),
      /Secure; SameSite=\w+/.exec(line)?.[0],
    ]),
  )
  assert.deepEqual(attributes, {
    csrf: 'Secure; SameSite=Lax',
    known: 'Secure; SameSite=Lax',
    session: 'Secure; SameSite=None',
    browser_state: 'Secure; SameSite=None',
  })
  assert.ok(!lines.some(line => /Partitioned/i.test(line)))
  // The line that removes the cookie must have the same attributes.
  assert.ok(
    lines.some(line => /_session=; .*Max-Age=0.*SameSite=None/.test(line)),
    lines.join('\n'),
  )
})

for (const [same_site, expected] of [
  ['none', 'code'],
  ['lax', 'login_required'],
  [undefined, 'login_required'],
] as const) {
  test(`same_site: with ${same_site ?? 'nothing said'} a silent request in a frame of another site gets ${expected} [OpenID Connect Core 1.0 §3.1.2.1]`, async () => {
    const server = await createTestServer(world(same_site))
    const { frame } = await signedIn(server)
    const answer = answered(await frame('GET', silent))
    assert.equal(answer.has('code') ? 'code' : answer.get('error'), expected)
  })
}

test('same_site: on a loopback http issuer the cookies remain Lax, since browsers accept None only with Secure', async () => {
  const server = await createTestServer(world('none', { issuer: 'http://localhost:5080' }))
  const { lines } = await signedIn(server)
  for (const line of lines) assert.match(line, /SameSite=Lax$/)
})

test("same_site: a frame gets only what it sends to the client's own address, and shows no page", async () => {
  const server = await createTestServer(world('none'))
  const { frame } = await signedIn(server)
  const elsewhere = await frame(
    'GET',
    authorizePath({ prompt: 'none', redirect_uri: 'https://thief.example/cb' }),
  )
  assert.deepEqual([elsewhere.status, elsewhere.headers.location], [400, undefined])
  for (const path of [
    '/account',
    '/account/security',
    '/logout',
    '/',
    '/device',
    authorizePath({ prompt: 'consent' }),
  ]) {
    const { headers, status } = await frame('GET', path)
    if (status === 302) {
      assert.match(String(headers.location), /^\//)
      continue
    }
    assert.equal(headers['x-frame-options'], 'DENY', path)
    assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/)
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    assert.equal(headers['access-control-allow-origin'], undefined)
  }
  const posted = await frame('GET', authorizePath({ prompt: 'none', response_mode: 'form_post' }))
  assert.equal(posted.headers['x-frame-options'], 'DENY')
})

test('same_site: a frame can’t sign out without an ID token of the current session', async () => {
  const server = await createTestServer(world('none'))
  const { frame, browser } = await signedIn(server)
  for (const path of ['/logout', '/connect/endsession', '/connect/endsession?client_id=web']) {
    const first = await frame('GET', path)
    if (first.headers.location) await frame('GET', String(first.headers.location))
    await frame('POST', path, { form: { button: 'yes' } })
  }
  assert.ok(answerOf(await browser.visit(silent)).get('code'))
})

/** Requests that other sites post by design, which lead to a page that asks. */
const postedByOthers = new Set(['/connect/authorize', '/connect/endsession'])

test("same_site: each of our forms requires the cookie that other sites can't send", async () => {
  const server = await createTestServer(
    world('none', {
      accounts: { sign_up: true, password_reset: true, self_deletion: true },
      mail: { from: 'id@id.example', smtp: { host: 'mail.example' } },
    }),
  )
  await addUser(server)
  const { frame, browser, cookie } = await signedIn(server, doraSignsIn)
  assert.match(cookie, /_session=/)
  // A token of another browser.
  const csrf = (await createBrowser(server).visit(authorizePath())).form?.fields.csrf ?? ''
  const paths = Object.entries(pageRoutes).flatMap(([name, { path, methods }]) =>
    methods.some(method => method === 'POST') &&
    methods.some(method => method === 'GET') &&
    // These read no cookie.
    !['manageRegistration', 'admin'].includes(name)
      ? [path]
      : [],
  )
  assert.ok(paths.length > 15)
  for (const path of paths.filter(path => !postedByOthers.has(path))) {
    for (const form of [{ button: 'yes' }, { button: 'yes', csrf }]) {
      const { status, reason } = await frame('POST', path, { form })
      assert.deepEqual([path, status, reason], [path, 400, 'csrf_token_wrong'])
    }
  }
  assert.ok(answerOf(await browser.visit(silent)).get('code'))
})

test('same_site: a sign-in posted by another site creates no session', async () => {
  const server = await createTestServer(world('none'))
  const browser = createBrowser(server)
  const page = await browser.visit(authorizePath())
  const { status, headers } = await server.send('POST', '/login', {
    form: { ...page.form?.fields, ...alice },
  })
  assert.deepEqual([status, headers['set-cookie']], [400, undefined])
})
