/** Attacks by clients with sealed ids after an operator blocked them, lowered a limit or rotated a key (decision 0078). */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { SignJWT } from 'jose'
import { createClientIdSeal } from '../../packages/server/src/clients/sealed/client-id-seal.ts'
import { packMetadata, unpackMetadata } from '../../packages/server/src/clients/sealed/packed-metadata.ts'
import { createSealedClients } from '../../packages/server/src/clients/sealed/sealed-clients.ts'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { createRootKeys } from '../../packages/server/src/keys/root-keys.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createRandom } from '../../packages/server/src/runtime/random.ts'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { register } from '../support/registering.ts'
import {
  forgeId,
  masterKeyBytes,
  notes,
  openSealing,
  redeemFor,
  refreshFor,
  registerNotes,
  sealedCallback,
  sealedRequest,
  sealing,
} from '../support/sealed-clients.ts'
import { answerOf, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer, startOfTime } from '../support/tessera.ts'

const device = 'urn:ietf:params:oauth:grant-type:device_code'
const random = createRandom()

test('attack: another spelling of a blocked host is blocked too', async () => {
  const cases = [
    ['notes.example', 'https://notes.example./cb'],
    ['notes.example', 'https://NOTES.example:443/cb'],
    ['notes.example', 'https://notes%2Eexample/cb'],
    ['*.notes.example', 'https://a.notes.example./cb'],
    ['notes.example:8443', 'https://notes.example.:8443/cb'],
    ['192.0.2.1', 'https://0xC0000201/cb'],
    ['[2001:db8::1]', 'https://[2001:DB8:0::1]/cb'],
    ['xn--bcher-kva.example', 'https://XN--bcher-KVA.example/cb'],
    ['com.notes:', 'COM.notes:/cb'],
    ['notes.example', 'com.notes://Notes.example/cb'],
  ] as const
  for (const [pattern, uri] of cases) {
    const server = await openSealing({}, { blocked_redirect_hosts: [pattern] })
    const refused = await register(server, { ...notes, redirect_uris: ['https://other.example/cb', uri] })
    assert.equal(refused.json.error, 'invalid_redirect_uri', `${pattern} ${uri}`)
    const allowed = await register(server, notes)
    assert.equal(allowed.status, pattern === 'notes.example' ? 400 : 201, pattern)
  }
})

test('blocking clients: a host that would match no redirect URI is not blocked', async () => {
  const server = await openSealing()
  for (const id of ['notes.example.', 'notes.example.:8443', '*.notes.example.'])
    assert.equal((await server.blockClients({ kind: 'redirect_host', id }, true)).ok, false, id)
})

test('attack: a client does not send browsers to a blocked host after a sign-out', async () => {
  const bye = 'https://spam.example/bye'
  for (const changes of [{}, { token_endpoint_auth_method: 'client_secret_basic' }]) {
    const server = await openSealing()
    const metadata = { ...notes, post_logout_redirect_uris: [bye], ...changes }
    const { json } = await register(server, metadata)
    const leave = async () =>
      (
        await createBrowser(server).visit(
          `/connect/endsession?${new URLSearchParams({ client_id: json.client_id, post_logout_redirect_uri: bye })}`,
        )
      ).text
    const before = await leave()
    assert.ok((await server.blockClients({ kind: 'redirect_host', id: 'spam.example' }, true)).ok)
    assertRefused(await register(server, metadata), 'invalid_redirect_uri', 'client_redirect_blocked')
    await createBrowser(server).visit(sealedRequest(json.client_id, { scope: 'openid' }))
    assert.equal(server.reason(), 'client_disabled')
    assert.notEqual(await leave(), before)
  }
})

test('blocking clients: an id that the issuer did not make is neither blocked nor revoked', async () => {
  const server = await openSealing()
  const id = await registerNotes(server)
  const wrong = [
    id.slice(0, 100),
    `${id}x`,
    'sealed1.',
    `sealed1.${'a'.repeat(5000)}`,
    'https://app.client.example',
    'https://app.client.example/c#x',
  ]
  for (const one of wrong) {
    const outcome = await server.blockClients({ kind: 'stored_client', id: one }, true)
    assert.equal(outcome.ok, false, one)
    assert.equal(await server.revokeClient(one), false, one)
  }
  const { clients, revokedClients } = await server.stores.principals.disabled()
  assert.deepEqual([[...clients].filter(one => wrong.includes(one)), revokedClients.size], [[], 0])
  // One that ended may still be revoked and blocked, and a block from before can be ended.
  server.clock.advance(366 * 86_400)
  assert.equal(await server.revokeClient(id), true)
  const [block, old] = [
    { kind: 'stored_client', id } as const,
    { kind: 'stored_client', id: 'sealed1.x' } as const,
  ]
  assert.equal((await server.blockClients(block, true)).ok, true)
  await server.stores.principals.block(old, true)
  assert.deepEqual(await server.blockClients(old, false), { ok: true, changed: true })
})

test('attack: a client keeps no scope and no grant that an operator no longer allows', async () => {
  const bounded = (registration: object) => ({
    ...sealing({}, registration),
    api_scopes: [{ name: 'api1' }, { name: 'api2' }],
    api_resources: [],
    clients: [],
  })
  const all = { allowed_scope: 'openid profile offline_access api1' }
  const server = await createTestServer(bounded(all))
  const grant_types = ['authorization_code', 'refresh_token', device]
  const id = await registerNotes(server, { scope: 'openid offline_access api1', grant_types })
  const only = await registerNotes(server, { scope: 'openid', grant_types: [device] })
  const bare = await registerNotes(server, { scope: 'api1' })
  const browser = createBrowser(server)
  const request = sealedRequest(id, { scope: 'openid offline_access api1' })
  const page = await browser.submit(await signIn(browser, request), { button: 'yes' })
  const code = answerOf(page, sealedCallback).get('code') ?? ''
  const { json: tokens } = await redeemFor(server, id, code)
  assert.match(tokens.scope, /api1/)
  const begin = async (client_id: string) =>
    server.send('POST', '/connect/deviceauthorization', { form: { client_id, scope: 'openid' } })
  assert.equal((await begin(id)).status, 200)

  await server.reconfigure(
    bounded({
      allowed_scope: 'openid offline_access api2',
      allowed_grant_types: ['authorization_code', 'refresh_token'],
    }),
  )
  const { json: refreshed } = await refreshFor(server, id, tokens.refresh_token)
  assert.doesNotMatch(String(refreshed.scope), /api1/)
  assertRefused(await begin(id), 'unauthorized_client', 'grant_type_not_allowed')
  assertRefused(await begin(only), 'invalid_client', 'client_unknown')
  const unfit = server.logged.findLast(({ event }) => event === 'registered_client_unfit')
  assert.deepEqual([unfit?.client_id, unfit?.faults], [only, ['grant_types']])
  const visit = async (client_id: string, scope: string) => {
    const shown = await signIn(createBrowser(server), sealedRequest(client_id, { scope }))
    return [shown.status, /Allow Notes/.test(shown.text)]
  }
  assert.deepEqual(await visit(id, 'openid'), [200, true])
  const narrowed = await createBrowser(server).visit(sealedRequest(id, { scope: 'api1' }))
  assert.equal(narrowed.status, 400)
  // It does not get what is allowed instead.
  const widened = await createBrowser(server).visit(sealedRequest(bare, { scope: 'api2' }))
  assert.equal(widened.status, 400)
  await server.reconfigure(bounded(all))
  assert.equal((await begin(id)).status, 200)
})

test('attack: an id that a retired root key dates later is refused after the key retires, however often it was used before', () => {
  let now = startOfTime
  const clock = { now: () => now }
  const [old, current] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  const { derived } = createRootKeys(
    [
      { version: 1, key: old, active_from: 0, retires_at: startOfTime + 200 },
      { version: 2, key: current, active_from: startOfTime + 100 },
    ],
    clock,
  )
  const clients = createSealedClients({
    policy: { mode: 'issue', lifetime: 86_400 },
    issuer,
    derived,
    read: client_id => ({ client_id }) as never,
    areBlocked: () => false,
    blockedRedirects: () => [],
    clock,
    random,
    log: silentLog,
  })
  const stolen = createClientIdSeal({ issuer, derived: createDerivedKeys(old), random })
  const dated = (issued_at: number) =>
    stolen.seal(packMetadata(notes) ?? Buffer.alloc(0), { issued_at, ends_at: issued_at + 86_400 })
  const [later, before] = [dated(startOfTime + 150), dated(startOfTime + 50)]
  assert.ok(clients.find(later))
  assert.ok(clients.find(before))
  now += 200
  assert.equal(clients.find(later), undefined)
  assert.ok(clients.find(before))
})

test('sealed clients: an id that is issued in the second of a new root key stays valid after that key retires', () => {
  let now = startOfTime
  const clock = { now: () => now }
  const key = (byte: number) => new Uint8Array(32).fill(byte)
  const { derived } = createRootKeys(
    [
      { version: 1, key: key(1), active_from: 0 },
      { version: 2, key: key(2), active_from: startOfTime + 1, retires_at: startOfTime + 300 },
      { version: 3, key: key(3), active_from: startOfTime + 200 },
    ],
    clock,
  )
  const seal = createClientIdSeal({ issuer, derived, random })
  // The clock moves on after the time was read.
  const times = { issued_at: now, ends_at: now + 86_400 }
  now += 1
  const id = seal.seal(Buffer.from('x'), times)
  now += 400
  assert.equal(seal.open(id)?.issued_at, startOfTime)
})

test('attack: a name without a visible character is not shown as one', async () => {
  const server = await openSealing()
  for (const client_name of ['\u200B', '\u3164\u115F', '\uFEFF \u2060', '\u{E0041}', '\u2800', '\u200F']) {
    const { json } = await register(server, { ...notes, client_name })
    assert.equal(json.client_name, undefined, JSON.stringify(client_name))
  }
  const { json } = await register(server, { ...notes, client_name: 'نامه\u200Cها 👩\u200D💻' })
  assert.equal(json.client_name, 'نامه\u200Cها 👩\u200D💻')
})

test('attack: an id of more than 512 characters is not opened, and the log does not contain all of it', async () => {
  const seal = createClientIdSeal({ issuer, derived: createDerivedKeys(masterKeyBytes), random })
  const times = { issued_at: startOfTime, ends_at: startOfTime + 86_400 }
  const idOf = (bytes: number) => seal.seal(Buffer.alloc(bytes), times)
  assert.ok(seal.open(idOf(337)))
  assert.equal(seal.open(idOf(340)), undefined)
  const server = await openSealing()
  const client_id = `sealed1.${'a'.repeat(1000)}`
  await createBrowser(server).visit(sealedRequest(client_id))
  const refused = server.logged.findLast(({ event }) => event === 'sealed_client_refused')
  assert.equal(String(refused?.client_id).length, 512)
  assertRefused(await refreshFor(server, client_id, 'tr_x'), 'invalid_client', 'parameter_too_long')
})

test('attack: many ids do not fill the memory of a server', () => {
  let read = 0
  const clients = createSealedClients({
    policy: { mode: 'issue', lifetime: 86_400 },
    issuer,
    derived: createDerivedKeys(masterKeyBytes),
    read(client_id) {
      read += 1
      return { client_id } as never
    },
    areBlocked: () => false,
    blockedRedirects: () => [],
    clock: { now: () => startOfTime },
    random,
    log: silentLog,
  })
  const ids = Array.from({ length: 1001 }, () => forgeId())
  for (const id of ids) clients.find(id)
  clients.find(ids.at(-1) ?? '')
  assert.equal(read, 1001)
  clients.find(ids[0] ?? '')
  assert.equal(read, 1002)
})

test('sealed clients: one with a software statement gets a row, which records who vouched for it', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const store = 'https://store.example'
  const jwks = { keys: [publicKey.export({ format: 'jwk' })] }
  const server = await openSealing({}, { trusted_software_issuers: [{ issuer: store, jwks }] })
  const software_statement = await new SignJWT({ iss: store, client_name: 'Notes' })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey)
  assert.match(await registerNotes(server, { software_statement }), /^[\w-]{22}$/)
})

test('sealed clients: PKCE is required of one with a key too, whatever the defaults of clients say', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'ES256' }] }
  const server = await openSealing({}, { client_defaults: { require_pkce: false } })
  const id = await registerNotes(server, { token_endpoint_auth_method: 'private_key_jwt', jwks })
  assert.match(id, /^sealed1\./)
  const without = { code_challenge: undefined, code_challenge_method: undefined }
  await createBrowser(server).visit(sealedRequest(id, without))
  assert.equal(server.reason(), 'code_challenge_missing')
})

test('blocking clients: while all sealed ids are blocked, scripts of other origins may not call the token endpoint', async () => {
  const server = await openSealing()
  const allowed = async () =>
    (await server.send('POST', '/connect/token', { headers: { origin: 'https://notes.example' }, form: {} }))
      .headers['access-control-allow-origin']
  assert.equal(await allowed(), 'https://notes.example')
  await server.blockClients({ kind: 'sealed_clients', id: '' }, true)
  assert.equal(await allowed(), undefined)
})

test('attack: a seal does not unpack to more than the server packs', () => {
  const json = (length: number) => deflateRawSync(JSON.stringify({ client_name: 'a'.repeat(length) }))
  assert.ok(unpackMetadata(json(4000)))
  assert.equal(unpackMetadata(json(4096)), undefined)
})
