/** Clients whose `client_id` is their sealed metadata (decision 0078). */

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { rotateMasterKeyOf } from '../../packages/server/src/app/master-key-rotation.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createTessera } from '../../packages/server/src/server.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { createBrowser } from '../support/browser.ts'
import { documentUrl, openDocumentServer, requestOf } from '../support/client-documents.ts'
import { assertRefused } from '../support/refused.ts'
import { manage, register } from '../support/registering.ts'
import {
  codeFor,
  connectSealed,
  notes,
  openSealing,
  redeemFor,
  refreshFor,
  registerNotes,
  sealedCallback,
  sealedRequest,
  sealing,
  userinfoStatus,
} from '../support/sealed-clients.ts'
import { answerOf, assertErrorPage, signIn } from '../support/sign-in.ts'
import { provideSigningKeys } from '../support/signing-keys.ts'
import {
  basic,
  createTestServer,
  issuer,
  masterKey,
  startOfTime,
  type TestServer,
} from '../support/tessera.ts'
import { until } from '../support/until.ts'

const day = 86_400
const year = 365 * day

const rowsOf = async (server: TestServer): Promise<number> =>
  (await server.stores.registeredClients.list({ limit: 1000 })).length

const changed = { ok: true, changed: true }
const unchanged = { ok: true, changed: false }

const isSealed = (id: string): boolean => id.startsWith('sealed1.')

const keyPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

const keyClient = (publicKey: KeyObject) => ({
  ...notes,
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: '1', alg: 'ES256' }] },
})

const assertionOf = async (client_id: string, key: KeyObject, at: number, jti: string = randomUUID()) => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await new SignJWT({ iss: client_id, sub: client_id, aud: issuer, jti, exp: at + 60 })
    .setProtectedHeader({ alg: 'ES256', kid: '1' })
    .sign(key),
})

test('sealed clients: registration returns the metadata, and no row, secret, token or management address', async () => {
  const server = await openSealing()
  const { status, json } = await register(server, notes)
  assert.equal(status, 201)
  assert.match(json.client_id, /^sealed1\.[\w-]+$/)
  assert.ok(json.client_id.length <= 200, json.client_id)
  assert.equal(json.client_id_issued_at, startOfTime)
  for (const name of [
    'client_secret',
    'client_secret_expires_at',
    'registration_access_token',
    'registration_client_uri',
  ])
    assert.equal(json[name], undefined, name)
  assert.deepEqual(json.redirect_uris, notes.redirect_uris)
  assert.equal(json.scope, notes.scope)
  assert.equal(await rowsOf(server), 0)

  const registration_client_uri = `${issuer}/connect/register/${json.client_id}`
  for (const method of ['GET', 'DELETE', 'PUT'] as const) {
    const managed = await manage(
      server,
      method,
      { registration_client_uri, registration_access_token: 'tcr_x' },
      method === 'PUT' ? { ...notes, client_id: json.client_id } : undefined,
    )
    assert.equal(managed.status, 401, method)
  }
})

test('sealed clients: a public client signs in, refreshes, is shown to its user, revoked and introspected', async () => {
  const server = await createTestServer({
    ...sealing(),
    api_resources: [{ name: 'urn:notes', api_secrets: [{ value: 'api' }], scopes: ['api1'] }],
  })
  const id = await registerNotes(server)
  const { browser, tokens } = await connectSealed(server, id)
  assert.equal(await userinfoStatus(server, tokens.access_token), 200)
  const refreshed = (await refreshFor(server, id, tokens.refresh_token)).json
  assert.ok(refreshed.refresh_token)
  const introspected = await server.send('POST', '/connect/introspect', {
    form: { token: refreshed.refresh_token },
    headers: basic('urn:notes', 'api'),
  })
  assert.equal(introspected.status, 200)
  assert.match((await browser.visit('/account/consents')).text, /Notes/)

  const revoked = await server.send('POST', '/connect/revocation', {
    form: { token: refreshed.refresh_token, client_id: id },
  })
  assert.equal(revoked.status, 200)
  assertRefused(
    await refreshFor(server, id, refreshed.refresh_token),
    'invalid_grant',
    'authorization_revoked',
  )
  assert.equal(await userinfoStatus(server, refreshed.access_token), 401)
  assert.equal(await rowsOf(server), 0)
})

test('sealed clients: the user stops one on the account page, and it signs the user out', async () => {
  const server = await openSealing()
  const id = await registerNotes(server, { post_logout_redirect_uris: ['https://notes.example/bye'] })
  const { browser, tokens } = await connectSealed(server, id)
  const removed = await browser.submit(await browser.visit('/account/consents'), {
    button: 'revoke',
    client_id: id,
  })
  assert.match(removed.text, /Notes/)
  assertRefused(await refreshFor(server, id, tokens.refresh_token), 'invalid_grant', 'authorization_revoked')
  const again = await connectSealed(server, id)
  const bye = 'https://notes.example/bye'
  const parameters = { id_token_hint: again.tokens.id_token, post_logout_redirect_uri: bye, state: 's' }
  const left = await again.browser.visit(`/connect/endsession?${new URLSearchParams(parameters)}`)
  assert.equal(answerOf(left, bye).get('state'), 's')
  assert.equal(await rowsOf(server), 0)
})

test('sealed clients: private_key_jwt with inline keys needs no row, and an assertion is accepted once', async () => {
  const server = await openSealing()
  const { publicKey, privateKey } = keyPair()
  const { json } = await register(server, keyClient(publicKey))
  const id = json.client_id
  assert.match(id, /^sealed1\./)
  assert.equal(json.client_secret, undefined)
  const { code } = await codeFor(server, id)
  assertRefused(await redeemFor(server, id, code), 'invalid_client', 'client_assertion_missing')
  const foreign = await assertionOf(id, keyPair().privateKey, server.clock.now())
  assertRefused(await redeemFor(server, id, code, foreign), 'invalid_client', 'client_assertion_invalid')
  const assertion = await assertionOf(id, privateKey, server.clock.now())
  const tokens = (await redeemFor(server, id, code, assertion)).json
  assert.ok(tokens.refresh_token)
  assertRefused(
    await refreshFor(server, id, tokens.refresh_token, assertion),
    'invalid_client',
    'client_assertion_replayed',
  )
  const next = await assertionOf(id, privateKey, server.clock.now())
  assert.equal((await refreshFor(server, id, tokens.refresh_token, next)).status, 200)
})

test('sealed clients: consent is asked at every request, and can not be remembered', async () => {
  const server = await createTestServer(sealing({}, { client_defaults: { require_consent: false } }))
  const id = await registerNotes(server)
  const { browser } = await codeFor(server, id)
  const page = await browser.visit(sealedRequest(id))
  assert.match(page.text, /Allow Notes/)
  assert.doesNotMatch(page.text, /Remember/)
  await browser.submit(page, { button: 'yes', remember: 'yes' })
  assert.match((await browser.visit(sealedRequest(id))).text, /Allow Notes/)
  const silent = await browser.visit(sealedRequest(id, { prompt: 'none' }))
  assert.equal(answerOf(silent, sealedCallback).get('error'), 'consent_required')
})

test('sealed clients: pushed requests and devices work, and PKCE is required', async () => {
  const server = await openSealing()
  const device = 'urn:ietf:params:oauth:grant-type:device_code'
  const id = await registerNotes(server, { grant_types: ['authorization_code', device] })
  const pushed = await server.send('POST', '/connect/par', {
    form: sealedRequest(id, { scope: 'openid profile' }).split('?')[1] ?? '',
  })
  assert.equal(pushed.status, 201, JSON.stringify(pushed.json))
  const path = `/connect/authorize?${new URLSearchParams({ client_id: id, request_uri: pushed.json.request_uri })}`
  assert.match((await signIn(createBrowser(server), path)).text, /Allow Notes/)
  const started = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: id, scope: 'openid' },
  })
  assert.equal(started.status, 200, JSON.stringify(started.json))
  const without = sealedRequest(id, {
    scope: 'openid',
    code_challenge: undefined,
    code_challenge_method: undefined,
  })
  await createBrowser(server).visit(without)
  assert.match(String(server.reason()), /code_challenge|pkce/)
})

test('sealed clients: a client that needs a secret, a fetch or more than 512 characters gets a row and a token', async () => {
  const server = await openSealing()
  const { publicKey } = keyPair()
  const { publicKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { jwks: _, ...byUri } = keyClient(publicKey)
  const cases: Readonly<Record<string, object>> = {
    secret: { redirect_uris: [sealedCallback] },
    'keys at a URL': { ...byUri, jwks_uri: 'https://notes.example/keys' },
    'keys at a URL, for encryption': { ...notes, jwks_uri: 'https://notes.example/keys' },
    'an RSA key': keyClient(rsa),
    'a long name and URIs': {
      ...notes,
      redirect_uris: Array.from({ length: 12 }, () => `${sealedCallback}/${randomUUID()}`),
    },
    'repeated text': {
      ...notes,
      redirect_uris: [
        `${sealedCallback}/${'a'.repeat(1900)}`,
        `${sealedCallback}/${'b'.repeat(1900)}`,
        `${sealedCallback}/${'c'.repeat(1900)}`,
      ],
    },
  }
  for (const [what, metadata] of Object.entries(cases)) {
    const { status, json } = await register(server, metadata)
    assert.equal(status, 201, `${what}: ${JSON.stringify(json)}`)
    assert.match(json.client_id, /^[\w-]{22}$/, what)
    assert.match(json.registration_access_token, /^tcr_/, what)
  }
  assert.equal(await rowsOf(server), Object.keys(cases).length)
})

test('sealed clients: an id of 512 characters works on every page and at every endpoint', async () => {
  const server = await openSealing({}, { max_requests_per_hour: 10_000 })
  let id = ''
  const random = Array.from({ length: 20 }, () => randomUUID().replaceAll('-', '')).join('')
  const uriOf = (length: number) => `${sealedCallback}/${random.slice(0, length)}`
  // The longest one that fits.
  let length = 0
  for (; length < random.length; length++) {
    const found = await registerNotes(server, { redirect_uris: [uriOf(length + 1)] })
    if (!isSealed(found)) break
    id = found
  }
  const redirect_uri = uriOf(length)
  assert.ok(id.length > 508 && id.length <= 512, String(id.length))
  const browser = createBrowser(server)
  const page = await browser.submit(await signIn(browser, sealedRequest(id, { redirect_uri })), {
    button: 'yes',
  })
  const code = answerOf(page, redirect_uri).get('code') ?? ''
  const { json: tokens } = await redeemFor(server, id, code, { redirect_uri })
  const removed = await browser.submit(await browser.visit('/account/consents'), {
    button: 'revoke',
    client_id: id,
  })
  assert.match(removed.text, /Notes/)
  assertRefused(await refreshFor(server, id, tokens.refresh_token), 'invalid_grant', 'authorization_revoked')
})

test('sealed clients: pages show a short form of the id of a client without a name, and of one that ended', async () => {
  const server = await openSealing({ lifetime: day })
  const id = await registerNotes(server, { client_name: undefined })
  const short = `sealed1.…${id.slice(-8)}`
  server.clock.advance(day - 1)
  const { browser } = await connectSealed(server, id)
  assert.match((await browser.visit(sealedRequest(id))).text, new RegExp(`Allow ${short}`))
  const applications = async () => (await browser.visit('/account/consents')).text
  assert.match(await applications(), new RegExp(`${short} Since`))
  server.clock.advance(1)
  assert.match(await applications(), new RegExp(`${short} Since`))
})

test('sealed clients: they are off by default, and with an initial access token a client gets a row', async () => {
  const plain = await openSealing({ mode: 'off' })
  assert.match(await registerNotes(plain), /^[\w-]{22}$/)
  const trusted = await openSealing(
    {},
    { mode: 'initial_access_token', initial_access_tokens: [{ value: 'let me in' }] },
  )
  const { json } = await register(trusted, notes, { authorization: 'Bearer let me in' })
  assert.match(json.client_id, /^[\w-]{22}$/)
})

test('sealed clients: ids that were issued stay valid with mode accept or closed registration, and not with mode off', async () => {
  const server = await openSealing()
  const id = await registerNotes(server)
  const { tokens } = await connectSealed(server, id)
  let { refresh_token } = tokens
  for (const input of [sealing({ mode: 'accept' }), sealing({ mode: 'accept' }, { mode: 'off' })]) {
    await server.reconfigure(input)
    const refreshed = await refreshFor(server, id, refresh_token)
    assert.equal(refreshed.status, 200)
    refresh_token = refreshed.json.refresh_token
  }
  await server.reconfigure(sealing({ mode: 'accept' }))
  assert.match(await registerNotes(server), /^[\w-]{22}$/)
  await server.reconfigure(sealing({ mode: 'off' }))
  assertRefused(await refreshFor(server, id, refresh_token), 'invalid_client', 'client_unknown')
  assert.equal(await userinfoStatus(server, tokens.access_token), 401)
})

test('sealed clients: at the end date users find an explanation, and requests of the client get invalid_client', async () => {
  const server = await openSealing()
  const id = await registerNotes(server, { token_endpoint_auth_method: 'none' })
  server.clock.advance(year - 600)
  const { tokens } = await connectSealed(server, id)
  server.clock.advance(599)
  const last = await refreshFor(server, id, tokens.refresh_token)
  assert.equal(last.status, 200)
  server.clock.advance(1)
  assertRefused(await refreshFor(server, id, last.json.refresh_token), 'invalid_client', 'client_unknown')
  assert.equal(await userinfoStatus(server, last.json.access_token), 401)
  const page = await createBrowser(server).visit(sealedRequest(id))
  assertErrorPage(page, 'unauthorized_client')
  assert.match(page.text, /connect it again/)
  assert.equal(server.reason(), 'sealed_client_unknown')
  const cause = server.logged.findLast(({ event }) => event === 'sealed_client_refused')
  assert.deepEqual([cause?.cause, cause?.client_id], ['sealed_client_ended', id])
  const fresh = await registerNotes(server)
  assert.ok((await connectSealed(server, fresh)).tokens.access_token)
})

test('sealed clients: a shorter lifetime applies to ids that were issued before, and a longer one does not', async () => {
  const server = await openSealing({ lifetime: 10 * day })
  const id = await registerNotes(server)
  const visit = async () => (await createBrowser(server).visit(sealedRequest(id))).status
  server.clock.advance(2 * day)
  await server.reconfigure(sealing({ lifetime: day }))
  assert.equal(await visit(), 400)
  await server.reconfigure(sealing({ lifetime: year }))
  assert.equal(await visit(), 200)
  server.clock.advance(8 * day)
  assert.equal(await visit(), 400)
})

test('sealed clients: a changed configuration applies to them', async () => {
  const input = sealing(
    {},
    { allowed_scope: 'openid profile offline_access api2', private_use_schemes: ['notes'] },
  )
  const server = await createTestServer(input)
  const scoped = await registerNotes(server, { scope: 'openid api2' })
  const scheme = await registerNotes(server, { redirect_uris: ['notes://cb', sealedCallback] })
  const visit = async (id: string, changes: object = {}) =>
    (await createBrowser(server).visit(sealedRequest(id, { scope: 'openid', ...changes }))).status
  assert.deepEqual([await visit(scoped), await visit(scheme, { redirect_uri: 'notes://cb' })], [200, 200])
  await server.reconfigure({
    ...sealing({}, { private_use_schemes: [] }),
    api_scopes: [{ name: 'api1' }],
    api_resources: [],
    clients: [],
  })
  // One loses the scope, and one the redirect URI.
  assert.deepEqual([await visit(scoped), await visit(scoped, { scope: 'openid api2' })], [200, 400])
  assert.equal(await visit(scheme, { redirect_uri: 'notes://cb' }), 400)
  assert.equal(await visit(scheme), 200)
})

test('sealed clients: another node with the same keys, a later start and a restored copy accept them', async () => {
  const server = await openSealing()
  const id = await registerNotes(server)
  const { tokens } = await connectSealed(server, id)
  const other = await createTestServer(sealing(), { stores: server.stores })
  const refreshed = await refreshFor(other, id, tokens.refresh_token)
  assert.equal(refreshed.status, 200)
  assert.ok((await connectSealed(other, id)).tokens.access_token)
  // A store without any row, as of a new place with the same master key.
  const elsewhere = await openSealing()
  assert.ok((await connectSealed(elsewhere, id)).tokens.access_token)
})

test('sealed clients: a rotation of the master key keeps ids readable until their end date', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const tenantStores = createMemoryTenantStores()
  const input = { issuer, storage: 'memory:', ...sealing() }
  const server = await createTestServer(input, { tenantStores })
  const id = await registerNotes(server)
  const newKey = Buffer.alloc(32, 8).toString('base64')
  const configured = (environment: Record<string, string>) => {
    const parsed = parseConfiguration(input, { environment, isModule: true, now: server.clock.now() })
    assert.ok(parsed.ok, JSON.stringify(parsed))
    return parsed.configuration
  }
  const { retires_at = 0 } = await rotateMasterKeyOf(
    configured({ TESSERA_MASTER_KEY: newKey, TESSERA_MASTER_KEY_PREVIOUS: masterKey }),
    { finish: true, report: () => {} },
    {
      ...{ tenantStores, log: silentLog, clock: server.clock },
      async sleep(seconds) {
        t.mock.timers.tick(30_000)
        await new Promise(setImmediate)
        server.clock.advance(seconds)
      },
    },
  )
  const next = await registerNotes(server)
  assert.notEqual(next.slice(8, 10), id.slice(8, 10))
  server.clock.advance(retires_at - server.clock.now() + 1)
  const later = await createTessera(configured({ TESSERA_MASTER_KEY: newKey }), {
    ...{ tenantStores, clock: server.clock, jobs: false, generateSigningKey: provideSigningKeys() },
    log: silentLog,
  })
  t.after(() => later.close())
  const statusAt = async (client_id: string): Promise<number> => {
    const [path = '', query = ''] = sealedRequest(client_id).split('?')
    const peer = { address: '127.0.0.1' }
    const request = { id: randomUUID(), method: 'GET', path, query, headers: {}, body: '', peer }
    return (await later.handle(request)).status
  }
  assert.deepEqual([await statusAt(id), await statusAt(next)], [302, 302])
  server.clock.advance(startOfTime + year - server.clock.now())
  assert.deepEqual([await statusAt(id), await statusAt(next)], [400, 302])
})

test('sealed clients: scripts of https and loopback origins may call the token endpoint, unless their host is blocked', async () => {
  const server = await openSealing({}, { blocked_redirect_hosts: ['*.spam.example'] })
  const allowed = async (at: TestServer, origin: string) =>
    (await at.send('POST', '/connect/token', { headers: { origin }, form: {} })).headers[
      'access-control-allow-origin'
    ]
  for (const origin of ['https://notes.example', 'http://localhost:5173', 'http://127.0.0.1:8080'])
    assert.equal(await allowed(server, origin), origin)
  for (const origin of ['http://notes.example', 'https://a.spam.example', 'null', 'https:'])
    assert.equal(await allowed(server, origin), undefined, origin)
  assert.equal(await allowed(await openSealing({ mode: 'off' }), 'https://notes.example'), undefined)
})

test('blocking clients: by id, at this node, at others and after a restart, and until the block ends', async () => {
  const server = await openSealing()
  const other = await createTestServer(sealing(), { stores: server.stores })
  const [id, neighbour] = [await registerNotes(server), await registerNotes(server)]
  assert.notEqual(id, neighbour)
  const { browser, tokens } = await connectSealed(server, id)
  const block = { kind: 'stored_client', id } as const
  assert.deepEqual(await server.blockClients(block, true), changed)
  assert.deepEqual(await server.blockClients(block, true), unchanged)
  assertRefused(await refreshFor(server, id, tokens.refresh_token), 'invalid_client', 'client_disabled')
  assert.equal(await userinfoStatus(server, tokens.access_token), 401)
  assertErrorPage(await browser.visit(sealedRequest(id)), 'unauthorized_client')
  assert.equal(server.reason(), 'client_disabled')
  await until(
    'the other node refuses it',
    async () => (await userinfoStatus(other, tokens.access_token)) === 401,
  )
  const later = await createTestServer(sealing(), { stores: server.stores })
  assert.equal(await userinfoStatus(later, tokens.access_token), 401)
  assert.ok((await connectSealed(server, neighbour)).tokens.access_token)
  assert.deepEqual(await server.blockClients(block, false), changed)
  assert.deepEqual(await server.blockClients(block, false), unchanged)
  assert.equal((await refreshFor(server, id, tokens.refresh_token)).status, 200)
})

test('blocking clients: a configured client, one with a row and one with an entry are not blocked here', async () => {
  const server = await openSealing({ mode: 'accept' })
  const id = await registerNotes(server)
  const url = 'https://app.client.example/c'
  const entry = { ...notes, client_id: url }
  assert.ok((await server.administration.clients.create(entry, { actor: 'test' })).ok)
  for (const one of ['web', id, url])
    assert.equal((await server.blockClients({ kind: 'stored_client', id: one }, true)).ok, false, one)
})

test('blocking clients: something that is no host, and no scheme of an application, is not blocked', async () => {
  const server = await openSealing()
  for (const id of ['*', '', 'https:', 'Notes.example', '*.com', 'notes.example/cb'])
    assert.equal((await server.blockClients({ kind: 'redirect_host', id }, true)).ok, false, id)
  const ofEarlierVersion = { kind: 'redirect_host', id: 'Notes.example' } as const
  assert.equal((await server.blockClients(ofEarlierVersion, false)).ok, false)
  await server.stores.principals.block(ofEarlierVersion, true)
  assert.deepEqual(await server.blockClients(ofEarlierVersion, false), changed)
})

test('blocking clients: the configuration disables a sealed id too', async () => {
  const server = await openSealing()
  const id = await registerNotes(server)
  const { tokens } = await connectSealed(server, id)
  const input = sealing()
  const disabled = {
    ...notes,
    client_id: id,
    enabled: false,
    grant_types: ['authorization_code'],
    scope: 'openid',
  }
  await server.reconfigure({ ...input, clients: [...input.clients, disabled] })
  assertRefused(await refreshFor(server, id, tokens.refresh_token), 'invalid_client', 'client_disabled')
})

test('blocking clients: a client with a metadata document, by its URL', async () => {
  const { server } = await openDocumentServer()
  const visit = async () => (await createBrowser(server).visit(requestOf(documentUrl))).status
  assert.equal(await visit(), 200)
  assert.deepEqual(await server.blockClients({ kind: 'stored_client', id: documentUrl }, true), changed)
  assert.equal(await visit(), 400)
  assert.deepEqual(await server.blockClients({ kind: 'stored_client', id: documentUrl }, false), changed)
  assert.equal(await visit(), 200)
  const host = { kind: 'redirect_host', id: new URL(documentUrl).host } as const
  assert.deepEqual(await server.blockClients(host, true), changed)
  assert.equal(await visit(), 400)
  assert.equal(server.reason(), 'client_disabled')
})

test('blocking clients: by redirect host, of sealed and registered clients, and their registration is refused', async () => {
  const server = await openSealing()
  const sealed = await registerNotes(server)
  const { json: row } = await register(server, { redirect_uris: [sealedCallback], scope: 'openid' })
  const elsewhere = await registerNotes(server, { redirect_uris: ['https://other.example/cb'] })
  const visit = async (client_id: string, redirect_uri = sealedCallback) =>
    (await createBrowser(server).visit(sealedRequest(client_id, { redirect_uri, scope: 'openid' }))).status
  const all = async () => [
    await visit(sealed),
    await visit(row.client_id),
    await visit(elsewhere, 'https://other.example/cb'),
  ]
  assert.deepEqual(await all(), [200, 200, 200])
  const block = { kind: 'redirect_host', id: 'notes.example' } as const
  assert.deepEqual(await server.blockClients(block, true), changed)
  assert.deepEqual(await all(), [400, 400, 200])
  assert.equal(server.reason(), 'client_disabled')
  const refused = await register(server, notes)
  assertRefused(refused, 'invalid_redirect_uri', 'client_redirect_blocked')
  assertRefused(
    await manage(server, 'PUT', row, { client_id: row.client_id, redirect_uris: [sealedCallback] }),
    'invalid_redirect_uri',
    'client_redirect_blocked',
  )
  assert.deepEqual(await server.blockClients(block, false), changed)
  assert.deepEqual(await all(), [200, 200, 200])
  await server.reconfigure(sealing({}, { blocked_redirect_hosts: ['notes.example'] }))
  assert.deepEqual(await all(), [400, 400, 200])
})

test('blocking clients: a pattern blocks hosts below it, a host with every port, and a scheme', async () => {
  const cases = [
    ['*.notes.example', 'https://a.notes.example/cb', true],
    ['*.notes.example', 'https://notes.example/cb', false],
    ['notes.example', 'https://notes.example:8443/cb', true],
    ['notes.example:8443', 'https://notes.example/cb', false],
    ['notes.example:8443', 'https://notes.example:8443/cb', true],
    ['localhost', 'http://localhost:1234/cb', true],
    ['cursor:', 'cursor://anything/cb', true],
    ['cursor:', 'https://cursor/cb', false],
  ] as const
  for (const [pattern, uri, isBlocked] of cases) {
    const server = await openSealing({}, { blocked_redirect_hosts: [pattern] })
    const { status } = await register(server, { ...notes, redirect_uris: [uri] })
    assert.equal(status, isBlocked ? 400 : 201, `${pattern} ${uri}`)
  }
})

test('blocking clients: all sealed ids at once, and registration stores clients meanwhile', async () => {
  const server = await openSealing()
  const id = await registerNotes(server)
  const { tokens } = await connectSealed(server, id)
  const all = { kind: 'sealed_clients', id: '' } as const
  assert.deepEqual(await server.blockClients(all, true), changed)
  assertRefused(await refreshFor(server, id, tokens.refresh_token), 'invalid_client', 'client_unknown')
  assert.match((await createBrowser(server).visit(sealedRequest(id))).text, /connect it again/)
  const stored = await registerNotes(server)
  assert.match(stored, /^[\w-]{22}$/)
  assert.ok((await connectSealed(server, stored)).tokens.access_token)
  assert.deepEqual(await server.blockClients(all, false), changed)
  assert.equal((await refreshFor(server, id, tokens.refresh_token)).status, 200)
})

test('revoking a sealed client: one row, its tokens end, and users can connect it again', async () => {
  const server = await openSealing()
  const id = await registerNotes(server)
  const { tokens } = await connectSealed(server, id)
  assert.equal(await server.revokeClient(id), true)
  assertRefused(await refreshFor(server, id, tokens.refresh_token), 'invalid_grant', 'authorization_revoked')
  assert.equal(await userinfoStatus(server, tokens.access_token), 401)
  assert.deepEqual([...(await server.stores.principals.disabled()).revokedClients.keys()], [id])
  server.clock.advance(2)
  assert.ok((await connectSealed(server, id)).tokens.access_token)
})
