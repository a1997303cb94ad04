import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { alice, answerOf, assertErrorPage, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const asking = authorizePath({ client_id: 'asking' })

async function startSignedIn() {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  answerOf(await signIn(browser, authorizePath()))
  return { server, browser }
}

test('consent: the page names client, user and scopes in the words of the operator [consent-001] [consent-002]', async () => {
  const { browser } = await startSignedIn()
  const page = await browser.visit(asking)
  assert.ok(page.target.startsWith('/consent'))
  assert.match(page.text, /Allow Asking\?/)
  assert.match(page.text, /Read your <orders>/)
  assert.match(page.text, /Signed in as alice/)
  assert.doesNotMatch(page.body, /<orders>|<script/)
})

test('consent: who agrees is sent back with a code and not asked again [consent-003]', async () => {
  const { browser } = await startSignedIn()
  assert.ok(answerOf(await browser.submit(await browser.visit(asking), { button: 'yes' })).get('code'))
  assert.ok(answerOf(await browser.request('GET', asking)).get('code'))
})

test('consent: a wider scope is asked for, and what was agreed to before stays', async () => {
  const { browser } = await startSignedIn()
  await browser.submit(await browser.visit(asking), { button: 'yes' })
  const wider = await browser.visit(authorizePath({ client_id: 'asking', scope: 'openid api2' }))
  assert.ok(wider.target.startsWith('/consent'))
  assert.ok(answerOf(await browser.submit(wider, { button: 'yes' })).get('code'))
  assert.ok(answerOf(await browser.request('GET', asking)).get('code'))
})

test('consent: who refuses is sent back with access_denied and the state, and asked again next time [consent-008]', async () => {
  const { browser } = await startSignedIn()
  const answer = answerOf(await browser.submit(await browser.visit(asking), { button: 'no' }))
  assert.equal(answer.get('error'), 'access_denied')
  assert.equal(answer.get('state'), 'a state & more')
  assert.equal(answer.get('code'), null)
  assert.ok((await browser.visit(asking)).target.startsWith('/consent'))
})

test('consent: prompt=consent asks again, once', async () => {
  const { browser } = await startSignedIn()
  const target = authorizePath({ prompt: 'consent' })
  for (const _ of [1, 2]) {
    const page = await browser.visit(target)
    assert.ok(page.target.startsWith('/consent'))
    assert.ok(answerOf(await browser.submit(page, { button: 'yes' })).get('code'))
  }
})

test('consent: prompt="login consent" asks for both, once each', async () => {
  const { browser } = await startSignedIn()
  const login = await browser.visit(authorizePath({ prompt: 'login consent' }))
  assert.ok(login.target.startsWith('/login'))
  const consent = await browser.submit(login, alice)
  assert.ok(consent.target.startsWith('/consent'))
  assert.ok(answerOf(await browser.submit(consent, { button: 'yes' })).get('code'))
})

test('consent: skipping the page leads back to it, not to a code', async () => {
  const { browser } = await startSignedIn()
  const page = await browser.visit(asking)
  const skipped = await browser.visit(page.target.replace('/consent', '/connect/authorize/callback'))
  assert.ok(skipped.target.startsWith('/consent'))
})

test('consent: a changed continuation, CSRF token or button gives no code [consent-004]', async () => {
  const { server, browser } = await startSignedIn()
  const page = await browser.visit(asking)
  const fields = page.form?.fields ?? {}
  const [payload = '', mac = ''] = (fields.continue ?? '').split('.')
  const content = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const wider = { ...content, parameters: content.parameters.replace('api1', 'api2') }
  const forged = `${Buffer.from(JSON.stringify(wider)).toString('base64url')}.${mac}`
  const changes: readonly Record<string, string>[] = [
    { continue: forged },
    { continue: '' },
    { csrf: '' },
    { csrf: 'x' },
    { button: 'maybe' },
    { button: '' },
  ]
  for (const changed of changes) {
    assertErrorPage(await browser.submit(page, { button: 'yes', ...changed }), 'invalid_request')
  }
  assert.equal(await server.stores.consents.find('1', 'asking'), undefined)
})

test('consent: a continuation of the login page does not open the consent page', async () => {
  const { browser } = await startSignedIn()
  const login = await browser.visit(authorizePath({ client_id: 'asking', prompt: 'login' }))
  assertErrorPage(await browser.visit(login.target.replace('/login', '/consent')), 'invalid_request')
})

test('consent: an answer counts only for the user who was asked', async () => {
  const { server, browser } = await startSignedIn()
  const page = await browser.visit(asking)
  answerOf(
    await signIn(browser, authorizePath({ prompt: 'login' }), { username: 'bob', password: 'builder' }),
  )
  const after = await browser.submit(page, { button: 'yes' })
  assert.ok(after.target.startsWith('/consent'))
  assert.match(after.text, /Signed in as bob/)
  assert.equal(await server.stores.consents.find('2', 'asking'), undefined)
})

test('consent: a consented continuation is worth nothing in another browser', async () => {
  const { server, browser } = await startSignedIn()
  const page = await browser.visit(asking)
  const done = await browser.request('POST', '/consent', { form: { ...page.form?.fields, button: 'yes' } })
  const other = createBrowser(server)
  answerOf(await signIn(other, authorizePath(), { username: 'bob', password: 'builder' }))
  assert.ok((await other.visit(done.location ?? '')).target.startsWith('/consent'))
})
