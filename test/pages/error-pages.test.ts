/** Errors of the edge: an HTML page for a browser, JSON for a program. */

import assert from 'node:assert/strict'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { test } from 'node:test'
import type { Route } from '@tessera/protocol/http'
import { prefersHtml } from '../../packages/server/src/http/accept.ts'
import { createLoad } from '../../packages/server/src/http/load.ts'
import type { ShowError } from '../../packages/server/src/http/router.ts'
import { createBrowser } from '../support/browser.ts'
import { ask, mount, serve } from '../support/edges.ts'
import { pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

/** The Accept header of Chromium and Firefox when a person opens an address. */
const browsers = [
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
  'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
] as const

/** Accept headers of curl, fetch, axios and API clients, and none. */
const programs = [
  undefined,
  '*/*',
  'application/json',
  'application/json, text/plain, */*',
  'application/json, text/html',
  'text/html;q=0.5, application/json',
  'text/html;q=0, */*',
  'text/html;q=x',
  // No weight: it must be between 0 and 1.
  'text/html;q=2, */*',
  'text/html;q=-1, */*',
  'text/*',
] as const

test('error pages: HTML is sent if Accept names it and does not prefer JSON [RFC 9110 §12.5.1]', () => {
  const prefers = (accept: string | undefined) =>
    prefersHtml({ headers: accept === undefined ? {} : { accept } })
  for (const accept of [...browsers, 'TEXT/HTML', 'text/html;level=1;q=0.4', 'application/xhtml+xml'])
    assert.equal(prefers(accept), true, accept)
  for (const accept of programs) assert.equal(prefers(accept), false, String(accept))
})

const [asBrowser] = browsers

test('error pages: an unknown address is a page in a browser and JSON for a program', async () => {
  const server = await createTestServer(pagesWorld)
  for (const path of [
    '/nowhere',
    '/account/nothing',
    '/connect/nothing',
    '/.well-known/nothing',
    '/assets/nothing.css',
  ]) {
    const page = await server.send('GET', path, { headers: { accept: asBrowser } })
    assert.equal(page.status, 404, path)
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
    assert.match(page.body, /<h1>Page not found<\/h1>/)
    assert.match(page.body, /<a class="button primary" href="\/">/)
    assert.match(
      String(page.headers['content-security-policy']),
      /default-src 'none'.*frame-ancestors 'none'/,
    )
    assert.match(String(page.headers.vary), /accept/)
    for (const accept of programs) {
      const plain = await server.send('GET', path, { headers: accept === undefined ? {} : { accept } })
      assert.equal(plain.status, 404)
      assert.deepEqual(plain.json, { error: 'not_found' }, `${path} ${accept}`)
    }
  }
})

test('error pages: the page is in the user’s language and can be switched to another', async () => {
  const browser = createBrowser(await createTestServer(pagesWorld))
  const headers = { accept: asBrowser, 'accept-language': 'fr' }
  const page = await browser.request('GET', '/nowhere', { headers })
  assert.match(page.body, /<html lang="fr"/)
  assert.match(page.text, /Page introuvable/)
  const [, german = ''] = /href="([^"]*lang=de)"/.exec(page.body) ?? []
  await browser.request('GET', german, { headers })
  assert.match((await browser.request('GET', '/elsewhere', { headers })).text, /Seite nicht gefunden/)
})

test('error pages: no link of the page contains a host from the request [RFC 9700 §4.11]', async () => {
  const server = await createTestServer(pagesWorld)
  const here = 'https://id.example'
  for (const path of ['//evil.example/x', '/\\evil.example/x', '///evil.example', '/.//evil.example', '//']) {
    const page = await server.send('GET', path, { headers: { accept: asBrowser } })
    assert.equal(page.status, 404, path)
    const links = [...page.body.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href = '']) => href)
    assert.ok(links.length > 5, path)
    // How the browser itself resolves the link.
    for (const href of links) assert.equal(new URL(href, here + path).origin, here, `${path}: ${href}`)
    assert.ok(
      links.some(href => new URL(href, here + path).search === '?lang=de'),
      path,
    )
  }
})

test('error pages: a method that a page does not support gets a page with Allow; an endpoint responds with JSON', async () => {
  const server = await createTestServer(pagesWorld)
  const headers = { accept: asBrowser }
  for (const path of ['/', '/account', '/logout/done']) {
    const page = await server.send('POST', path, { headers, form: { a: 'b' } })
    assert.equal(page.status, 405, path)
    assert.equal(page.headers.allow, 'GET, HEAD')
    assert.match(page.body, /<h1>Something went wrong<\/h1>/)
  }
  for (const path of ['/connect/token', '/connect/introspect', '/connect/revocation', '/connect/par']) {
    const plain = await server.send('GET', path, { headers })
    assert.equal(plain.status, 405, path)
    assert.deepEqual(plain.json, { error: 'invalid_request' })
  }
  const wrong = await server.send('POST', '/connect/token', { headers, form: {} })
  assert.equal(wrong.headers['content-type'], 'application/json; charset=utf-8')
})

const fails = (): never => {
  throw new Error('the secret of the failure')
}

for (const [failure, expected, isActive] of [
  ['throws', [503, 'temporarily_unavailable'], fails],
  ['returns a wrong value', [500, 'server_error'], () => 'the secret of the failure'],
] as const)
  test(`error pages: a hook that ${failure} gets a page without details, and the request’s id is in the response`, async () => {
    let broken = false
    const profile = { isActive: () => (broken ? isActive() : true) as boolean }
    const browser = createBrowser(await createTestServer({ ...pagesWorld, profile }))
    await signIn(browser, '/account')
    broken = true
    const page = await browser.request('GET', '/account', { headers: { accept: asBrowser } })
    assert.equal(page.status, expected[0])
    const id = String(page.headers['x-request-id'])
    assert.match(id, /^test-\d+$/)
    if (page.status === 500) assert.match(page.text, new RegExp(`Something went wrong .* Request ${id} `))
    else assert.match(page.text, /Not available right now Try again in a moment\./)
    assert.doesNotMatch(page.body, /secret of the failure/)
    const { status, json } = await browser.request('GET', '/account')
    assert.deepEqual([status, json], [expected[0], { error: expected[1] }])
  })

const routes: readonly Route[] = [
  {
    path: '/page',
    methods: ['GET', 'POST'],
    page: true,
    endpoint: () => ({ status: 200, headers: {}, body: '' }),
  },
  { path: '/api', methods: ['POST'], endpoint: () => ({ status: 200, headers: {}, body: '' }) },
]
const showError: ShowError = async (_, { status }) => ({
  status,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: `<h1>${status}</h1>`,
})

for (const [name, start] of [
  ['served', serve],
  ['mounted', mount],
] as const)
  test(`error pages: ${name}, HEAD has the headers of the page, and a body that is too large is a page for a page’s form`, async () => {
    const edge = await start(routes, { showError, bodyLimit: 1000 })
    const headers = { accept: asBrowser }
    try {
      const head = await ask(edge, 'HEAD', '/nowhere', { headers })
      assert.deepEqual([head.status, head.body, head.headers['content-length']], [404, '', '12'])
      const large = 'x'.repeat(2000)
      assert.equal((await ask(edge, 'POST', '/page', { headers, body: large })).body, '<h1>413</h1>')
      assert.equal((await ask(edge, 'POST', '/page', { body: large })).body, '{"error":"invalid_request"}')
      assert.equal(
        (await ask(edge, 'POST', '/api', { headers, body: large })).body,
        '{"error":"invalid_request"}',
      )
      assert.equal((await ask(edge, 'POST', '/nowhere', { headers, body: 'a=b' })).body, '<h1>404</h1>')
      assert.equal((await ask(edge, 'PUT', '/page', { headers })).body, '<h1>405</h1>')
    } finally {
      await edge.close()
    }
  })

test('error pages: under overload, an unknown address gets no page, and a page shows that it is unavailable', async () => {
  const shown: number[] = []
  const counting: ShowError = (request, error) => {
    shown.push(error.status)
    return showError(request, error)
  }
  const load = createLoad({ mostRequests: 1 })
  const edge = await serve(routes, { showError: counting, load })
  const headers = { accept: asBrowser }
  try {
    load.enter()
    assert.equal((await ask(edge, 'GET', '/nowhere', { headers })).body, '{"error":"not_found"}')
    assert.equal((await ask(edge, 'GET', '/page', { headers })).body, '<h1>503</h1>')
    assert.deepEqual(shown, [503])
    load.leave()
    assert.equal((await ask(edge, 'GET', '/nowhere', { headers })).body, '<h1>404</h1>')
  } finally {
    await edge.close()
  }
})

test('error pages: if no page can be rendered, JSON is sent and the failure is logged', async () => {
  const told: unknown[] = []
  const failing: ShowError = () => Promise.reject(new Error('no template'))
  const edge = await serve(routes, { showError: failing, onError: (_, error) => told.push(error) })
  try {
    const answer = await ask(edge, 'GET', '/nowhere', { headers: { accept: asBrowser } })
    assert.equal(answer.body, '{"error":"not_found"}')
    assert.match(String(told), /no template/)
  } finally {
    await edge.close()
  }
})

test('pages: a shortage of files during the first request for a page breaks no later one, nor the end', async t => {
  const server = await createTestServer(pagesWorld)
  const { readFileSync } = fs
  const shortage = t.mock.method(fs, 'readFileSync', (...given: Parameters<typeof readFileSync>) => {
    if (String(given[0]).endsWith('passkey.js')) throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' })
    return readFileSync(...given)
  })
  syncBuiltinESMExports()
  const { status } = await server.send('GET', '/login')
  assert.ok(shortage.mock.callCount() > 0)
  shortage.mock.restore()
  syncBuiltinESMExports()
  assert.equal(status, 500)
  assert.notEqual((await server.send('GET', '/login')).status, 500)
  await server.close()
})
