/** Sessions of `@tessera/client` in a real browser: tabs that refresh at once, tabs that are closed, and API requests. */

import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import {
  authorizationCode,
  createAuthorizationRequest,
  createClient,
  type Session,
  type SessionTokens,
  unwrap,
  validateAuthorizationResponse,
} from '@tessera/client'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { bundle } from '../client/bundles.ts'
import { reserveOrigin } from '../interop/apps/app.ts'
import { freePort, type RunningServer, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { until } from '../support/until.ts'
import { launchChromium } from './chromium.ts'

const redirect_uri = 'https://app.example/cb'

/** The global object of the page, as the program below extends it. */
type Tab = {
  readonly session: Session
  readonly call: (path: string) => Promise<string>
}

/** @param client_id `strict`: the server treats each second use of a refresh token as theft; `app`: the default. */
const programOf = (issuer: string, client_id: string, api: string): string => `
  import { createAuthorizedFetch, createClient, createSession, webStorageStore } from '@tessera/client'
  import { tabLock } from '@tessera/client/browser'

  const client = createClient({ issuer: '${issuer}', client_id: '${client_id}' })
  const session = createSession(client, { store: webStorageStore(localStorage), lock: tabLock() })
  const authorizedFetch = createAuthorizedFetch(session, { origins: ['${api}'] })
  const call = path => authorizedFetch('${api}' + path, { method: 'POST', body: 'the body' }).then(
    async response => response.status + ' ' + (await response.text()),
    error => error.code ?? String(error),
  )
  Object.assign(globalThis, { session, call })`

let browser: Browser
let server: RunningServer
const closing: (() => unknown)[] = []
/** The requests that the API got, the oldest first. */
const received: {
  readonly path: string
  readonly authorization: string | undefined
  readonly body: string
}[] = []
const refused = new Set<string>()
const origins: Record<string, string> = {}

/** An API at another origin than the application, and a target of redirects. */
async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('access-control-allow-origin', '*')
  response.setHeader('access-control-allow-headers', 'authorization')
  response.setHeader('access-control-expose-headers', 'www-authenticate')
  if (request.method === 'OPTIONS') return void response.writeHead(204).end()
  let body = ''
  for await (const chunk of request) body += chunk
  const path = request.url ?? ''
  const { authorization } = request.headers
  received.push({ path, authorization, body })
  if (path === '/redirect') return void response.writeHead(307, { location: '/target' }).end()
  if (refused.has(authorization ?? ''))
    return void response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end('refused')
  response.end('done')
}

before(async () => {
  browser = await launchChromium()
  closing.push(() => browser.close())
  const [api, strict, tolerant] = await Promise.all([reserveOrigin(), reserveOrigin(), reserveOrigin()])
  closing.push(api.close, strict.close, tolerant.close)
  api.answerWith((request, response) => void respond(request, response))
  const clientOf = (client_id: string, origin: string, settings: object = {}) => ({
    ...{
      client_id,
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    },
    ...{
      redirect_uris: [redirect_uri],
      scope: 'openid offline_access',
      allowed_cors_origins: [origin],
      ...settings,
    },
  })
  const { file, remove } = await writeConfiguration({
    storage: 'memory:',
    users: [{ sub: '1', username: 'alice', password: 'wonderland', claims: {} }],
    clients: [
      clientOf('strict', strict.origin, { refresh_token_retry_window: 0 }),
      clientOf('app', tolerant.origin),
    ],
  })
  closing.push(remove)
  server = await serveConfiguration(file, await freePort())
  closing.push(server.stop)
  for (const [client_id, place] of [
    ['strict', strict],
    ['app', tolerant],
  ] as const) {
    const { text } = await bundle(programOf(server.url, client_id, api.origin), { format: 'iife' })
    place.answerWith(({ url }, response) => {
      const isScript = url === '/app.js'
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8')
      response.end(isScript ? text : '<!doctype html><title>App</title><script src="/app.js"></script>')
    })
    origins[client_id] = place.origin
  }
})

after(async () => {
  for (const close of closing.toReversed()) await close()
})

/** Signs in with a browser that has no scripts; returns the tokens. */
async function signIn(client_id: string) {
  const client = createClient({ issuer: server.url, client_id })
  const request = { redirect_uri, scope: 'openid offline_access' }
  const { url, pending } = unwrap(await createAuthorizationRequest(client, request))
  const person = createPerson(server.url, { username: 'alice', password: 'wonderland' })
  const response = unwrap(await validateAuthorizationResponse(client, await person.authorize(url), pending))
  const { code_verifier = '', nonce } = pending
  return unwrap(
    await authorizationCode(client, { code: response.code ?? '', code_verifier, redirect_uri, nonce }),
  )
}

/** Opens tabs of an application in which the user is signed in. */
async function openTabs(client_id: string, prepare?: (context: BrowserContext) => Promise<unknown>) {
  const context = await browser.newContext()
  await prepare?.(context)
  const tabs = [await context.newPage(), await context.newPage()] as const
  for (const tab of tabs) await tab.goto(origins[client_id] ?? '')
  const text = await tabs[0].evaluate(
    async tokens => JSON.stringify(await (globalThis as unknown as Tab).session.start(JSON.parse(tokens))),
    JSON.stringify(await signIn(client_id)),
  )
  const first: SessionTokens = JSON.parse(text)
  return { context, tabs, first }
}

/** Returns the access token that replaces the one that was seen, or the code of the error. */
const renew = (tab: Page, seen: string): Promise<string> =>
  tab.evaluate(async seen => {
    const result = await (globalThis as unknown as Tab).session.renew(seen)
    return result.ok ? result.value.access_token : `${result.error.code}: ${result.error.message}`
  }, seen)

const reuses = (): number => server.log().split('refresh_token_reused').length - 1

const withoutLocks = (context: BrowserContext): Promise<unknown> =>
  context.addInitScript(() => {
    Object.defineProperty(Object.getPrototypeOf(navigator), 'locks', { get: () => undefined })
  })

for (const [name, prepare] of Object.entries({
  'navigator.locks': undefined,
  'localStorage only': withoutLocks,
}))
  test(`tabs, with ${name}: both refresh at once, and the server sees each refresh token once`, async () => {
    const { context, tabs, first } = await openTabs('strict', prepare)
    assert.equal(
      await tabs[0].evaluate(() => 'locks' in navigator && navigator.locks !== undefined),
      !prepare,
    )
    let seen = first.access_token
    for (let round = 0; round < 5; round++) {
      const [one, two, again] = await Promise.all([
        renew(tabs[0], seen),
        renew(tabs[1], seen),
        renew(tabs[0], seen),
      ])
      assert.match(one, /^ey/)
      assert.equal(two, one)
      assert.equal(again, one)
      assert.notEqual(one, seen)
      seen = one
    }
    assert.equal(reuses(), 0)
    await context.close()
  })

test('tabs: one that is closed during its refresh leaves the session to the other one', async () => {
  const { context, tabs, first } = await openTabs('app')
  const responded = Promise.withResolvers<void>()
  await tabs[0].route('**/connect/token', async route => {
    // The server has refreshed the tokens, and the tab never gets them.
    await route.fetch()
    responded.resolve()
  })
  const lost = renew(tabs[0], first.access_token).catch(() => 'closed')
  await responded.promise
  const waiting = renew(tabs[1], first.access_token)
  await tabs[0].close()
  assert.equal(await lost, 'closed')
  const token = await waiting
  assert.match(token, /^ey/)
  assert.match(await renew(tabs[1], token), /^ey/)
  assert.equal(reuses(), 0)
  await context.close()
})

test('tabs: a sign-out in one ends the session in the other one', async () => {
  const { context, tabs, first } = await openTabs('app')
  const ended = await tabs[0].evaluate(
    async () => (await (globalThis as unknown as Tab).session.end())?.id_token,
  )
  assert.equal(ended, first.id_token)
  const { ok } = await tabs[1].evaluate(async () => {
    const { ok } = await (globalThis as unknown as Tab).session.accessToken()
    return { ok }
  })
  assert.equal(ok, false)
  assert.match(await renew(tabs[1], first.access_token), /^session_missing/)
  await context.close()
})

const call = (tab: Page, path: string): Promise<string> =>
  tab.evaluate(path => (globalThis as unknown as Tab).call(path), path)

test('authorized fetch in a browser: a refused token is refreshed, and the request repeated', async () => {
  const { context, tabs, first } = await openTabs('app')
  received.length = 0
  refused.add(`Bearer ${first.access_token}`)
  const responses = await Promise.all([call(tabs[0], '/a'), call(tabs[1], '/b'), call(tabs[0], '/c')])
  assert.deepEqual(responses, ['200 done', '200 done', '200 done'])
  const accepted = received.filter(({ authorization = '' }) => !refused.has(authorization))
  assert.equal(accepted.length, 3)
  assert.equal(new Set(accepted.map(({ authorization }) => authorization)).size, 1)
  assert.ok(received.every(({ body }) => body === 'the body'))
  await context.close()
})

test('authorized fetch in a browser: a redirect is not followed', async () => {
  const { context, tabs } = await openTabs('app')
  received.length = 0
  assert.equal(await call(tabs[0], '/redirect'), 'redirect_not_followed')
  assert.deepEqual(
    received.map(({ path }) => path),
    ['/redirect'],
  )
  await context.close()
})

test('tabs: the log of the server would show a refresh token that is used twice', async () => {
  const { context, tabs, first } = await openTabs('strict')
  await renew(tabs[0], first.access_token)
  await tabs[1].evaluate(text => localStorage.setItem('tessera.session', text), JSON.stringify(first))
  assert.match(await renew(tabs[1], first.access_token), /^session_ended/)
  // The log of another process arrives later than its response.
  await until('the log has the reuse', () => reuses() === 1)
  await context.close()
})
