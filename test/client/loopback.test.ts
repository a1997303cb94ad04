/** The sign-in of native applications, with a browser whose steps the test scripts (RFC 8252 §7.3). */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { unwrap } from '@tessera/client'
import { type LoopbackOptions, signInWithLoopback } from '@tessera/client/node'
import { createBrowser } from '../support/browser.ts'
import { hybridWorld } from '../support/hybrid.ts'
import { startAuthorizationWorld } from './authorization-world.ts'

const world = await startAuthorizationWorld({
  clients: [
    ...hybridWorld.clients,
    {
      client_id: 'cli',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://127.0.0.1/done'],
      scope: 'openid profile',
    },
  ],
})
const client = world.client({ client_id: 'cli' })

/** Returns the redirect to the application, after Alice has signed in. */
const callbackOf = async (url: string): Promise<URL> => new URL((await world.visit(url)).location ?? '')

/** Signs in with a browser that does what `steps` says with the URL of the callback. */
async function signInBy(
  steps: (callback: URL) => Promise<void>,
  options: LoopbackOptions = {},
): Promise<Awaited<ReturnType<typeof signInWithLoopback>>> {
  const browser = Promise.withResolvers<void>()
  const open = (url: string): void => browser.resolve(callbackOf(url).then(steps))
  const [signedIn] = await Promise.all([signInWithLoopback(client, { open, ...options }), browser.promise])
  return signedIn
}

for (const host of ['127.0.0.1', '[::1]'] as const)
  test(`loopback: a user signs in through ${host} and any free port [RFC 8252 §7.3]`, async () => {
    let page: Response | undefined
    let text = ''
    let callback: URL | undefined
    const signedIn = await signInBy(
      async url => {
        callback = url
        page = await fetch(url)
        text = await page.text()
      },
      { host },
    )
    const { access_token, claims } = unwrap(signedIn)
    assert.equal(claims?.sub, '1')
    assert.equal(callback?.hostname, host)
    assert.equal(page?.status, 200)
    assert.match(text, /You are signed in/)
    const parts = [access_token, ...(callback?.searchParams.values() ?? [])]
    for (const part of parts) assert.ok(!text.includes(part), 'the page contains a part of the response')
    assert.equal(page?.headers.get('cache-control'), 'no-store')
    assert.equal(page?.headers.get('referrer-policy'), 'no-referrer')
    await assert.rejects(fetch(callback ?? ''), TypeError, 'the port is still open')
  })

test('loopback: a response in a signed JWT ends the sign-in, and one that anyone could write does not [JARM]', async () => {
  const statuses: number[] = []
  const signedIn = await signInBy(
    async url => {
      assert.deepEqual([...url.searchParams.keys()], ['response'])
      const forged = new URL(url)
      forged.search = '?response=x.y.z&code=a'
      for (const callback of [forged, url]) statuses.push((await fetch(callback)).status)
    },
    { response_mode: 'jwt' },
  )
  assert.equal(unwrap(signedIn).claims?.sub, '1')
  assert.deepEqual(statuses, [404, 200])
})

test('loopback: requests with another path, state, method or host do not end the sign-in', async () => {
  const statuses: unknown[] = []
  const signedIn = await signInBy(async url => {
    const { origin } = url
    const forged = new URL(url)
    forged.searchParams.set('state', 'forged')
    for (const target of [
      `${origin}/favicon.ico`,
      `${origin}/callback`,
      `${origin}/callback?error=x`,
      forged,
    ])
      statuses.push((await fetch(target)).status)
    statuses.push((await fetch(url, { method: 'POST' })).status)
    // DNS rebinding: a page of another site reaches the port by a name of its own.
    const rebound = request(url, { headers: { host: 'attacker.example' } }).end()
    const [response] = await once(rebound, 'response')
    statuses.push(response.resume().statusCode)
    statuses.push((await fetch(url)).status)
  })
  assert.ok(signedIn.ok)
  assert.deepEqual(statuses, [404, 404, 404, 404, 404, 404, 200])
})

test('loopback: a refusal of the user ends the sign-in, and the page says so', async () => {
  let page: Response | undefined
  const signedIn = await signInBy(async url => {
    const error = new URL(`${url.origin}/callback`)
    for (const name of ['state', 'iss']) error.searchParams.set(name, url.searchParams.get(name) ?? '')
    error.searchParams.set('error', 'access_denied')
    page = await fetch(error)
  })
  assert.ok(!signedIn.ok)
  assert.deepEqual([signedIn.error.kind, signedIn.error.code], ['response', 'access_denied'])
  assert.equal(page?.status, 400)
  assert.match((await page?.text()) ?? '', /The sign-in failed/)
})

test('loopback: only the first of two callbacks is accepted', async () => {
  const statuses: unknown[] = []
  const signedIn = await signInBy(async url => {
    const statusOf = async () => (await fetch(url).catch(() => undefined))?.status
    statuses.push(...(await Promise.all([statusOf(), statusOf()])))
  })
  assert.ok(signedIn.ok)
  assert.equal(statuses.filter(status => status === 200).length <= 1, true)
})

test('loopback: texts, path and port can be chosen, and texts are escaped', async () => {
  const page = { success: '<b>Fertig & zu</b>', lang: 'de' }
  let text = ''
  const signedIn = await signInBy(
    async url => {
      assert.equal(url.pathname, '/done')
      text = await (await fetch(url)).text()
    },
    { path: '/done', page },
  )
  assert.ok(signedIn.ok)
  assert.match(text, /<html lang="de">.*&lt;b>Fertig &amp; zu&lt;\/b>/s)
})

test('loopback: an open that waits for the end of the browser does not keep the sign-in from ending', async () => {
  const browser = createBrowser(world.server, world.browser.cookies)
  const signedIn = await signInWithLoopback(client, {
    async open(url) {
      const { location = '' } = await browser.visit(url.slice(world.issuer.length))
      assert.equal((await fetch(location)).status, 200)
    },
  })
  assert.ok(signedIn.ok)
})

test('loopback: a browser that can’t be opened fails the sign-in', async () => {
  const signedIn = await signInWithLoopback(client, {
    open: () => {
      throw new Error('no display')
    },
  })
  assert.ok(!signedIn.ok)
  assert.deepEqual([signedIn.error.kind, signedIn.error.code], ['unsupported', 'browser_not_opened'])
})

test('loopback: a port that is taken fails the sign-in before the browser opens', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const open = (): void => assert.fail('the browser was opened')
  const signedIn = await signInWithLoopback(client, { port, open })
  taken.close()
  assert.ok(!signedIn.ok)
  assert.deepEqual([signedIn.error.kind, signedIn.error.code], ['unsupported', 'loopback_unavailable'])
})

test('loopback: nobody signs in before the time-out', async () => {
  let redirectUri = ''
  const open = (url: string): void => {
    redirectUri = new URL(url).searchParams.get('redirect_uri') ?? ''
  }
  const signedIn = await signInWithLoopback(client, { open, timeout: 0.2 })
  assert.ok(!signedIn.ok)
  assert.deepEqual([signedIn.error.kind, signedIn.error.code], ['aborted', 'timeout'])
  await assert.rejects(fetch(redirectUri), TypeError)
})

test('loopback: a signal aborts the sign-in', async () => {
  const stop = new AbortController()
  const signedIn = await signInWithLoopback(client, { open: () => stop.abort(), signal: stop.signal })
  assert.ok(!signedIn.ok)
  assert.deepEqual([signedIn.error.kind, signedIn.error.code], ['aborted', 'aborted'])
})

test('loopback: a path with a query is a mistake of the caller', async () => {
  await assert.rejects(signInWithLoopback(client, { path: '/callback?x' }), TypeError)
})
