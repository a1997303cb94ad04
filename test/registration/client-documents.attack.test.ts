/** Attacks by and on clients that publish their metadata (draft-ietf-oauth-client-id-metadata-document-03 §8). */

import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { createDocumentMemory } from '../../packages/server/src/clients/documents/document-memory.ts'
import type { Client } from '../../packages/server/src/model/client.ts'
import { createOutbound, type Outbound } from '../../packages/server/src/outbound/outbound.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { createBrowser } from '../support/browser.ts'
import {
  documentCallback,
  documentOf,
  documentUrl,
  openDocumentHosts,
  openDocumentServer,
  openTo,
  requestOf,
} from '../support/client-documents.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, assertErrorPage, signIn, verifier } from '../support/sign-in.ts'
import { claimsOf, createTestServer, issuer, type TestServer } from '../support/tessera.ts'

async function codeFor(server: TestServer, client_id = documentUrl): Promise<string> {
  const browser = createBrowser(server)
  const page = await browser.submit(await signIn(browser, requestOf(client_id)), { button: 'yes' })
  return answerOf(page, `${new URL(client_id).origin}/cb`).get('code') ?? ''
}

const redeem = (server: TestServer, code: string, more: object = { client_id: documentUrl }) =>
  server.token({
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: documentCallback,
    ...more,
  })
const refresh = (server: TestServer, refresh_token: string) =>
  server.token({ grant_type: 'refresh_token', refresh_token, client_id: documentUrl })

const visit = async (server: TestServer, url: string): Promise<number> =>
  (await createBrowser(server).visit(requestOf(url))).status

test('attack: a client_id never leads to a private address, by number or by name [CIMD §8.6]', async () => {
  const resolved: string[] = []
  const addresses: Readonly<Record<string, readonly string[]>> = {
    'inside.example': ['10.0.0.1'],
    'metadata.example': ['169.254.169.254'],
    'six.example': ['::ffff:127.0.0.1'],
    // Part of a rebinding attack: one public address does not help.
    'both.example': ['93.184.216.34', '127.0.0.1'],
  }
  const outbound = createOutbound({
    resolve: async host => {
      resolved.push(host)
      return addresses[host] ?? []
    },
  })
  const server = await createTestServer(openTo(), { outbound })
  for (const host of [
    ...Object.keys(addresses),
    '127.0.0.1',
    '[::1]',
    '10.1.2.3',
    '192.168.0.1',
    'localhost',
  ]) {
    assertErrorPage(await createBrowser(server).visit(requestOf(`https://${host}/c`)), 'unauthorized_client')
    const line = server.logged.findLast(({ event }) => event === 'client_document_refused')
    assert.match(String(line?.cause), /outbound_(address_private|name_unknown)/, host)
  }
  assert.deepEqual(resolved, [...Object.keys(addresses), 'localhost'])
})

test('attack: a host that moves to a private address later is refused, and its document forgotten', async () => {
  const { outbound, publish } = await openDocumentHosts()
  publish(documentUrl, { body: documentOf() })
  let isInside = false
  const rebound = createOutbound({ resolve: async () => ['127.0.0.1'] })
  const server = await createTestServer(openTo(), {
    outbound: (...given: Parameters<Outbound>) => (isInside ? rebound : outbound)(...given),
  })
  const code = await codeFor(server)
  isInside = true
  server.clock.advance(290)
  const tokens = await redeem(server, code)
  assert.equal(tokens.status, 200)
  server.clock.advance(10)
  assertRefused(await refresh(server, tokens.json.refresh_token), 'invalid_client', 'client_unknown')
  assert.equal(await visit(server, documentUrl), 400)
})

test('attack: look-alike hosts are shown in ASCII', async () => {
  // A Cyrillic а.
  const url = 'https://xn--pple-43d.example/client'
  const { server, publish } = await openDocumentServer()
  publish(url, { body: documentOf(url, { client_name: 'apple.example' }) })
  const browser = createBrowser(server)
  const login = await browser.visit(requestOf(url))
  assert.match(login.text, /apple\.example \(xn--pple-43d\.example\)/)
  const page = await browser.submit(login, { username: 'alice', password: 'wonderland', button: 'login' })
  assert.match(page.body, /<bdi>xn--pple-43d\.example<\/bdi>/)
})

test('attack: made-up ids of a host make this server ask it less and less, and known clients of it still work', async () => {
  const { server, asked, publish } = await openDocumentServer({ min_cache_lifetime: 60 })
  publish(documentUrl, { headers: { 'cache-control': 'max-age=60' }, body: documentOf() })
  assert.equal(await visit(server, documentUrl), 200)
  let count = 0
  const flood = async (requests: number, seconds: number) => {
    const before = asked.length
    for (let sent = 0; sent < requests; sent++) {
      await createBrowser(server).request('GET', requestOf(`https://app.client.example/${count++}`))
      server.clock.advance(seconds)
    }
    return asked.length - before
  }
  assert.equal(await flood(50, 0), 5)
  // Pauses of 1, 2, 4 … seconds, up to a minute.
  assert.ok((await flood(600, 1)) <= 16)
  assert.ok((await flood(600, 1)) <= 11)
  const before = asked.length
  assert.equal(await visit(server, documentUrl), 200)
  assert.deepEqual(
    asked.slice(before).map(({ url }) => url),
    [documentUrl],
  )
  const other = 'https://other.client.example/c'
  publish(other, { body: documentOf(other) })
  assert.equal(await visit(server, other), 200)
})

test('attack: made-up ids at each port of a host make this server ask it no more than those at one port', async () => {
  const { server, asked } = await openDocumentServer()
  const strangers = Array.from({ length: 300 }, (_, index) => `https://victim.example:${index + 1000}/x`)
  for (const url of strangers) await visit(server, url)
  assert.equal(asked.length, 5)
  assert.equal(await visit(server, documentUrl), 200)
})

test('attack: made-up ids of an allowed host do not delay its clients, also if no process knows them yet', async () => {
  const { server, asked } = await openDocumentServer({
    mode: 'allowed_hosts',
    allowed_hosts: ['app.client.example'],
  })
  for (let index = 0; index < 20; index++)
    assert.equal(await visit(server, `https://app.client.example/${index}`), 400)
  assert.equal(await visit(server, documentUrl), 200)
  // The same one is asked for less and less.
  const before = asked.length
  for (let sent = 0; sent < 20; sent++) await visit(server, 'https://app.client.example/again')
  assert.equal(asked.length - before, 5)
})

test('attack: a slow host holds a few places, and other clients are served', async () => {
  const { outbound, publish } = await openDocumentHosts()
  publish(documentUrl, { body: documentOf() })
  let held = 0
  let release = () => {}
  const slow = new Promise<void>(resolve => {
    release = resolve
  })
  const server = await createTestServer(openTo(), {
    async outbound(url, request) {
      if (!String(url).includes('slow')) return outbound(url, request)
      held++
      await slow
      return { ok: false, reason: 'outbound_timeout' }
    },
  })
  const pages = Array.from({ length: 50 }, (_, index) => visit(server, `https://slow.example/${index}`))
  assert.equal(await visit(server, documentUrl), 200)
  assert.equal(held, 10)
  release()
  assert.deepEqual(new Set(await Promise.all(pages)), new Set([503]))
})

test('attack: a document that changes between the authorization and the token request', async () => {
  for (const [what, body, error] of [
    [
      'its redirect URI is gone',
      documentOf(documentUrl, { redirect_uris: ['https://app.client.example/other'] }),
      'invalid_grant',
    ],
    [
      'it needs a key now',
      documentOf(documentUrl, {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: 'https://app.client.example/keys',
      }),
      'invalid_client',
    ],
    ['it has another client_id', documentOf(`${documentUrl}2`), 'invalid_client'],
    ['it may not use the grant', documentOf(documentUrl, { grant_types: ['implicit'] }), 'invalid_client'],
  ] as const) {
    const { server, publish } = await openDocumentServer()
    publish(documentUrl, { headers: { 'cache-control': 'max-age=60' }, body: documentOf() })
    const code = await codeFor(server)
    publish(documentUrl, { body })
    server.clock.advance(60)
    const refused = await redeem(server, code)
    assert.equal(refused.json.error, error, what)
    assert.equal(refused.json.access_token, undefined)
  }
})

test('attack: a redirect URI that the document drops while the user signs in gets no code', async () => {
  const { server, publish } = await openDocumentServer()
  publish(documentUrl, { headers: { 'cache-control': 'max-age=60' }, body: documentOf() })
  const browser = createBrowser(server)
  const page = await signIn(browser, requestOf())
  publish(documentUrl, {
    body: documentOf(documentUrl, { redirect_uris: ['https://app.client.example/other'] }),
  })
  server.clock.advance(60)
  assertErrorPage(await browser.submit(page, { button: 'yes' }), 'invalid_request')
  assert.equal(server.reason(), 'redirect_uri_not_registered')
})

test('attack: a document that changes its name while the consent page is read is shown again', async () => {
  const { server, publish } = await openDocumentServer()
  publish(documentUrl, { headers: { 'cache-control': 'max-age=60' }, body: documentOf() })
  const browser = createBrowser(server)
  const page = await signIn(browser, requestOf())
  publish(documentUrl, { body: documentOf(documentUrl, { client_name: 'Renamed' }) })
  server.clock.advance(60)
  const again = await browser.submit(page, { button: 'yes' })
  assert.match(again.text, /Allow Renamed/)
  assert.ok(answerOf(await browser.submit(again, { button: 'yes' }), documentCallback).get('code'))
})

test('client documents: the refresh tokens of a client whose document is gone stop, and work again when it is back', async () => {
  const { server, publish, remove } = await openDocumentServer()
  const tokens = await redeem(server, await codeFor(server))
  remove(documentUrl)
  server.clock.advance(300)
  const refused = await refresh(server, tokens.json.refresh_token)
  assert.deepEqual([refused.status, refused.json.error], [401, 'invalid_client'])
  const headers = { authorization: `Bearer ${tokens.json.access_token}` }
  assert.equal((await server.send('GET', '/connect/userinfo', { headers })).status, 401)
  publish(documentUrl, { body: documentOf() })
  assert.equal((await refresh(server, tokens.json.refresh_token)).status, 200)
})

test('attack: a document that its host took back is not used while the host is away afterwards', async () => {
  const { server, remove, away } = await openDocumentServer()
  const tokens = await redeem(server, await codeFor(server))
  remove(documentUrl)
  server.clock.advance(300)
  assert.equal((await refresh(server, tokens.json.refresh_token)).status, 401)
  away.add('app.client.example')
  server.clock.advance(60)
  assert.equal((await refresh(server, tokens.json.refresh_token)).status, 503)
  assert.equal(await visit(server, documentUrl), 503)
})

test('client documents: PKCE is required, whatever the document and the defaults of registered clients say', async () => {
  const { server, publish } = await openDocumentServer(
    {},
    {
      registration: { metadata_documents: { mode: 'open' }, client_defaults: { require_pkce: false } },
    },
  )
  const jwks = { keys: [await exportJWK(keys.publicKey)] }
  const confidential = { token_endpoint_auth_method: 'private_key_jwt', jwks, require_pkce: false }
  publish(documentUrl, { body: documentOf(documentUrl, confidential) })
  const without = { code_challenge: '', code_challenge_method: '' }
  assertErrorPage(await createBrowser(server).visit(requestOf(documentUrl, without)), 'invalid_request')
  assert.equal(server.reason(), 'code_challenge_missing')
})

test('client documents: tokens work at every node and after a restart, and the store has no row of the client', async () => {
  const stores = createMemoryStores()
  const { outbound, publish, asked } = await openDocumentHosts()
  publish(documentUrl, { body: documentOf() })
  const [one, other] = [
    await createTestServer(openTo(), { stores, outbound }),
    await createTestServer(openTo(), { stores, outbound }),
  ]
  const tokens = await redeem(other, await codeFor(one))
  assert.equal(tokens.status, 200)
  assert.equal((await refresh(one, tokens.json.refresh_token)).status, 200)
  assert.equal(asked.length, 2)
  assert.deepEqual(await stores.registeredClients.list({ limit: 10 }), [])
})

const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const assertionBy = (client_id: string, { privateKey } = keys, now = 1_790_000_000) =>
  new SignJWT({ iss: client_id, sub: client_id, aud: issuer, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256' })
    .setExpirationTime(now + 60)
    .sign(privateKey)
const signed = async (client_id: string, pair = keys, now?: number) => ({
  client_id,
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await assertionBy(client_id, pair, now),
})

for (const kind of ['jwks', 'jwks_uri'] as const) {
  test(`attack: a client with ${kind} needs its own key, and another host can't hold it [CIMD §8.2]`, async () => {
    const { server, publish, asked } = await openDocumentServer()
    const jwks = { keys: [await exportJWK(keys.publicKey)] }
    const jwks_uri = 'https://app.client.example/keys'
    publish(jwks_uri, { body: jwks })
    publish('https://other.example/keys', { body: { keys: [await exportJWK(foreign.publicKey)] } })
    const body = documentOf(documentUrl, {
      token_endpoint_auth_method: 'private_key_jwt',
      ...(kind === 'jwks' ? { jwks } : { jwks_uri }),
    })
    publish(documentUrl, { body })
    const code = await codeFor(server)
    assertRefused(await redeem(server, code), 'invalid_client', 'client_assertion_missing')
    assertRefused(
      await redeem(server, code, await signed(documentUrl, foreign)),
      'invalid_client',
      'client_assertion_invalid',
    )
    const secret = { client_id: documentUrl, client_secret: 'x' }
    assertRefused(
      await redeem(server, code, secret),
      'invalid_client',
      'client_authentication_method_not_registered',
    )
    assert.equal((await redeem(server, code, await signed(documentUrl))).status, 200)

    const impostor = 'https://evil.example/client'
    publish(impostor, {
      body: documentOf(impostor, { token_endpoint_auth_method: 'private_key_jwt', jwks_uri }),
    })
    const before = asked.length
    assertErrorPage(await createBrowser(server).visit(requestOf(impostor)), 'unauthorized_client')
    assert.deepEqual(
      asked.slice(before).map(({ url }) => url),
      [impostor],
    )
  })
}

test('attack: a host with many clients can’t fill the store with ids of assertions', async () => {
  const earlierAttempts = { most: 2640, left: 20 }
  const { server, publish } = await openDocumentServer(
    { allowed_hosts: ['app.client.example'] },
    {},
    { earlierAttempts },
  )
  const jwks = { keys: [await exportJWK(keys.publicKey)] }
  const authentication = { token_endpoint_auth_method: 'private_key_jwt', jwks }
  const statusOf = async (url: string, from = '203.0.113.7') => {
    publish(url, { body: documentOf(url, authentication) })
    // Refused for its grant only after it has authenticated.
    return (await server.token(await signed(url, keys, server.clock.now()), { from })).status
  }
  for (let sent = 0; sent < 20; sent++)
    assert.equal(await statusOf(`https://many.example/${sent % 4}`), 400, String(sent))
  for (const url of ['https://many.example/new', 'https://other.example/c']) {
    assert.equal(await statusOf(url), 429)
    assert.equal(server.reason(), 'client_assertions_too_often')
  }
  // Not those of another network, and not those of a host that the operator allowed.
  assert.equal(await statusOf('https://many.example/new', '203.0.113.8'), 400)
  assert.equal(await statusOf(documentUrl), 400)
  server.clock.advance(660)
  assert.equal(await statusOf('https://other.example/c'), 400)
})

test('attack: a software statement does not bring a document secrets or keys of another host', async () => {
  const signer = { ...(await exportJWK(foreign.publicKey)), alg: 'ES256' }
  const registration = {
    metadata_documents: { mode: 'open' },
    trusted_software_issuers: [{ issuer: 'https://federation.example', jwks: { keys: [signer] } }],
  }
  const { server, publish } = await openDocumentServer({}, { registration })
  for (const [claims, cause] of [
    [{ token_endpoint_auth_method: 'client_secret_basic' }, 'client_document_with_secret'],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://other.example/keys' },
      'client_document_keys_elsewhere',
    ],
    [{ client_name: 'Stated' }, undefined],
  ] as const) {
    const software_statement = await new SignJWT({ iss: 'https://federation.example', ...claims })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(foreign.privateKey)
    publish(documentUrl, { body: documentOf(documentUrl, { software_statement }) })
    const page = await createBrowser(server).visit(requestOf())
    assert.equal(page.status, cause === undefined ? 200 : 400)
    const line = server.logged.findLast(({ event }) => event === 'client_document_refused')
    if (cause === undefined) assert.match(page.text, /Stated \(app\.client\.example\)/)
    else assert.equal(line?.cause, cause)
  }
})

test('attack: a software statement does not make a document with keys or grants beside it trusted', async () => {
  const signer = { ...(await exportJWK(foreign.publicKey)), alg: 'ES256' }
  const grant_types = ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code']
  const registration = {
    metadata_documents: { mode: 'open', allowed_grant_types: grant_types },
    trusted_software_issuers: [{ issuer: 'https://federation.example', jwks: { keys: [signer] } }],
  }
  const { client_name, client_uri, redirect_uris } = documentOf(documentUrl) as Record<string, unknown>
  const jwks = { keys: [await exportJWK(keys.publicKey)] }
  const stated = { client_name, client_uri, redirect_uris }
  const withMethod = { ...stated, token_endpoint_auth_method: 'private_key_jwt' }
  for (const [said, added, trusted] of [
    [stated, {}, true],
    [withMethod, { jwks }, false],
    [{ ...withMethod, jwks }, {}, true],
    [{ ...withMethod, jwks }, { grant_types }, false],
    [{ ...withMethod, jwks, grant_types }, {}, true],
  ] as const) {
    const { server, publish } = await openDocumentServer({}, { registration })
    const software_statement = await new SignJWT({ iss: 'https://federation.example', ...said })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(foreign.privateKey)
    publish(documentUrl, { body: documentOf(documentUrl, { ...added, software_statement }) })
    const page = await createBrowser(server).visit(requestOf(documentUrl, { scope: 'nonsense' }))
    if (trusted) assert.equal(answerOf(page, documentCallback).get('error'), 'invalid_scope')
    else assertErrorPage(page, 'invalid_scope')
  }
})

test('attack: a software statement does not move a document to the sector of another host', async () => {
  const signer = { ...(await exportJWK(foreign.publicKey)), alg: 'ES256' }
  const victim = {
    client_id: 'victim',
    subject_type: 'pairwise',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['https://victim.example/cb'],
    scope: 'openid',
  }
  const { server, publish } = await openDocumentServer(
    {},
    {
      clients: [victim],
      registration: {
        metadata_documents: { mode: 'open' },
        trusted_software_issuers: [{ issuer: 'https://federation.example', jwks: { keys: [signer] } }],
      },
    },
  )
  const claims = { subject_type: 'pairwise', sector_identifier_uri: 'https://victim.example/uris' }
  const software_statement = await new SignJWT({ iss: 'https://federation.example', ...claims })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(foreign.privateKey)
  publish(documentUrl, { body: documentOf(documentUrl, { software_statement }) })
  const subOf = ({ json }: { readonly json: { readonly id_token: string } }) => claimsOf(json.id_token).sub
  const path = requestOf(documentUrl, {
    ...{ client_id: 'victim', redirect_uri: 'https://victim.example/cb', scope: 'openid' },
  })
  const page = await signIn(createBrowser(server), path)
  const known = await redeem(server, answerOf(page, 'https://victim.example/cb').get('code') ?? '', {
    ...{ client_id: 'victim', redirect_uri: 'https://victim.example/cb' },
  })
  const own = await redeem(server, await codeFor(server))
  assert.notEqual(subOf(own), subOf(known))
  assert.notEqual(subOf(own), '1')
})

test('attack: an error does not redirect to an unknown host that the user never allowed', async () => {
  const { server } = await openDocumentServer()
  const browser = createBrowser(server)
  assertErrorPage(await browser.visit(requestOf(documentUrl, { scope: 'nonsense' })), 'invalid_scope')
  const page = await browser.submit(await signIn(browser, requestOf()), { button: 'yes' })
  assert.ok(answerOf(page, documentCallback).get('code'))
  const answer = answerOf(
    await browser.visit(requestOf(documentUrl, { scope: 'nonsense' })),
    documentCallback,
  )
  assert.equal(answer.get('error'), 'invalid_scope')
})

test('attack: pairwise identifiers have the sector of the client_id, whatever the document redirects to', async () => {
  const victim = {
    client_id: 'victim',
    subject_type: 'pairwise',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['https://victim.example/cb'],
    scope: 'openid',
  }
  const { server, publish } = await openDocumentServer({}, { clients: [victim] })
  publish(documentUrl, {
    body: documentOf(documentUrl, {
      subject_type: 'pairwise',
      sector_identifier_uri: 'https://victim.example/uris',
      redirect_uris: ['https://victim.example/cb', documentCallback],
    }),
  })
  const subOf = async (code: string, client_id: string, redirect_uri: string) => {
    const { json } = await redeem(server, code, { client_id, redirect_uri })
    return JSON.parse(Buffer.from(json.id_token.split('.')[1], 'base64url').toString()).sub
  }
  const browser = createBrowser(server)
  const page = await signIn(
    browser,
    requestOf(documentUrl, {
      client_id: 'victim',
      redirect_uri: 'https://victim.example/cb',
      scope: 'openid',
    }),
  )
  const known = await subOf(
    answerOf(page, 'https://victim.example/cb').get('code') ?? '',
    'victim',
    'https://victim.example/cb',
  )
  const own = await subOf(await codeFor(server), documentUrl, documentCallback)
  assert.notEqual(own, known)
  assert.notEqual(own, '1')
})

test('attack: the documents of any number of unknown hosts do not evict one of an allowed host', async () => {
  const asked: string[] = []
  const client_name = 'x'.repeat(4500)
  const outbound: Outbound = async url => {
    asked.push(String(url))
    const body = JSON.stringify(documentOf(String(url), { client_name }))
    return { ok: true, status: 200, headers: { 'content-type': 'application/json' }, body }
  }
  const server = await createTestServer(openTo({ allowed_hosts: ['app.client.example'] }), { outbound })
  const urls = Array.from({ length: 480 }, (_, index) => `https://c${index}.example/client.json`)
  for (const url of [documentUrl, ...urls, documentUrl]) assert.equal(await visit(server, url), 200)
  assert.deepEqual(asked, [documentUrl, ...urls])
  await visit(server, urls[0]!)
  assert.equal(asked.at(-1), urls[0], 'the memory for unknown hosts was not full')
})

test('attack: documents in memory are bounded in number and bytes, and the least recently used go first', () => {
  const document = (bytes: number) => ({
    client: {} as Client,
    bytes,
    confirmed_at: 0,
    fresh_for: 1,
    staleAllowed: true,
  })
  const few = createDocumentMemory({ entries: 3, bytes: 1000 })
  for (const id of ['a', 'b', 'c']) few.keep(id, document(10))
  few.find('a')
  few.keep('d', document(10))
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map(id => few.find(id) !== undefined),
    [true, false, true, true],
  )
  few.keep('e', document(990))
  assert.deepEqual(
    ['a', 'c', 'd', 'e'].map(id => few.find(id) !== undefined),
    [false, false, true, true],
  )
  few.keep('e', document(10))
  few.drop('d')
  few.keep('f', document(980))
  assert.deepEqual(
    ['e', 'f'].map(id => few.find(id) !== undefined),
    [true, true],
  )
})
