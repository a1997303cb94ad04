/** Tenants with an issuer of their own, by path and by host. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { alice, answerOf, authorizePath, signIn, verifier } from '../support/sign-in.ts'
import { placesOf, tenantsWorld } from '../support/tenants.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'

test('tenants: each issuer describes itself, below its path and where RFC 8414 puts it [RFC 8414 §3.1]', async () => {
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

test('tenants: each issuer has keys of its own', async () => {
  const server = await createTestServer(tenantsWorld)
  const kids = new Set<string>()
  for (const { base, send } of placesOf(server)) {
    const { json } = await send('GET', `${base}/.well-known/openid-configuration/jwks`)
    assert.equal(json.keys.length, 2)
    for (const { kid } of json.keys) kids.add(kid)
  }
  assert.equal(kids.size, 8)
})

test('tenants: a sign-in at each issuer, one after the other in one browser, ends in tokens of that issuer', async () => {
  const server = await createTestServer(tenantsWorld)
  const cookies = new Map<string, string>()
  for (const { name, issuer, base, send, token, secret } of placesOf(server)) {
    const browser = createBrowser({ send })
    for (const [key, value] of cookies) browser.cookies.set(key, value)
    const login = await browser.visit(base + authorizePath({ scope: 'openid profile api1' }))
    assert.match(login.text, /Sign in/, `${name}: signed in by another issuer's cookie`)
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
  // Each of them still knows the browser: no cookie took another's place.
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

test('tenants: the server’s own issuer does not take a tenant of another issuer by name', async () => {
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
  assert.equal(refused.json.error, 'invalid_request')
  assert.equal(server.reason(), 'tenant_not_allowed')
})

test('tenants: a name that no tenant has is not found, and a host that nobody has is misdirected [RFC 9110 §15.5.20]', async () => {
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

test('tenants: the host may be written with its scheme’s port and in capitals [RFC 9110 §4.2.3]', async () => {
  const server = await createTestServer(tenantsWorld)
  const issuerAt = async (host: string) =>
    (await server.send('GET', '/.well-known/openid-configuration', { headers: { host } })).json?.issuer
  assert.equal(await issuerAt('ID.Initech.example'), 'https://id.initech.example')
  assert.equal(await issuerAt('id.initech.example:443'), 'https://id.initech.example')
  assert.equal(await issuerAt('id.example:443'), 'https://id.example')
  for (const host of ['localhost:5080', '127.0.0.1:5080', '[::1]:5080'])
    assert.equal(await issuerAt(host), 'https://id.example', host)
})

test('tenants: an orchestrator’s probes are answered under every host', async () => {
  const server = await createTestServer(tenantsWorld)
  for (const host of ['10.0.0.7:5080', 'id.initech.example'])
    assert.equal((await server.send('GET', '/readyz', { headers: { host } })).status, 200)
})

test('tenants: another issuer’s paths are not to be had under a tenant’s host', async () => {
  const server = await createTestServer(tenantsWorld)
  const headers = { host: 'id.initech.example' }
  const { status } = await server.send('GET', '/t/acme/.well-known/openid-configuration', { headers })
  assert.equal(status, 404)
})

test('tenants: cross-origin answers are for the origins of that issuer’s clients', async () => {
  const server = await createTestServer(tenantsWorld)
  for (const { base, send, secret } of placesOf(server))
    for (const other of ['main', 'acme', 'globex', 'initech']) {
      const origin = `https://${other}.example`
      const { headers } = await send('OPTIONS', `${base}/connect/token`, { headers: { origin } })
      assert.equal(headers['access-control-allow-origin'], other === secret ? origin : undefined)
    }
})
