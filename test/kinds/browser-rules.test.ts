/**
 * A browser's actual rules. Content Security Policy along redirects: Chromium applies `form-action` to every redirect
 * after a form post (CSP 3 §6.4.1), so a page whose form can end at a client sends none, and each other page sends
 * `'self'`. `browser/redirect-chains.test.ts` shows in Chromium that forms arrive. And cookies, which ignore ports.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { en as texts } from '../../packages/server/src/pages/ui/locales/en.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { formsOf } from '../support/forms.ts'
import { textsOf } from '../support/repository.ts'
import { alice, answerOf, authorizePath, bob, pagesWorld } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'
import { federatedWorld, foreignProvider, signInByProvider, startFederated } from '../support/upstream.ts'
import { assertCovers, everyEndpoint } from './coverage.ts'
import { ends, pageForms, worldOf } from './page-forms.ts'

const policyOf = ({ headers }: Page): string => String(headers['content-security-policy'])
const templateOf = ({ body }: Page): string | undefined => /<body data-page="([^"]+)"/.exec(body)?.[1]

const visitedActions = new Set<string>()

for (const { name, form, leaves, open, answer, ...settings } of pageForms)
  test(`browser rules: ${name}: the form ${leaves ? 'can end at a client, so the page sends no form-action' : "ends on this server, and the page sends form-action 'self'"}`, async () => {
    const server = await createTestServer(worldOf(settings))
    const at = { server, browser: createBrowser(server) }
    const page = await open(at)
    const [template, kind] = form.split('/') as [string, keyof typeof texts.fields.pages | undefined]
    if (template !== 'layout') assert.equal(templateOf(page), template, page.text)
    if (kind) assert.ok(page.text.includes(texts.fields.pages[kind].title), page.text)
    assert.ok(page.form, page.text)
    for (const { action } of formsOf(page.body)) visitedActions.add(action)

    const policy = policyOf(page)
    if (leaves) assert.doesNotMatch(policy, /form-action/)
    else assert.match(policy, /; form-action 'self'; frame-ancestors 'none'/)
    // Everything else is as strict as on any other page.
    assert.match(policy, /^default-src 'none'; style-src 'self'; img-src 'self' data:;/)
    assert.match(policy, /frame-ancestors 'none'; base-uri 'none'$/)
    assert.doesNotMatch(policy, /unsafe|\*|http/)

    if (template === 'form-post') return assert.equal(page.form.action, ends[0])
    const filledIn = typeof answer === 'function' ? answer(at, page) : answer
    const end = (await at.browser.submit(page, filledIn)).location
    if (leaves)
      assert.ok(
        ends.some(one => end?.startsWith(one)),
        `${end}`,
      )
    else assert.equal(end, undefined, 'a form that ends on this server')
  })

test('browser rules: the table lists every form of the pages', () => {
  const templates = [...textsOf('packages/server/src/pages/ui/templates/*.eta')]
    .filter(([, text]) => text.includes('<form'))
    .map(([file]) => file.replace(/^.*\/(.*)\.eta$/, '$1'))
  const forms = templates.flatMap(template =>
    template === 'fields' ? Object.keys(texts.fields.pages).map(kind => `fields/${kind}`) : [template],
  )
  assertCovers(new Set(pageForms.map(({ form }) => form)), forms, 'form')
})

test('browser rules: the table posts to every page that accepts a form', async () => {
  const protocol = /^POST \/(connect|federation|admin)\//
  const posts = (await everyEndpoint()).filter(one => one.startsWith('POST ') && !protocol.test(one))
  assert.deepEqual(
    posts.filter(one => !visitedActions.has(one.slice('POST '.length))),
    [],
  )
})

const provider = foreignProvider({ sub: 'ada', name: 'Ada' })

/** A page of ours that redirects by itself, and not as part of a form's submission. */
function assertLeadsToProvider(page: Page, what: string): void {
  assert.equal(page.location, undefined, `${what}: a redirect`)
  assert.equal(templateOf(page), 'leaving', what)
  assert.match(String(page.headers.refresh), /^0; url=\/federation\/login\?/, what)
}

test('browser rules: no form redirects to a provider: its page sends form-action ’self’, and another page redirects', async () => {
  const { server, browser } = await startFederated({
    ...federatedWorld(provider),
    clients: federatedWorld(provider).clients.map(client =>
      client.client_id === 'tv' ? { ...client, enable_local_login: false } : client,
    ),
  })
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } })
  const device = await browser.visit('/device')
  assert.match(policyOf(device), /; form-action 'self';/)
  assertLeadsToProvider(await browser.submit(device, { user_code: json.user_code }), 'the code of a device')

  // A form of the account pages, posted when the sign-in by the provider is too old.
  await signInByProvider(browser, authorizePath({ acr_values: 'idp:corp', scope: 'openid profile' }))
  assert.match(policyOf(await browser.visit('/account/sessions')), /; form-action 'self';/)
  const { csrf = '' } = device.form?.fields ?? {}
  server.clock.advance(3600)
  for (const path of ['/account/security', '/account/connections']) {
    const posted = await browser.request('POST', path, { form: { csrf, button: 'codes' } })
    assert.match(posted.location ?? posted.text, /^\/login\?/, path)
    assertLeadsToProvider(await browser.visit(posted.location ?? ''), path)
  }
  // A link is not a form: it goes there directly.
  const linked = await browser.visit('/account/security?add=totp')
  assert.ok(linked.location?.startsWith(provider.issuer), linked.text)
})

/** One browser at two servers of a host, which both get all cookies (RFC 6265bis §8.5). */
async function startNeighbours(issuers: readonly [string, string]) {
  const cookies = new Map<string, string>()
  const at = await Promise.all(
    issuers.map(async issuer => {
      const server = await createTestServer({ ...pagesWorld, issuer })
      return createBrowser(server, cookies)
    }),
  )
  return at as [Browser, Browser]
}

for (const issuers of [
  ['http://localhost:5080', 'http://localhost:5081'],
  ['http://127.0.0.1:7001', 'http://127.0.0.1:7002'],
  ['https://id.example', 'https://id.example:8443'],
] as const)
  test(`browser rules: cookies ignore ports, and a sign-in or sign-out at one server of a host does not affect the other: ${issuers.join(' and ')} [RFC 6265bis §8.5]`, async () => {
    const [one, other] = await startNeighbours(issuers)
    const isSignedIn = async (browser: Browser) =>
      answerOf(await browser.visit(authorizePath({ prompt: 'none' }))).get('code') !== null
    // Both login pages are open before either is filled in.
    const [first, second] = [await one.visit(authorizePath()), await other.visit(authorizePath())]
    answerOf(await one.submit(first, alice))
    assert.equal(await isSignedIn(other), false)
    answerOf(await other.submit(second, bob))
    assert.deepEqual([await isSignedIn(one), await isSignedIn(other)], [true, true])
    assert.match((await one.visit('/account')).text, /alice/)
    assert.match((await other.visit('/account')).text, /bob/)
    await other.submit(await other.visit('/logout'), { button: 'yes' })
    assert.deepEqual([await isSignedIn(one), await isSignedIn(other)], [true, false])
  })
