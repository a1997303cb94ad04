/**
 * The parts that all account pages share: the signed-in user, the sign-out button, and only the sections that this user can use.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, doraSignsIn } from '../support/accounts.ts'
import { type Browser, createBrowser, csrfCookies, type Page } from '../support/browser.ts'
import { assertErrorPage, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

async function start(input: object = accountsWorld({ sign_up: true, self_deletion: true })) {
  const server = await createTestServer(input)
  return { server, browser: createBrowser(server) }
}

const staff = { username: 'dora', password: 'staff', button: 'login' }

async function asStaff(browser: Browser): Promise<Page> {
  const login = await browser.visit('/account')
  const [, way = ''] = /href="([^"]*)">Sign in with Staff directory/.exec(login.body) ?? []
  return browser.submit(await browser.visit(way), staff)
}

const sectionsOf = ({ body }: Page): readonly string[] => {
  const [navigation = ''] = /<nav[\s\S]*<\/nav>/.exec(body) ?? []
  return [...navigation.matchAll(/<a [^>]*>([^<]*)<\/a>/g)].map(([, name = '']) => name)
}

/** The empty form that the header's button submits. */
const signOutOf = ({ body }: Page) => {
  const [, action, csrf] =
    /<form id="sign-out" method="post" action="([^"]*)">\s*<input type="hidden" name="csrf" value="([^"]*)">/.exec(
      body,
    ) ?? []
  const [, name = '', value = ''] =
    /<button type="submit" form="sign-out" name="(\w+)" value="(\w+)">Sign out</.exec(body) ?? []
  assert.ok(action && csrf && name, body)
  return { action, form: { csrf, [name]: value } }
}

const pages = [
  '/account',
  '/account/name',
  '/account/email',
  '/account/delete',
  '/account/password',
  '/account/security',
  '/account/security?add=totp',
  '/account/sessions',
  '/account/connections',
  '/account/consents',
]

for (const path of pages)
  test(`account: ${path} shows the signed-in user, and its button signs out`, async () => {
    const { server, browser } = await start()
    await addUser(server)
    const page = await signIn(browser, path, doraSignsIn)
    assert.equal(page.status, 200)
    assert.match(page.text, /Signed in as Dora Sign out /)
    const { action, form } = signOutOf(page)
    const done = await browser.request('POST', action, { form })
    assert.match((await browser.visit(done.location ?? '')).text, /You are signed out/)
    assert.ok((await browser.visit('/account')).target.startsWith('/login?'))
  })

test('account: signing out requires a form of this browser', async () => {
  const { server, browser } = await start()
  const page = await signIn(browser, '/account')
  const { action, form } = signOutOf(page)
  const forged = await browser.request('POST', action, { form: { ...form, csrf: 'A'.repeat(43) } })
  assertErrorPage(forged, 'invalid_request')
  assert.equal(server.reason(), 'csrf_token_wrong')
  assert.equal((await browser.visit('/account')).target, '/account')
})

test('account: a page opened before without a form sets the cookie that its sign-out requires', async () => {
  const { browser } = await start()
  await signIn(browser, '/account')
  for (const name of csrfCookies(browser)) browser.cookies.delete(name)
  const { action, form } = signOutOf(await browser.visit('/account'))
  assert.equal((await browser.request('POST', action, { form })).status, 303)
})

test('account: a federated user is shown by their claims, and by the identifier if there are none', async () => {
  for (const [claims, called] of [
    [{ preferred_username: 'dd', name: 'Dora D.', email: 'd@example.com' }, 'dd'],
    [{ name: 'Dora D.', email: 'd@example.com' }, 'Dora D.'],
    [{ email: 'd@example.com' }, 'd@example.com'],
    [{}, 'staff-1'],
  ] as const) {
    const check = () => ({ ok: true, sub: 'staff-1', claims })
    const [directory, ...others] = pagesWorld.identity_providers
    const { browser } = await start({
      ...pagesWorld,
      identity_providers: [{ ...directory, credentialAuthority: { check } }, ...others],
    })
    const page = await asStaff(browser)
    assert.ok(page.text.includes(`Signed in as ${called} Sign out `), page.text)
  }
})

test('account: a user who can change nothing is offered no change', async () => {
  const { browser } = await start()
  const page = await signIn(browser, '/account')
  assert.deepEqual(sectionsOf(page), ['Profile', 'Security', 'Sessions', 'Connections', 'Applications'])
  assert.doesNotMatch(page.body, /\/account\/(name|email|delete|password)"/)
})

test('account: a stored user is offered the changes that the server allows', async () => {
  const { server, browser } = await start()
  await addUser(server)
  const page = await signIn(browser, '/account', doraSignsIn)
  assert.deepEqual(sectionsOf(page), [
    'Profile',
    'Password',
    'Security',
    'Sessions',
    'Connections',
    'Applications',
  ])
  for (const path of ['name', 'email', 'delete', 'password'])
    assert.match(page.body, new RegExp(`href="/account/${path}"`))
})

test('account: a federated user is offered neither a password nor connections', async () => {
  const { browser } = await start()
  const page = await asStaff(browser)
  assert.deepEqual(sectionsOf(page), ['Profile', 'Security', 'Sessions', 'Applications'])
})

test('account: without a second factor to set up there is no security page', async () => {
  const { browser } = await start({ ...pagesWorld, mfa: { mode: 'off' } })
  const page = await signIn(browser, '/account')
  assert.ok(!sectionsOf(page).includes('Security'))
  assert.match((await browser.visit('/account/security')).text, /nothing to set up/)
})

test('account: connections are offered if a provider serves the user’s tenant', async () => {
  const { browser } = await start({
    ...pagesWorld,
    identity_providers: pagesWorld.identity_providers.map(one => ({ ...one, tenants: ['acme'] })),
  })
  const page = await signIn(browser, '/account')
  assert.ok(!sectionsOf(page).includes('Connections'))
})

test('account: a page that this user can’t use says so without a success message and links back', async () => {
  const { browser } = await start()
  await signIn(browser, '/account')
  for (const path of ['/account/password', '/account/name', '/account/email', '/account/delete']) {
    const page = await browser.visit(path)
    assert.match(page.text, /Your account is managed elsewhere/)
    assert.doesNotMatch(page.body, /sign approved/)
    assert.match(page.body, /<a class="button primary" href="\/account">/)
  }
})
