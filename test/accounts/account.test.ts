import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { alice, assertErrorPage, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

async function start(input: object = pagesWorld) {
  const server = await createTestServer(input)
  return { server, browser: createBrowser(server) }
}

test('account: the page redirects to the login page, which leads back', async () => {
  const { browser } = await start()
  const login = await browser.visit('/account')
  assert.ok(login.target.startsWith('/login?continue='))
  assert.match(login.text, /Sign in to see your account/)
  const page = await browser.submit(login, alice)
  assert.equal(page.target, '/account')
  assert.equal(page.status, 200)
  assert.match(page.text, /Your profile Username alice Name Alice/)
  assert.match(page.body, /<a href="\/account" aria-current="page">Profile<\/a>/)
})

test('account: a session created for an application is sufficient', async () => {
  const { browser } = await start()
  await signIn(browser, authorizePath())
  assert.match((await browser.visit('/account')).text, /Username alice/)
})

test('account: cancelling the sign-in leads to the home page', async () => {
  const { browser } = await start()
  const page = await browser.submit(await browser.visit('/account'), { button: 'cancel' })
  assert.equal(page.target, '/')
})

test('account: the link names a tenant, and its user sees the page', async () => {
  const { server, browser } = await start()
  const carol = { username: 'carol', password: 'carol', button: 'login' }
  const login = await browser.visit('/account?tenant=acme')
  assert.match((await browser.submit(login, carol)).text, /Username carol/)
  assert.match((await browser.visit('/account')).text, /Username carol/)
  assert.ok((await browser.visit('/account?tenant=globex')).target.startsWith('/login'))
  assertErrorPage(await browser.visit('/account?tenant=nowhere'), 'invalid_request')
  assert.equal(server.reason(), 'tenant_unknown')
})

test('account: a federated user sees which provider they signed in with', async () => {
  const { browser } = await start()
  const login = await browser.visit('/account')
  const way = /href="([^"]*)">Sign in with Staff directory/.exec(login.body)?.[1] ?? ''
  const dora = { username: 'dora', password: 'staff', button: 'login' }
  const page = await browser.submit(await browser.visit(way), dora)
  assert.match(page.text, /Signed in with Staff directory/)
})

test('account: an inactive user is refused, with the password and with an older session', async () => {
  let active = true
  const { browser } = await start({
    ...pagesWorld,
    profile: { isActive: ({ client_id }: { client_id?: string }) => client_id !== undefined || active },
  })
  await signIn(browser, '/account')
  active = false
  const login = await browser.visit('/account')
  assert.ok(login.target.startsWith('/login'))
  assert.equal((await browser.submit(login, alice)).status, 400)
})

test('account: a continuation of an account page leads to that page only', async () => {
  const { browser } = await start()
  const login = await browser.visit('/account')
  const sealed = login.form?.fields.continue ?? ''
  for (const path of ['/connect/authorize/callback', '/device', '/consent'])
    assertErrorPage(await browser.visit(`${path}?continue=${sealed}`), 'invalid_request')
})
