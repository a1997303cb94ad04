/** Tenants with their own issuer, by path and by host. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpRequest } from '@tessera/protocol/http'
import { shareTenants } from '../../packages/server/src/app/shared-tenants.ts'
import { createTenants } from '../../packages/server/src/app/tenants.ts'
import type { Configuration } from '../../packages/server/src/configuration/configuration.ts'
import { createLoad } from '../../packages/server/src/http/load.ts'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { StoreUnavailable, silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, authorizePath, signIn, verifier } from '../support/sign-in.ts'
import { beginShared, openTenantStores } from '../support/storage.ts'
import { type Place, placesOf, tenantsWorld } from '../support/tenants.ts'
import { claimsOf, createTestServer, startOfTime } from '../support/tessera.ts'
import { inTime, until } from '../support/until.ts'

test('tenants: each issuer has discovery below its path and where RFC 8414 puts it [RFC 8414 §3.1]', async () => {
  const server = await createTestServer(tenantsWorld)
  for (const { issuer, base, send } of placesOf(server)) {
    const below = await send('GET', `${base}/.well-known/openid-configuration`)
    assert.equal(below.status, 200, issuer)
    assert.equal(below.json.issuer, issuer)
    const urls = Object.entries<string>(below.json).filter(([name]) => /(_endpoint|_uri)$/.test(name))
    assert.ok(urls.length >= 7)
    for (const [name, url] of urls) assert.ok(url.startsWith(`${issuer}/`), `${name}: ${url}`)
    for (const wellKnown of ['openid-configuration', 'oauth-authorization-server']) {
      const before = await send('GET', `/.well-known/${wellKnown}${base}`)
      assert.deepEqual(before.json, below.json)
    }
  }
})

test('tenants: none is activated once the server has closed', async () => {
  let composed = 0
  const tenants = createTenants({
    configurations: new Map([['acme', {} as Configuration]]),
    compose: () => {
      composed += 1
      throw new Error('closed')
    },
    load: createLoad(),
    clock: { now: () => 0 },
    log: silentLog,
  })
  await tenants.close()
  assert.equal((await tenants.answer('acme', {} as HttpRequest)).status, 503)
  assert.equal(composed, 0)
})

test('tenants: jobs of an inactive issuer that wait for its receivers delay neither requests nor the end', async () => {
  const composed: string[] = []
  const closed: string[] = []
  const begun = Promise.withResolvers<void>()
  const receivers = Promise.withResolvers<void>()
  const tenants = createTenants({
    configurations: new Map(['acme', 'globex'].map(tenant => [tenant, { tenant } as Configuration])),
    compose: async ({ tenant = '' }) => {
      composed.push(tenant)
      return {
        handle: () => ({ status: 200, headers: {}, body: tenant }),
        settled: async () => {},
        close: async () => {
          closed.push(tenant)
          receivers.resolve()
        },
      } as never
    },
    load: createLoad(),
    clock: { now: () => 0 },
    log: silentLog,
  })
  const jobs = tenants.runTenantJobs('acme', () => {
    begun.resolve()
    return receivers.promise
  })
  await begun.promise
  for (const name of ['globex', 'acme']) {
    const answer = Promise.resolve(tenants.answer(name, {} as HttpRequest))
    assert.equal((await inTime(`a response of ${name}`, answer)).body, name)
  }
  assert.deepEqual(composed, ['acme', 'globex'])
  await tenants.close()
  await jobs
  assert.deepEqual(closed.toSorted(), ['acme', 'globex'])
})

test('tenants: an inactive issuer is evicted once its deliveries have ended, even if its jobs no longer wait for them', async () => {
  const [delivered, asked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const did: string[] = []
  const tenants = createTenants({
    configurations: new Map([['acme', { tenant: 'acme' } as Configuration]]),
    compose: async () =>
      ({
        settled() {
          asked.resolve()
          return delivered.promise.then(() => did.push('delivered'))
        },
        close: async () => did.push('closed'),
      }) as never,
    load: createLoad(),
    clock: { now: () => 0 },
    log: silentLog,
  })
  const jobs = tenants.runTenantJobs('acme', async () => {})
  await inTime('the end of the deliveries is awaited', asked.promise)
  delivered.resolve()
  await jobs
  assert.deepEqual(did, ['delivered', 'closed'])
})

test('tenants: stores that snapshots share are closed by the last one, however often one closes them', async () => {
  let [closed, fails] = [0, true]
  const shared = shareTenants({
    forTenant: async () => {
      if (fails) throw new StoreUnavailable('not yet')
      return {
        close: async () => {
          closed += 1
        },
      }
    },
  } as never)
  await assert.rejects(shared.forTenant('acme'))
  fails = false
  const [one, other] = [await shared.forTenant('acme'), await shared.forTenant('acme')]
  for (let times = 0; times < 3; times++) await one.close()
  assert.equal(closed, 0)
  await other.close()
  assert.equal(closed, 1)
})

test('tenants: each issuer has its own keys', async () => {
  const server = await createTestServer(tenantsWorld)
  const kids: string[] = []
  for (const { base, send } of placesOf(server)) {
    const { json } = await send('GET', `${base}/.well-known/openid-configuration/jwks`)
    // To sign with ES256 and RS256, and to decrypt what is encrypted for this issuer.
    assert.equal(json.keys.length, 3)
    kids.push(...json.keys.map(({ kid }: { kid: string }) => kid))
  }
  assert.equal(new Set(kids).size, 12)
})

test('tenants: sign-ins at each issuer in one browser yield tokens of that issuer', async () => {
  const server = await createTestServer(tenantsWorld)
  const cookies = new Map<string, string>()
  for (const { name, issuer, base, send, token, secret } of placesOf(server)) {
    const browser = createBrowser({ send })
    for (const [key, value] of cookies) browser.cookies.set(key, value)
    const login = await browser.visit(base + authorizePath({ scope: 'openid profile api1' }))
    assert.match(login.text, /Sign in/, `${name}: signed in by another issuer's cookie`)
    const [, stylesheet = ''] = /<link[^>]+href="([^"]+\.css)"/.exec(login.body) ?? []
    assert.equal((await send('GET', stylesheet)).status, 200, stylesheet)
    const consent = await browser.submit(login, { ...alice, password: secret })
    const code = answerOf(await browser.submit(consent, { button: 'yes' }))
    assert.equal(code.get('iss'), issuer)
    const { status, json } = await token({
      grant_type: 'authorization_code',
      code: code.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: 'https://app.example/cb',
    })
    assert.equal(status, 200, JSON.stringify(json))
    assert.equal(claimsOf(json.id_token).iss, issuer)
    assert.equal(claimsOf(json.access_token).iss, issuer)
    const userinfo = await send('GET', `${base}/connect/userinfo`, {
      headers: { authorization: `Bearer ${json.access_token}` },
    })
    assert.equal(userinfo.json.name, `Alice of ${secret}`)
    for (const [key, value] of browser.cookies) cookies.set(key, value)
  }
  // Each issuer still recognizes the browser: no cookie replaced another's.
  for (const { base, send } of placesOf(server)) {
    const browser = createBrowser({ send })
    for (const [key, value] of cookies) browser.cookies.set(key, value)
    assert.ok(answerOf(await browser.visit(base + authorizePath())).get('code'))
  }
})

test('tenants: a password of one issuer is wrong at every other', async () => {
  const server = await createTestServer(tenantsWorld)
  const places = placesOf(server)
  for (const { base, send, secret } of places)
    for (const other of places) {
      const page = await signIn(createBrowser({ send }), base + authorizePath(), {
        ...alice,
        password: other.secret,
      })
      assert.equal(page.status, other.secret === secret ? 200 : 400, `${other.secret} at ${secret}`)
    }
})

test('tenants: the server’s own issuer does not accept another issuer’s tenant by name', async () => {
  const server = await createTestServer(tenantsWorld)
  const [main] = placesOf(server)
  const ask = (tenant: string) =>
    main!.token({
      grant_type: 'password',
      username: 'alice',
      password: tenant,
      scope: 'openid',
      acr_values: `tenant:${tenant}`,
    })
  assert.equal((await ask('shared')).status, 200)
  const refused = await ask('acme')
  assert.equal(refused.status, 400)
  assertRefused(refused, 'invalid_request', 'tenant_not_allowed')
})

test('tenants: an unknown tenant name is 404, and an unknown host is 421 [RFC 9110 §15.5.20]', async () => {
  const server = await createTestServer(tenantsWorld)
  const own = { host: 'id.example' }
  const path = '/.well-known/openid-configuration'
  assert.equal((await server.send('GET', `/t/nobody${path}`, { headers: own })).status, 404)
  assert.equal((await server.send('GET', `/t/shared${path}`, { headers: own })).status, 404)
  assert.equal((await server.send('GET', `/t/initech${path}`, { headers: own })).status, 404)
  assert.equal((await server.send('GET', `/t/ACME${path}`, { headers: own })).status, 404)
  for (const host of ['evil.example', 'id.initech.example.evil.example', 'id.initech.example:8443', ''])
    assert.equal((await server.send('GET', path, { headers: { host } })).status, 421, host)
})

test('tenants: the host may include its scheme’s default port and use capitals [RFC 9110 §4.2.3]', async () => {
  const server = await createTestServer(tenantsWorld)
  const issuerAt = async (host: string) =>
    (await server.send('GET', '/.well-known/openid-configuration', { headers: { host } })).json?.issuer
  assert.equal(await issuerAt('ID.Initech.example'), 'https://id.initech.example')
  assert.equal(await issuerAt('id.initech.example:443'), 'https://id.initech.example')
  assert.equal(await issuerAt('id.example:443'), 'https://id.example')
  for (const host of ['localhost:5080', '127.0.0.1:5080', '[::1]:5080'])
    assert.equal(await issuerAt(host), 'https://id.example', host)
})

test('tenants: health checks and metrics respond under every host', async () => {
  const value = 'a-token-of-a-scraper-that-is-long'
  const server = await createTestServer({ ...tenantsWorld, metrics: { tokens: [{ value }] } })
  for (const host of ['10.0.0.7:5080', 'id.initech.example'])
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const headers = { host, authorization: `Bearer ${value}` }
      assert.equal((await server.send('GET', path, { headers })).status, 200, `${host}${path}`)
    }
})

test('tenants: paths of another issuer do not exist under a tenant’s host', async () => {
  const server = await createTestServer(tenantsWorld)
  const headers = { host: 'id.initech.example' }
  const { status } = await server.send('GET', '/t/acme/.well-known/openid-configuration', { headers })
  assert.equal(status, 404)
})

test('tenants: cross-origin responses are for the origins of that issuer’s clients', async () => {
  const server = await createTestServer(tenantsWorld)
  for (const { base, send, secret } of placesOf(server))
    for (const other of ['main', 'acme', 'globex', 'initech']) {
      const origin = `https://${other}.example`
      const { headers } = await send('OPTIONS', `${base}/connect/token`, { headers: { origin } })
      assert.equal(headers['access-control-allow-origin'], other === secret ? origin : undefined)
    }
})

test('tenants: an issuer without requests for an hour is evicted, and returns as it was', async () => {
  const server = await createTestServer(tenantsWorld)
  const [, acme] = placesOf(server)
  const starts = () => server.logged.filter(({ event }) => event === 'key_added').length
  const kids = async () => (await acme!.send('GET', '/t/acme/.well-known/openid-configuration/jwks')).body
  const before = await kids()
  const made = starts()
  const form = { grant_type: 'password', username: 'alice', password: 'acme', scope: 'openid offline_access' }
  const { refresh_token } = (await acme!.token(form)).json
  for (let guesses = 0; guesses < 100; guesses++) await acme!.token({ ...form, password: 'wrong' })
  server.clock.advance(599)
  await server.runTenantJobs()
  // Still active: its counters remain.
  assert.equal((await acme!.token(form)).status, 429)
  server.clock.advance(3600)
  await server.runTenantJobs()
  assert.equal(await kids(), before)
  assert.equal(starts(), made)
  assert.equal((await acme!.token({ grant_type: 'refresh_token', refresh_token })).status, 200)
  assert.equal((await acme!.token(form)).status, 200)
})

test('tenants: expired rows of an evicted issuer are still deleted', async () => {
  const before = await createTestServer(tenantsWorld)
  const [, acme] = placesOf(before)
  const { json } = await acme!.send('POST', '/t/acme/connect/deviceauthorization', {
    form: { client_id: 'tv' },
  })
  await before.close()
  const { tenantStores } = before
  const stored = async () => (await tenantStores.forTenant('acme')).devices.find(hashHandle(json.device_code))
  const after = await createTestServer(tenantsWorld, { tenantStores, at: startOfTime + 1000 })
  await after.runTenantJobs()
  assert.ok(await stored())
  after.clock.advance(1000)
  await after.runTenantJobs()
  assert.equal(await stored(), undefined)
})

test('tenants: concurrent requests that activate an issuer all get responses, and its keys are created once', async () => {
  const server = await createTestServer(tenantsWorld)
  const [, acme, globex] = placesOf(server)
  const ask = ({ base, send }: Place) => send('GET', `${base}/.well-known/openid-configuration/jwks`)
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => ask(index % 2 ? acme! : globex!)),
  )
  assert.equal(new Set(answers.map(({ body }) => body)).size, 2)
  const made = server.logged.filter(({ event, tenant }) => event === 'key_added' && tenant === 'acme')
  assert.equal(made.length, 2)
})

test('tenants: an issuer whose store can’t be opened is unavailable, is retried, and does not affect others', async () => {
  const opened = await openTenantStores()
  let broken = true
  const tenantStores = {
    ...opened,
    forTenant: async (name: string) => {
      if (broken && name === 'acme') throw new StoreUnavailable('no such disk')
      return opened.forTenant(name)
    },
  }
  const server = await createTestServer(tenantsWorld, { tenantStores })
  const status = async ({ base, send }: Place) =>
    (await send('GET', `${base}/.well-known/openid-configuration`)).status
  const [main, acme, globex] = placesOf(server)
  assert.deepEqual(await Promise.all([main!, acme!, globex!].map(status)), [200, 503, 200])
  broken = false
  assert.equal(await status(acme!), 200)
})

test('tenants: a store that fails keeps no other issuer from finishing its deletions', async () => {
  const opened = await openTenantStores()
  const finished: string[] = []
  const tenantStores = {
    ...opened,
    async forTenant(name: string) {
      const stores = await opened.forTenant(name)
      const erasures = () => {
        finished.push(name)
        if (name === 'acme') throw new StoreUnavailable('no such disk')
        return stores.persons.erasures()
      }
      return { ...stores, persons: { ...stores.persons, erasures } }
    },
  }
  const server = await createTestServer(tenantsWorld, { tenantStores })
  for (const { base, send } of placesOf(server).slice(1, 3)) await send('GET', `${base}/connect/userinfo`)
  await assert.rejects(server.runCleanUp(), StoreUnavailable)
  assert.deepEqual(finished, ['acme', 'globex'])
})

/** Stores that report the tenants whose jobs have ended. The last job of the held ones waits. */
async function createJobStores(names: readonly string[], held: readonly string[] = names) {
  const opened = await (await beginShared()).open()
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const finished: string[] = []
  const tenantStores = {
    ...opened,
    async forTenant(name: string) {
      const stores = await opened.forTenant(name)
      const erasures = async () => {
        if (held.includes(name)) {
          reached.resolve()
          await gate.promise
        }
        const rows = await stores.persons.erasures()
        finished.push(name)
        return rows
      }
      return { ...stores, persons: { ...stores.persons, erasures } }
    },
  }
  for (const name of names) await (await opened.forTenant(name)).close()
  return { tenantStores, finished, reached: reached.promise, open: gate.resolve }
}

test('tenants: jobs of an inactive issuer that wait for its receivers don’t delay those of others', async () => {
  const { tenantStores, finished, open } = await createJobStores(['acme', 'globex', 'initech'], ['acme'])
  const server = await createTestServer(tenantsWorld, { tenantStores })
  const jobs = server.runTenantJobs()
  await until('the jobs of the others have ended', () => finished.length === 2)
  assert.deepEqual(finished.toSorted(), ['globex', 'initech'])
  open()
  await jobs
  assert.equal(finished.at(-1), 'acme')
})

test('tenants: a reload during the jobs of inactive issuers ends and skips none of them', async () => {
  // More than run at the same time.
  const names = Array.from({ length: 10 }, (_, index) => `t${index}`)
  const { tenantStores, finished, reached, open } = await createJobStores(names)
  const own = { tenants: names.map(name => ({ name, issuer: 'path' })) }
  const server = await createTestServer(own, { tenantStores })
  const jobs = server.runTenantJobs()
  await reached
  await server.reconfigure(own)
  open()
  await jobs
  assert.deepEqual(finished.toSorted(), names)
})

test('tenants: mounted by fetch, the host is that of the request’s address', async () => {
  const server = await createTestServer(tenantsWorld)
  const issuerAt = async (url: string) =>
    ((await (await server.fetch(new Request(url))).json()) as { issuer?: string }).issuer
  const path = '/.well-known/openid-configuration'
  assert.equal(await issuerAt(`https://id.initech.example${path}`), 'https://id.initech.example')
  assert.equal(await issuerAt(`https://id.example/t/acme${path}`), 'https://id.example/t/acme')
  assert.equal(await issuerAt(`https://id.example${path}`), 'https://id.example')
  assert.equal((await server.fetch(new Request(`https://evil.example${path}`))).status, 421)
})

test('tenants: each log line of an issuer contains its tenant', async () => {
  const server = await createTestServer(tenantsWorld)
  const [main, acme] = placesOf(server)
  for (const place of [main!, acme!]) await place.token({ grant_type: 'nothing' })
  const refused = server.logged.filter(({ event }) => event === 'refused')
  assert.deepEqual(
    refused.map(({ tenant }) => tenant),
    [undefined, 'acme'],
  )
})

test('tenants: pages show the tenant’s name, whatever other branding is inherited', async () => {
  const server = await createTestServer({
    branding: { name: 'The server', support_url: 'https://help.example' },
    tenants: [
      { name: 'acme', issuer: 'path', display_name: 'Acme & Sons' },
      { name: 'globex', issuer: 'path', display_name: 'Globex', branding: { name: 'Globex staff' } },
      { name: 'initech', issuer: 'path' },
    ],
  })
  const home = async (base: string) => (await createBrowser(server).visit(`${base}/`)).text
  assert.match(await home(''), /The server/)
  const acme = await home('/t/acme')
  assert.match(acme, /Acme & Sons/)
  assert.doesNotMatch(acme, /The server/)
  assert.match(await home('/t/globex'), /Globex staff/)
  assert.match(await home('/t/initech'), /The server/)
})
