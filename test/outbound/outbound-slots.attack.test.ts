/** Strangers whose slow servers keep requests waiting, so that others have no slots (RFC 9700 §4.11.2, OWASP SSRF). */

import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import type { Outbound } from '../../packages/server/src/outbound/outbound.ts'
import { createSlots } from '../../packages/server/src/outbound/slots.ts'
import {
  createMemoryStores,
  createMemoryTenantStores,
} from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables } from '../../packages/server/src/storage/memory/tables.ts'
import { createBrowser } from '../support/browser.ts'
import { logoutWorld } from '../support/logout-world.ts'
import { register } from '../support/registering.ts'
import { authorizePath, callback, pagesWorld } from '../support/sign-in.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import { inTime, until } from '../support/until.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] }
const signer = {
  token_endpoint_auth_method: 'private_key_jwt',
  grant_types: ['authorization_code', 'client_credentials'],
  redirect_uris: [callback],
  scope: 'openid api1',
}

/** Servers of `good.example` respond, and all others hang until they are released. */
function openOutside(content: string) {
  const waiting: (() => void)[] = []
  let asked = 0
  const outbound: Outbound = url => {
    asked += 1
    const answer = { ok: true, status: 200, headers: {}, body: content } as const
    if (new URL(url).hostname === 'good.example') return Promise.resolve(answer)
    return new Promise(done => waiting.push(() => done({ ok: false, reason: 'outbound_timeout' })))
  }
  return {
    outbound,
    asked: () => asked,
    letGo: () => {
      for (const done of waiting.splice(0)) done()
    },
  }
}

const open = (outbound: Outbound, more: object = {}) =>
  createTestServer(
    {
      ...pagesWorld,
      clients: [
        ...pagesWorld.clients,
        { ...signer, client_id: 'known', jwks_uri: 'https://good.example/jwks' },
        { ...signer, client_id: 'new', jwks_uri: 'https://good.example/new' },
        {
          ...{ client_id: 'objects', token_endpoint_auth_method: 'none', redirect_uris: [callback] },
          ...{ scope: 'openid', request_uris: ['https://good.example/object'] },
        },
      ],
      registration: { mode: 'open', max_requests_per_hour: 1000 },
      ...more,
    },
    { outbound },
  )

const authenticate = async (server: TestServer, client_id: string, exp = server.clock.now() + 300) =>
  server.token({
    grant_type: 'client_credentials',
    scope: 'api1',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await new SignJWT({
      iss: client_id,
      sub: client_id,
      aud: issuer,
      jti: randomUUID(),
      exp,
    })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(privateKey),
  })

/** Resolves once this many have been refused together; the others wait for the network. */
async function refusedOf(asked: readonly Promise<unknown>[], most: number): Promise<void> {
  let ended = 0
  for (const one of asked) one.finally(() => ended++)
  await until(`${most} requests end`, () => ended >= most)
}

test('attack: clients with slow jwks_uri hosts do not block configured clients', async () => {
  const outside = openOutside(JSON.stringify(jwks))
  const server = await open(outside.outbound)
  assert.equal((await authenticate(server, 'known')).status, 200)
  server.clock.advance(700)

  const clients = []
  for (let count = 0; count < 20; count++) {
    const jwks_uri = `https://slow${count}.example/jwks`
    clients.push(
      (await register(server, { ...signer, grant_types: undefined, scope: 'openid', jwks_uri })).json,
    )
  }
  const flood = clients.flatMap(({ client_id }) =>
    Array.from({ length: 40 }, () => authenticate(server, client_id)),
  )
  await refusedOf(flood, 800 - 244)
  // Keys that are 700 seconds old, and keys that must be fetched first.
  assert.equal((await authenticate(server, 'known')).status, 200)
  assert.equal((await authenticate(server, 'new')).status, 200)
  assert.ok(outside.asked() <= 20 + 3)
  outside.letGo()
  const statuses = new Set((await Promise.all(flood)).map(({ status }) => status))
  assert.deepEqual(statuses, new Set([503]))
  // A client has 25 places, and the last ones fewer: they leave some of all 250 to newcomers.
  const waited = server.logged.filter(({ reason }) => reason === 'client_keys_unavailable')
  assert.equal(waited.length, 244)
})

test('client keys: cached keys are used if there is no slot to fetch them again', async () => {
  const outside = openOutside(JSON.stringify(jwks))
  const server = await open(outside.outbound)
  const slow = { ...signer, client_id: 'slow', jwks_uri: 'https://slow.example/jwks' }
  const clients = [
    ...Array.from({ length: 4 }, (_, count) => ({
      ...{ ...slow, client_id: `slow${count}` },
      jwks_uri: `https://slow${count}.example/jwks`,
    })),
    ...[{ ...signer, client_id: 'known', jwks_uri: 'https://good.example/jwks' }],
  ]
  await server.reconfigure({ ...pagesWorld, clients })
  assert.equal((await authenticate(server, 'known')).status, 200)
  server.clock.advance(5000)
  const flood = clients
    .slice(0, 4)
    .flatMap(({ client_id }) => Array.from({ length: 130 }, () => authenticate(server, client_id)))
  await refusedOf(flood, 20)
  assert.equal((await authenticate(server, 'known')).status, 200)
  outside.letGo()
  await Promise.all(flood)
})

test('attack: clients with slow request_uris do not block others', async () => {
  const object = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url')
  const claims = { iss: 'objects', aud: issuer, client_id: 'objects', response_type: 'code' }
  const content = `${object}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`
  const outside = openOutside(content)
  const server = await open(outside.outbound)
  const request_uris = Array.from({ length: 30 }, (_, count) => `https://slow.example/${count}`)
  const { client_id } = (
    await register(server, {
      token_endpoint_auth_method: 'none',
      redirect_uris: [callback],
      scope: 'openid',
      request_uris,
    })
  ).json
  const ask = (one: string, request_uri: string) =>
    createBrowser(server).visit(authorizePath({ client_id: one, scope: 'openid', request_uri }))
  const flood = request_uris.flatMap(uri => Array.from({ length: 10 }, () => ask(client_id, uri)))
  await refusedOf(flood, 300 - 10)
  const neighbour = await ask('objects', 'https://good.example/object')
  assert.match(neighbour.target, /^\/login/)
  outside.letGo()
  await Promise.all(flood)
  const refused = server.logged.filter(({ reason }) => reason === 'request_uris_too_many_waiting')
  assert.equal(refused.length, 300 - 10)
})

test('attack: unregistered addresses use none of the slots of registered ones', async () => {
  const outside = openOutside('')
  const server = await open(outside.outbound, {
    authorization_requests: { allow_unregistered_request_uris: true },
  })
  const ask = (request_uri: string) =>
    createBrowser(server).visit(authorizePath({ client_id: 'objects', scope: 'openid', request_uri }))
  const flood = Array.from({ length: 20 }, (_, count) => ask(`https://slow.example/${count}`))
  await refusedOf(flood, 20 - 10)
  await ask('https://good.example/object')
  assert.notEqual(server.reason(), 'request_uris_too_many_waiting')
  outside.letGo()
  await Promise.all(flood)
  const refused = server.logged.filter(({ reason }) => reason === 'request_uris_too_many_waiting')
  assert.equal(refused.length, 20 - 10)
})

test('attack: registrations with slow sector identifier lists do not block others', async () => {
  const outside = openOutside(JSON.stringify([callback]))
  const server = await open(outside.outbound)
  const ask = (sector_identifier_uri: string) =>
    register(server, { redirect_uris: [callback], scope: 'openid', sector_identifier_uri })
  const flood = Array.from({ length: 50 }, (_, count) => ask(`https://slow.example/${count}`))
  await refusedOf(flood, 45)
  assert.equal((await ask('https://good.example/list')).status, 201)
  outside.letGo()
  const statuses = (await Promise.all(flood)).map(({ status }) => status)
  assert.equal(statuses.filter(status => status === 503).length, 45)
  assert.equal(statuses.filter(status => status === 400).length, 5)
})

test('attack: clients that do not respond to logout tokens do not block others [OpenID Connect Back-Channel Logout 1.0 §2.5]', async () => {
  const tables = emptyTables()
  const posted = new Map<string, number>()
  // Requests that start after the others were released end too.
  const late = Promise.withResolvers<Awaited<ReturnType<Outbound>>>()
  const server = await createTestServer(
    {
      ...logoutWorld,
      registration: { mode: 'open', max_requests_per_hour: 1000 },
    },
    {
      tenantStores: { ...createMemoryTenantStores(), main: createMemoryStores(tables) },
      outbound: url => {
        const { hostname } = new URL(url)
        posted.set(hostname, (posted.get(hostname) ?? 0) + 1)
        if (hostname === 'shop.example')
          return Promise.resolve({ ok: true, status: 200, headers: {}, body: '' } as const)
        return late.promise
      },
    },
  )
  const due_at = server.clock.now()
  const notify = (client_id: string, sid: string, due: number): void => {
    tables.logoutNotices.put({
      sid,
      client_id,
      sub: '1',
      attempts: 0,
      due_at: due,
      expires_at: due_at + 86_400,
    })
  }
  for (let client = 0; client < 12; client++) {
    const backchannel_logout_uri = `https://slow${client}.example/back`
    const { json } = await register(server, {
      redirect_uris: [callback],
      scope: 'openid',
      backchannel_logout_uri,
    })
    for (let session = 0; session < 20; session++) notify(json.client_id, `${client}-${session}`, due_at - 10)
  }
  // The last in the queue.
  for (let session = 0; session < 20; session++) notify('shop', `shop-${session}`, due_at)
  const running = server.runLogouts()
  await until('the shop is notified 20 times', () => (posted.get('shop.example') ?? 0) >= 20)
  const slow = [...posted].filter(([host]) => host !== 'shop.example').map(([, count]) => count)
  assert.ok(slow.reduce((sum, count) => sum + count, 0) < 64, `${slow}`)
  // Each is retried later; those that started end here.
  tables.logoutNotices.clear()
  late.resolve({ ok: false, reason: 'outbound_timeout' })
  await inTime('the deliveries end', running)
})

test('attack: addresses that strangers chose are never resolved in the thread pool', async () => {
  const strange = new Map<string, boolean>()
  const server = await open(async (url, { stranger = false } = {}) => {
    strange.set(new URL(url).pathname, stranger)
    return { ok: false, reason: 'outbound_failed' }
  })
  const metadata = {
    ...signer,
    jwks_uri: 'https://evil.example/keys',
    request_uris: ['https://evil.example/object'],
  }
  const { json } = await register(server, metadata)
  await authenticate(server, json.client_id)
  await authenticate(server, 'known')
  const visit = (client_id: string, request_uri: string) =>
    createBrowser(server).visit(authorizePath({ client_id, request_uri }))
  await visit(json.client_id, 'https://evil.example/object')
  await visit('objects', 'https://good.example/object?known')
  const sector = {
    ...metadata,
    subject_type: 'pairwise',
    sector_identifier_uri: 'https://evil.example/sector',
  }
  assert.equal((await register(server, sector)).status, 400)
  assert.equal(server.reason(), 'sector_identifier_not_fetched')
  assert.equal(strange.get('/keys'), true)
  assert.equal(strange.get('/jwks'), false)
  assert.equal(strange.get('/object'), true)
  assert.equal(strange.get('/sector'), true)
})

test('outbound slots: a slot released twice is freed once', () => {
  const takeSlot = createSlots(2)
  const asking = (client_id: string) => ({ client_id, url: `https://${client_id}.example/`, trusted: true })
  const [first, second] = [takeSlot(asking('a')), takeSlot(asking('b'))]
  assert.ok(first && second)
  assert.equal(takeSlot(asking('c')), undefined)
  for (let times = 0; times < 3; times++) first()
  const third = takeSlot(asking('c'))
  assert.ok(third)
  assert.equal(takeSlot(asking('d')), undefined)
})

test('outbound slots: strangers who name a host leave its slots to trusted callers', () => {
  const takeSlot = createSlots(40)
  const url = 'https://shared.example/keys'
  const strangers = Array.from({ length: 10 }, (_, index) =>
    takeSlot({ client_id: `stranger-${index}`, url, trusted: false }),
  )
  assert.equal(strangers.filter(Boolean).length, 2)
  const known = Array.from({ length: 30 }, (_, index) =>
    takeSlot({ client_id: `known-${index}`, url, trusted: true }),
  )
  assert.equal(known.filter(Boolean).length, 20)
})

test('outbound slots: strangers have half of all slots together, and each a twentieth', () => {
  const takeSlot = createSlots(100)
  const ask = (client: number, host: number, trusted = false) =>
    takeSlot({ client_id: `client-${client}`, url: `https://host-${host}.example/`, trusted })
  const ofOne = Array.from({ length: 10 }, (_, host) => ask(0, host))
  assert.equal(ofOne.filter(Boolean).length, 5)
  const ofAll = Array.from({ length: 100 }, (_, index) => ask(index + 1, index + 10))
  assert.equal(ofAll.filter(Boolean).length, 45)
  const ofKnown = Array.from({ length: 100 }, (_, index) => ask(index, index + 200, true))
  assert.equal(ofKnown.filter(Boolean).length, 50)
})

test('outbound slots: a few strangers with slow hosts leave a place to a stranger who asks for the first time', () => {
  const takeSlot = createSlots(500)
  const ask = (client: string) =>
    takeSlot({ client_id: client, url: `https://${client}.example/`, trusted: false })
  for (let round = 0; round < 30; round++) for (let client = 0; client < 100; client++) ask(`slow-${client}`)
  const newcomers = Array.from({ length: 5 }, (_, index) => ask(`new-${index}`))
  assert.equal(newcomers.filter(Boolean).length, 5)
})
