/**
 * Headers of every response to a browser, errors included, at every issuer: framing, caching, scripts and referrers.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSetCookie } from 'cookie'
import { pageForms } from '../kinds/page-forms.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { alice, authorizePath, signIn } from '../support/sign-in.ts'
import { type Place, placesOf, tenantsWorld } from '../support/tenants.ts'
import { createTestServer } from '../support/tessera.ts'

const world = {
  ...tenantsWorld,
  mail: { from: 'login@id.example', smtp: { host: 'mail.id.example' } },
  accounts: { sign_up: true },
  identity_providers: [{ name: 'corp', type: 'oidc', issuer: 'https://corp.example', client_id: 'x' }],
  clients: tenantsWorld.clients.map(client => ({ ...client, enable_local_login: true })),
}

/** Documents that may be cached; none is about a user. */
const cacheable = /\/(\.well-known\/[\w/.-]+|assets\/[\w./-]+|connect\/checksession)$/
const framable = /\/connect\/checksession$|\/federation\/frontchannel-logout\//

/** Whether it may be a page whose form redirects to a client; `kinds/browser-rules.test.ts` checks each. */
const formsLeave = (body: string): boolean =>
  pageForms.some(({ form, leaves }) => leaves && body.includes(`data-page="${form.split('/')[0]}"`))

function assertGuarded({ headers, status, target, body }: Page, what = ''): void {
  const at = `${what} ${status} ${target}`
  const path = target.split('?')[0] ?? ''
  assert.equal(headers['x-content-type-options'], 'nosniff', at)
  assert.equal(headers['referrer-policy'], 'no-referrer', at)
  assert.match(String(headers['strict-transport-security']), /^max-age=\d{8}/, at)
  if (!cacheable.test(path)) assert.match(String(headers['cache-control']), /\bno-store\b/, at)
  for (const line of [headers['set-cookie'] ?? []].flat()) assertCookie(line, at)
  const type = String(headers['content-type'] ?? '')
  if (!type.startsWith('text/html')) return
  const policy = String(headers['content-security-policy'])
  assert.match(policy, /^default-src 'none'; /, at)
  assert.doesNotMatch(policy, /unsafe|\*|http:/, at)
  if (/\/account\b/.test(path) && status === 200)
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin', at)
  if (framable.test(path)) return
  assert.match(policy, /; frame-ancestors 'none'/, at)
  assert.match(policy, /; base-uri 'none'/, at)
  if (!formsLeave(body)) assert.match(policy, /; form-action 'self'/, at)
  assert.equal(headers['x-frame-options'], 'DENY', at)
  assert.doesNotMatch(body, /<[^>]+ (style|on\w+)=|<style|javascript:/i, at)
}

function assertCookie(line: string, at: string): void {
  const { name, path, domain, httpOnly, secure, sameSite } = parseSetCookie(line)
  assert.match(name, /^__Host-tessera_[a-z_]+(_\d+)?(\.[a-z]+)?$/, at)
  assert.deepEqual([path, domain, secure], ['/', undefined, true], line)
  const isReadable = name.startsWith('__Host-tessera_browser_state')
  assert.deepEqual([httpOnly, sameSite], isReadable ? [undefined, 'none'] : [true, 'lax'], line)
}

const pagesOf = async ({ send, base, secret }: Place) => {
  const browser = createBrowser({ send })
  const visited: Page[] = []
  const visit = async (target: string) => {
    const page = await browser.visit(target)
    visited.push(page)
    return page
  }
  await visit(base + authorizePath())
  await visit(base + authorizePath({ client_id: 'nobody' }))
  visited.push(await browser.request('POST', `${base}/login`, { form: {} }))
  const consent = await signIn(browser, base + authorizePath(), { ...alice, password: secret })
  visited.push(consent)
  const answered = await browser.submit(consent, { button: 'yes' })
  visited.push(answered)
  visited.push(
    await browser.submit(
      await visit(base + authorizePath({ response_mode: 'form_post', prompt: 'consent' })),
      {
        button: 'yes',
      },
    ),
  )
  for (const path of [
    '',
    '/password',
    '/security',
    '/sessions',
    '/connections',
    '/consents',
    '/name',
    '/email',
  ])
    await visit(`${base}/account${path}`)
  for (const path of [
    ...[
      '/',
      '/device',
      '/device?user_code=BCDF-GHJK',
      '/register',
      '/password/forgotten',
      '/mfa',
      '/consent',
    ],
    ...['/password/reset?link=x', '/register/complete?link=x', '/email/confirm?link=x', '/select-account'],
    ...['/federation/login', '/federation/callback/corp?state=x', '/connect/checksession', '/logout/done'],
    ...['/logout', '/connect/endsession', '/connect/authorize/callback?continue=x', '/dev/mail'],
  ])
    await visit(base + path)
  visited.push(await browser.submit(await visit(`${base}/logout`), { button: 'yes' }))
  return visited
}

test('headers: every page and redirect, at every issuer, forbids caching, framing, sniffing and referrers', async () => {
  const server = await createTestServer(world)
  for (const place of placesOf(server)) {
    const pages = await pagesOf(place)
    assert.ok(pages.filter(({ status }) => status === 200).length > 10, place.name)
    for (const page of pages) assertGuarded(page, place.name)
  }
})

test('headers: so does every error for a path, method or media type, and every server error', async () => {
  const server = await createTestServer(world)
  for (const { name, send, base } of placesOf(server)) {
    const browser = createBrowser({ send })
    for (const path of [
      '/nothing',
      '/login/',
      '//login',
      '/login%2f',
      '/account/x',
      '/.well-known/x',
      '/%zz',
      '/connect',
    ])
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE'])
        assertGuarded(await browser.request(method, base + path), `${name} ${method}`)
    const paths = server.routes.map(({ path }) => path).filter(path => !path.endsWith('*'))
    assert.ok(paths.length > 40)
    for (const path of paths)
      for (const method of ['GET', 'POST', 'PUT', 'TRACE', 'OPTIONS'])
        for (const type of [
          'application/x-www-form-urlencoded',
          'application/json',
          'multipart/form-data',
          '',
        ]) {
          const headers = { ...(type !== '' && { 'content-type': type }), origin: 'https://evil.example' }
          assertGuarded(
            await browser.request(method, base + path, { headers, body: 'a=b' }),
            `${name} ${method}`,
          )
        }
  }
})

test('headers: no page allows another site’s script to read it, with or without its cookies', async () => {
  const server = await createTestServer(world)
  const protocol =
    /\/(token|userinfo|revocation|introspect|par|deviceauthorization|register|\*|jwks|openid-configuration|oauth-authorization-server)/
  for (const { path } of server.routes.filter(route => !protocol.test(route.path))) {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await server.send(method, path, { headers })
      for (const name of Object.keys(answer.headers))
        assert.doesNotMatch(name, /^access-control-/, `${method} ${path}`)
    }
  }
})
