/** Attacks by and on clients whose `client_id` is their sealed metadata (decision 0078). */

import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { createClientIdSeal } from '../../packages/server/src/clients/sealed/client-id-seal.ts'
import { packMetadata } from '../../packages/server/src/clients/sealed/packed-metadata.ts'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { createRootKeys } from '../../packages/server/src/keys/root-keys.ts'
import { createRandom } from '../../packages/server/src/runtime/random.ts'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { register } from '../support/registering.ts'
import {
  codeFor,
  connectSealed,
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
import { answerOf, assertErrorPage, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer, startOfTime, type TestServer } from '../support/tessera.ts'

const random = createRandom()

/** Asserts that nobody gets anything with the id, and returns the logged cause. */
async function refusedAs(server: TestServer, client_id: string): Promise<unknown> {
  const page = await createBrowser(server).visit(sealedRequest(client_id))
  assertErrorPage(page, 'unauthorized_client')
  const asked = await server.token({ grant_type: 'refresh_token', refresh_token: 'tr_x', client_id })
  assert.deepEqual([asked.status, asked.json.error], [401, 'invalid_client'], client_id)
  return server.logged.findLast(({ event }) => event === 'sealed_client_refused')?.cause
}

test('attack: an id with any byte changed, cut or added is no client', async () => {
  const server = await openSealing()
  const id = await registerNotes(server)
  const [prefix, text = ''] = [id.slice(0, 8), id.slice(8)]
  const bytes = Buffer.from(text, 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.equal(await refusedAs(server, prefix + changed.toString('base64url')), 'sealed_client_invalid')
  }
  for (let length = 0; length < bytes.length; length += 7)
    assert.equal(
      await refusedAs(server, prefix + bytes.subarray(0, length).toString('base64url')),
      'sealed_client_invalid',
    )
  const longer = Buffer.concat([bytes, Buffer.from([0])]).toString('base64url')
  assert.equal(await refusedAs(server, prefix + longer), 'sealed_client_invalid')
  assert.ok((await codeFor(server, id)).code)
})

test('attack: no other spelling of an id is the same client', async () => {
  const server = await openSealing()
  // Its last character has bits that no byte needs, and it contains both characters that base64 spells differently.
  let id = ''
  for (let made = 1; (id.length - 8) % 4 === 0 || !/-.*_|_.*-/.test(id.slice(8)); made++)
    id = await registerNotes(server, { client_name: randomUUID().slice(0, made % 20) })
  const [prefix, text] = [id.slice(0, 8), id.slice(8)]
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(text.at(-1) ?? '')
  const spellings = [
    ...[1, 2, 3].map(more => text.slice(0, -1) + alphabet[last ^ more]),
    `${text}=`,
    `${text}==`,
    `${text}A`,
    `${text}.`,
    text.replace('-', '+'),
    text.replace('_', '/'),
    `${text.slice(0, 20)}%2D${text.slice(20)}`,
  ]
  for (const spelling of spellings)
    assert.equal(await refusedAs(server, prefix + spelling), 'sealed_client_invalid', spelling)
  for (const other of [`SEALED1.${text}`, `sealed2.${text}`, `sealed1${text}`, ` ${id}`]) {
    const page = await createBrowser(server).visit(sealedRequest(other))
    assert.equal(page.status, 400, other)
  }
  assert.ok((await codeFor(server, id)).code)
})

test('attack: an id that was sealed with another key, for another issuer or with another key version is no client', async () => {
  const server = await openSealing()
  assert.ok((await codeFor(server, forgeId())).code)
  assert.equal(
    await refusedAs(server, forgeId(notes, { key: new Uint8Array(32).fill(9) })),
    'sealed_client_invalid',
  )
  for (const other of ['https://other.example', `${issuer}/`, `${issuer}/t/own`, ''])
    assert.equal(await refusedAs(server, forgeId(notes, { of: other })), 'sealed_client_invalid', other)
  const clock = { now: () => startOfTime }
  const rotated = createRootKeys(
    [
      { version: 1, key: masterKeyBytes, active_from: 0 },
      { version: 2, key: masterKeyBytes, active_from: 1 },
    ],
    clock,
  )
  const id = createClientIdSeal({ issuer, derived: rotated.derived, random }).seal(
    packMetadata(notes) ?? Buffer.alloc(0),
    { issued_at: startOfTime, ends_at: startOfTime + 86_400 },
  )
  assert.equal(await refusedAs(server, id), 'sealed_client_invalid')
})

test('attack: an id of the server is no client of a tenant with its own issuer, nor the reverse', async () => {
  const input = sealing()
  const server = await createTestServer({
    ...input,
    tenants: [...input.tenants, { name: 'own', issuer: 'path', registration: input.registration }],
  })
  const base = '/t/own'
  const registered = await server.send('POST', `${base}/connect/register`, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...notes, scope: 'openid' }),
  })
  const [own, tenants] = [await registerNotes(server), registered.json.client_id]
  assert.match(tenants, /^sealed1\./)
  const visit = async (path: string, client_id: string) =>
    (await createBrowser(server).visit(path + sealedRequest(client_id, { scope: 'openid' }))).status
  assert.deepEqual(
    [await visit('', own), await visit(base, tenants), await visit('', tenants), await visit(base, own)],
    [200, 200, 400, 400],
  )
})

test('attack: an id is refused from the second at which it ends, also if its holder makes the date look later', async () => {
  const server = await openSealing({ lifetime: 86_400 })
  const id = await registerNotes(server)
  server.clock.advance(86_399)
  assert.ok((await codeFor(server, id)).code)
  server.clock.advance(1)
  assert.equal(await refusedAs(server, id), 'sealed_client_ended')
  const bytes = Buffer.from(id.slice(8), 'base64url')
  bytes.writeUInt32BE(2 ** 32 - 1, 5)
  assert.equal(await refusedAs(server, `sealed1.${bytes.toString('base64url')}`), 'sealed_client_invalid')
})

test('attack: whoever has a retired root key makes no ids that are dated later, and none that outlive the lifetime', async () => {
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
  const seal = createClientIdSeal({ issuer, derived, random })
  const stolen = createClientIdSeal({ issuer, derived: createDerivedKeys(old), random })
  const dated = (issued_at: number) => stolen.seal(Buffer.from('x'), { issued_at, ends_at: 2 ** 32 - 1 })
  assert.ok(seal.open(dated(startOfTime + 150)))
  now += 200
  assert.equal(seal.open(dated(startOfTime + 150)), undefined)
  // An id from the time of that key stays readable, until the lifetime after its date ends.
  assert.equal(seal.open(dated(startOfTime + 99))?.issued_at, startOfTime + 99)
  const server = await openSealing({ lifetime: 86_400 })
  const endless = forgeId(notes, { ends_at: 2 ** 32 - 1 })
  assert.ok((await codeFor(server, endless)).code)
  server.clock.advance(86_400)
  assert.equal(await refusedAs(server, endless), 'sealed_client_ended')
})

test('attack: metadata that registration refuses is refused in a seal too', async () => {
  const server = await openSealing()
  const cases: Readonly<Record<string, object>> = {
    'a scheme that runs code': { ...notes, redirect_uris: ['javascript://x/%0aalert(1)'] },
    'http on a public host': { ...notes, redirect_uris: ['http://notes.example/cb'] },
    'a grant that may not be registered': { ...notes, grant_types: ['password'] },
    'no redirect URI': { ...notes, redirect_uris: [] },
  }
  for (const [what, metadata] of Object.entries(cases)) {
    const redirect_uri = String((metadata as typeof notes).redirect_uris[0] ?? sealedCallback)
    const page = await createBrowser(server).visit(
      sealedRequest(forgeId(metadata), { redirect_uri, scope: 'openid' }),
    )
    assert.equal(page.status, 400, what)
    assert.equal(page.location, undefined, what)
  }
  const privileged = { ...notes, require_pkce: false, require_consent: false, enabled: true, user_claims: [] }
  const id = forgeId(privileged)
  const browser = createBrowser(server)
  await codeFor(server, id)
  assert.match((await signIn(browser, sealedRequest(id))).text, /Allow Notes/)
})

test('attack: an impersonator of a client on the same device does not skip the consent of the user', async () => {
  const server = await openSealing({}, { client_defaults: { require_consent: false } })
  const redirect_uri = 'http://127.0.0.1/cb'
  const id = await registerNotes(server, { redirect_uris: [redirect_uri], application_type: 'native' })
  const browser = createBrowser(server)
  const real = { redirect_uri: 'http://127.0.0.1:4001/cb' }
  const page = await browser.submit(await signIn(browser, sealedRequest(id, real)), {
    button: 'yes',
    remember: 'yes',
  })
  assert.ok(answerOf(page, real.redirect_uri).get('code'))
  // Anyone can read the id of a client from a URL, and listen on another port.
  const theirs = { redirect_uri: 'http://127.0.0.1:6666/cb' }
  const silent = await browser.visit(sealedRequest(id, { ...theirs, prompt: 'none' }))
  assert.equal(answerOf(silent, theirs.redirect_uri).get('error'), 'consent_required')
  const asked = await browser.visit(sealedRequest(id, theirs))
  assert.match(asked.text, /Allow Notes/)
  assert.match(asked.text, /127\.0\.0\.1:6666/)
  // Nor does a client with the same metadata take over what the user allowed.
  const copy = await registerNotes(server, { redirect_uris: [redirect_uri], application_type: 'native' })
  assert.notEqual(copy, id)
  const again = await browser.visit(sealedRequest(copy, { ...theirs, prompt: 'none' }))
  assert.equal(answerOf(again, theirs.redirect_uri).get('error'), 'consent_required')
})

test('attack: codes and refresh tokens of one client are refused for another with the same metadata', async () => {
  const server = await openSealing()
  const [id, copy] = [await registerNotes(server), await registerNotes(server)]
  const { code } = await codeFor(server, id)
  assertRefused(await redeemFor(server, copy, code), 'invalid_grant', 'code_of_another_client')
  const { tokens } = await connectSealed(server, id)
  assertRefused(
    await refreshFor(server, copy, tokens.refresh_token),
    'invalid_grant',
    'refresh_token_of_another_client',
  )
})

test('attack: an error does not redirect a browser to a sealed client that the user does not know [RFC 9700 §4.11.2]', async () => {
  const server = await openSealing()
  const id = await registerNotes(server)
  const page = await createBrowser(server).visit(sealedRequest(id, { scope: 'nonsense' }))
  assertErrorPage(page, 'invalid_scope')
})

test('attack: many clients with keys share the limit on stored assertion ids of their network', async () => {
  const limit = { earlierAttempts: { most: 2640, left: 40 } }
  const server = await openSealing({}, { max_requests_per_hour: 1_000_000 }, limit)
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: '1', alg: 'ES256' }] }
  const clients: string[] = []
  for (let made = 0; made < 12; made++)
    clients.push(
      (await register(server, { ...notes, token_endpoint_auth_method: 'private_key_jwt', jwks })).json
        .client_id,
    )
  const ask = async (client_id: string, from: string) => {
    const exp = server.clock.now() + 60
    const claims = { iss: client_id, sub: client_id, aud: issuer, jti: randomUUID(), exp }
    return server.token(
      {
        grant_type: 'refresh_token',
        refresh_token: 'tr_x',
        client_id,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await new SignJWT(claims)
          .setProtectedHeader({ alg: 'ES256', kid: '1' })
          .sign(privateKey),
      },
      { from },
    )
  }
  let accepted = 0
  for (const client of clients)
    for (let sent = 0; sent < 4; sent++) if ((await ask(client, '203.0.113.7')).status !== 429) accepted++
  assert.equal(accepted, 40)
  assert.notEqual((await ask(clients[0] ?? '', '198.51.100.7')).status, 429)
})
