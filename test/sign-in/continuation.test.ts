/** Continuations of pages: how an expired one starts again, and how it stays short. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, hash } from 'node:crypto'
import { test } from 'node:test'
import type { HttpResponse } from '@tessera/protocol/http'
import { exportJWK, SignJWT } from 'jose'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { createSeals } from '../../packages/server/src/pages/flow/seal.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables } from '../../packages/server/src/storage/memory/tables.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { register } from '../support/registering.ts'
import {
  alice,
  answerOf,
  assertErrorPage,
  authorizePath,
  bob,
  callback,
  pagesWorld,
  redeem,
  signIn,
} from '../support/sign-in.ts'
import { basic, createTestServer, issuer, masterKey, type TestServer } from '../support/tessera.ts'

const hour = 3600
const day = 24 * hour

async function start(world: object = pagesWorld) {
  const server = await createTestServer(world)
  return { server, browser: createBrowser(server) }
}

const isLogin = (page: Page): boolean => page.form !== undefined && 'password' in page.form.fields
const restartedText = /open for too long/

test('continuation: an expired login page asks for a sign-in, even if someone is signed in now', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(authorizePath())
  server.clock.advance(hour)
  await signIn(browser, authorizePath(), bob)
  const again = await browser.submit(page, alice)
  assert.equal(server.reason(), 'continuation_expired')
  assert.ok(isLogin(again), again.target)
  assert.match(again.text, restartedText)
  assert.equal((await redeem(server, await browser.submit(again, alice))).sub, '1')
})

for (const prompt of ['login', 'consent', 'select_account', undefined]) {
  test(`continuation: a restarted request with prompt=${prompt} asks what it would have asked`, async () => {
    const { server, browser } = await start()
    const page = await browser.visit(authorizePath({ prompt, max_age: '60' }))
    server.clock.advance(3 * day)
    const again = await browser.submit(await browser.submit(page, alice), alice)
    const answer = prompt === 'consent' ? await browser.submit(again, { button: 'yes' }) : again
    assert.ok(answerOf(answer).get('code'), answer.text)
  })
}

test('continuation: consent given on an expired page is ignored', async () => {
  const { server, browser } = await start()
  const page = await signIn(browser, authorizePath({ client_id: 'asking', scope: 'openid api1' }))
  server.clock.advance(hour)
  const again = await browser.submit(page, { button: 'yes' })
  assert.equal(server.reason(), 'continuation_expired')
  assert.match(again.target, /^\/consent/)
  assert.deepEqual(await server.stores.consents.find('1', 'asking'), undefined)
  assert.ok(answerOf(await browser.submit(again, { button: 'yes' })).get('code'))
})

test('continuation: a refusal on an expired page is not sent to the client', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(authorizePath())
  server.clock.advance(hour)
  assert.ok(isLogin(await browser.submit(page, { button: 'cancel' })))
})

test('continuation: an expired request is validated again before its pages are shown', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(authorizePath())
  server.clock.advance(hour)
  const clients = pagesWorld.clients.map(client =>
    client.client_id === 'web' ? { ...client, enabled: false } : client,
  )
  await server.reconfigure({ ...pagesWorld, clients })
  assertErrorPage(await browser.submit(page, alice), 'unauthorized_client')
})

test('continuation: an expired device page shows the form with its code, and an account page asks for a sign-in', async () => {
  const { server, browser } = await start()
  const { json } = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: 'tv', scope: 'openid' },
  })
  const asked = await browser.submit(await browser.visit('/device'), { user_code: json.user_code })
  const account = await browser.visit('/account')
  server.clock.advance(hour)
  const device = await browser.submit(asked, alice)
  assert.equal(server.reason(), 'continuation_expired')
  assert.equal(device.form?.fields.user_code, json.user_code)
  const again = await browser.submit(account, alice)
  assert.ok(isLogin(again))
  assert.equal((await browser.submit(again, alice)).target, '/account')
})

/** A client that pushes requests and has a page to return to. */
const pushing = {
  ...pagesWorld,
  clients: [
    {
      client_id: 'web',
      client_name: 'Web & Co',
      client_secrets: [{ value: 's' }],
      redirect_uris: [callback],
      scope: 'openid',
      client_uri: 'https://app.example/',
    },
  ],
}

async function pushed(server: TestServer): Promise<string> {
  const form = Object.fromEntries(new URLSearchParams(authorizePath({ scope: 'openid' }).split('?')[1]))
  const { json } = await server.send('POST', '/connect/par', { form, headers: basic('web', 's') })
  return `/connect/authorize?${new URLSearchParams({ client_id: 'web', request_uri: json.request_uri })}`
}

test('continuation: a pushed request can restart for a day, still yields one code, and then leads back to its client', async () => {
  const { server, browser } = await start(pushing)
  const [first, other] = [await browser.visit(await pushed(server)), createBrowser(server)]
  const target = await pushed(server)
  const [late, second] = [await other.visit(target), await other.visit(target)]
  server.clock.advance(day - 1)
  const again = await browser.submit(first, alice)
  assert.ok(answerOf(await browser.submit(again, alice)).get('code'))
  const restarted = await other.submit(late, alice)
  assert.ok(answerOf(await other.submit(restarted, alice)).get('code'))
  assert.equal(
    answerOf(await other.submit(await other.submit(second, alice), alice)).get('error'),
    'invalid_request_uri',
  )
  server.clock.advance(1)
  await server.stores.cleanUp(server.clock.now())
  const over = await browser.submit(first, alice)
  assertErrorPage(over, 'invalid_request')
  assert.equal(server.reason(), 'continuation_expired')
  assert.match(
    over.body,
    /<a class="button primary" href="https:\/\/app\.example\/">Back to Web &amp; Co<\/a>/,
  )
})

for (const [what, changes, world, reason] of [
  ['pushed', { require_pushed_authorization_requests: true }, {}, 'pushed_request_required'],
  ['pushed', {}, { authorization_requests: { require_pushed: true } }, 'pushed_request_required'],
  [
    'signed',
    { require_signed_request_object: true, jwks_uri: 'https://app.example/jwks' },
    {},
    'request_object_missing',
  ],
] as const) {
  test(`continuation: an old page of a request that was not ${what} yields no code once that is required (${JSON.stringify({ ...changes, ...world })}) [RFC 9126 §5, RFC 9101 §10.5]`, async () => {
    const { server, browser } = await start()
    const page = await browser.visit(authorizePath())
    const clients = pagesWorld.clients.map(client =>
      client.client_id === 'web' ? { ...client, ...changes } : client,
    )
    await server.reconfigure({ ...pagesWorld, ...world, clients })
    server.clock.advance(hour)
    const answer = answerOf(await browser.submit(page, alice))
    assert.deepEqual([answer.get('error'), answer.get('code')], ['invalid_request', null])
    assert.equal(server.reason(), reason)
  })
}

test('continuation: a signed request can restart for a day, however often its pages expire [RFC 9101 §4]', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwks = { keys: [await exportJWK(publicKey)] }
  const clients = pagesWorld.clients.map(client =>
    client.client_id === 'web' ? { ...client, jwks, require_signed_request_object: true } : client,
  )
  const { server, browser } = await start({ ...pagesWorld, clients })
  const claims = Object.fromEntries(new URLSearchParams(authorizePath().split('?')[1]))
  const request = await new SignJWT({ ...claims, iss: 'web', aud: issuer, exp: server.clock.now() + 60 })
    .setProtectedHeader({ alg: 'ES256', typ: 'oauth-authz-req+jwt' })
    .sign(privateKey)
  const target = `/connect/authorize?${new URLSearchParams({ client_id: 'web', request })}`
  const page = await browser.visit(target)
  server.clock.advance(hour)
  const again = await browser.submit(page, alice)
  assert.match(again.text, restartedText)
  server.clock.advance(day - 2 * hour)
  const third = await browser.submit(again, alice)
  assert.match(third.text, restartedText)
  assert.ok(answerOf(await browser.submit(third, alice)).get('code'))
  server.clock.advance(hour)
  assertErrorPage(await createBrowser(server).visit(third.target), 'invalid_request')
  assert.equal(server.reason(), 'continuation_expired')
})

test('continuation: a page from before an upgrade still works', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(authorizePath())
  // The previous version sealed the same value as JSON, with the same keys.
  const earlier = createSeals<{ asked_at: number }>('interaction', {
    derived: createDerivedKeys(Buffer.from(masterKey, 'base64')),
    clock: server.clock,
  })
  const sealed = earlier.seal({
    ...{ kind: 'authorization', asked_at: server.clock.now(), prior_handle: null },
    parameters: authorizePath().split('?')[1] ?? '',
  } as { asked_at: number })
  assert.ok(answerOf(await browser.submit(page, { ...alice, continue: sealed })).get('code'))
})

/** Returns incompressible text of this many bytes. */
const noise = (bytes: number): string =>
  Buffer.concat(
    Array.from({ length: Math.ceil(bytes / 32) }, (_, index) =>
      Buffer.from(hash('sha256', `${index}`, 'hex'), 'hex'),
    ),
  )
    .subarray(0, bytes)
    .toString('base64url')

/** 3 kB: claims, a hint, parameters of the website, and a long state of a framework. */
const long = {
  client_id: 'web',
  state: noise(1000),
  tracking: noise(600),
  claims: JSON.stringify({
    userinfo: Object.fromEntries(
      ['given_name', 'family_name', 'email', 'email_verified', 'phone_number', 'address', 'birthdate'].map(
        name => [name, { essential: true }],
      ),
    ),
    id_token: {
      auth_time: { essential: true },
      acr: { values: ['urn:example:bronze', 'urn:example:silver'] },
    },
  }),
  login_hint: 'alice.of.a.long.name@subsidiary.corporation.example',
  ui_locales: 'de-CH de fr-CH it-CH en',
  acr_values: 'urn:example:silver urn:example:bronze',
}

/** Counts headers as nginx does: the status line and every header. */
const headerBytes = ({ headers }: Pick<HttpResponse, 'headers'>): number =>
  Object.entries(headers)
    .flatMap(([name, value]) =>
      [value].flat().map(one => name.length + 2 + Buffer.byteLength(String(one)) + 2),
    )
    .reduce((sum, length) => sum + length, 'HTTP/1.1 302 Found\r\n\r\n'.length)

test('continuation: with a request of 3 kB, no response of the flow has more than the 4 kB of headers that nginx accepts', async () => {
  const { server } = await start()
  const sizes: [string, number][] = []
  const browser = createBrowser({
    async send(method, path, options) {
      const answer = await server.send(method, path, options)
      sizes.push([`${method} ${path.split('?')[0]}`, headerBytes(answer)])
      return answer
    },
  })
  const target = authorizePath({ ...long, client_id: 'asking', prompt: 'login consent' })
  assert.ok(target.length > 3000, String(target.length))
  const page = await browser.visit(target)
  await browser.submit(page, { username: 'alice', password: 'wrong', button: 'login' })
  const consent = await browser.submit(page, alice)
  const answer = answerOf(await browser.submit(consent, { button: 'yes' }))
  assert.ok(answer.get('code'))
  assert.equal(answer.get('state'), long.state)
  const chosen = await browser.visit(authorizePath({ ...long, prompt: 'select_account' }))
  await browser.submit(chosen, { button: 'other' })
  await browser.request('POST', '/connect/authorize', { form: target.split('?')[1] ?? '' })
  await browser.visit(authorizePath({ ...long, response_mode: 'form_post' }))
  await browser.visit(authorizePath({ ...long, acr_values: 'idp:corp' }))
  assert.deepEqual(
    sizes.filter(([, size]) => size >= 4096),
    [],
  )
  assert.ok(sizes.length > 12)
})

test('continuation: a short request stores nothing, and a long one stores an encrypted row', async () => {
  const tables = emptyTables()
  const server = await createTestServer(pagesWorld, { stores: createMemoryStores(tables) })
  const browser = createBrowser(server)
  await browser.visit(authorizePath())
  assert.equal(tables.pushedRequests.size, 0)
  const page = await browser.visit(authorizePath(long))
  const [row] = tables.pushedRequests.values()
  assert.equal(row?.expires_at, server.clock.now() + hour)
  const stored = [row?.parameters ?? '', Buffer.from(row?.parameters ?? '', 'base64url').toString('latin1')]
  for (const text of [...stored, page.target])
    assert.ok(!text.includes('subsidiary') && !text.includes('bronze'))
  // One row, however many pages there are.
  assert.ok(answerOf(await browser.submit(page, alice)).get('code'))
  assert.equal(tables.pushedRequests.size, 1)
})

test('continuation: an expired long request without its row leads back to its client', async () => {
  const clients = pagesWorld.clients.map(client =>
    client.client_id === 'web' ? { ...client, client_uri: 'https://app.example/home' } : client,
  )
  const { server, browser } = await start({ ...pagesWorld, clients })
  const page = await browser.visit(authorizePath(long))
  server.clock.advance(hour)
  const over = await browser.submit(page, alice)
  assertErrorPage(over, 'invalid_request')
  assert.match(over.body, /href="https:\/\/app\.example\/home"/)
})

test('continuation: no error page leads to an application that anyone may have registered [RFC 9700 §4.11.2]', async () => {
  const { server, browser } = await start({ ...pagesWorld, registration: { mode: 'open' } })
  const client_uri = 'https://app.example/home'
  const { status, json } = await register(server, { redirect_uris: [callback], scope: 'openid', client_uri })
  assert.deepEqual([status, json.client_uri], [201, client_uri])
  const page = await browser.visit(authorizePath({ ...long, client_id: json.client_id, scope: 'openid' }))
  server.clock.advance(hour)
  const over = await browser.submit(page, alice)
  assertErrorPage(over, 'invalid_request')
  assert.equal(over.body.includes('https://app.example'), false)
})
