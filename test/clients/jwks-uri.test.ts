/** Clients that publish their keys (RFC 7591 §2, `jwks_uri`). */

import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { createOutbound } from '../../packages/server/src/outbound/outbound.ts'
import { one as firstCertificate, two as secondCertificate } from '../support/certificates.ts'
import { allowLoopback, openLoopback } from '../support/loopback.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'

const there = await openLoopback()

type Pair = { readonly kid: string; readonly keys: ReturnType<typeof newKeys> }
const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const newPair = (kid: string): Pair => ({ kid, keys: newKeys() })
const setOf = async (...pairs: readonly Pair[]): Promise<string> =>
  JSON.stringify({
    keys: await Promise.all(
      pairs.map(async ({ kid, keys }) => ({ ...(await exportJWK(keys.publicKey)), kid })),
    ),
  })

/** Creates a server and a client with a key set at this path. */
async function openServer(...pairs: readonly Pair[]) {
  const path = `/${randomUUID()}`
  there.pages.set(path, { body: await setOf(...pairs) })
  const send = createOutbound({ allowedPrivateNetworks: ['127.0.0.0/8'] })
  let received = 0
  const configuration = {
    api_scopes: [{ name: 'api1' }],
    clients: [
      {
        client_id: 'signer',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: there.origin + path,
        grant_types: ['client_credentials'],
        scope: 'api1',
      },
    ],
  }
  const server = await createTestServer(configuration, {
    outbound: (...request) => send(...request).finally(() => received++),
  })
  const fetches = () => there.asked.filter(one => one === path).length
  return { server, path, fetches, received: () => received }
}

async function ask(server: TestServer, { kid, keys }: Pair, header: object = {}): Promise<number> {
  const claims = {
    iss: 'signer',
    sub: 'signer',
    aud: issuer,
    exp: server.clock.now() + 60,
    jti: randomUUID(),
  }
  const client_assertion = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid, ...header })
    .sign(keys.privateKey)
  const { status } = await server.token({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion,
  })
  return status
}

test('jwks_uri: a set that is nested deeper than any key is not read', async () => {
  const one = newPair('one')
  const { server, path } = await openServer(one)
  const { body } = there.pages.get(path) as { body: string }
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`
  there.pages.set(path, { body: body.replace('{"kty"', `{"z":${deep},"kty"`) })
  assert.equal(await ask(server, one), 503)
  assert.equal(server.reason(), 'client_keys_unavailable')
})

test('jwks_uri: keys are fetched on first use and cached', async () => {
  const one = newPair('one')
  const { server, fetches, received } = await openServer(one)
  assert.equal(fetches(), 0)
  assert.deepEqual(await Promise.all([ask(server, one), ask(server, one), ask(server, one)]), [200, 200, 200])
  assert.equal(await ask(server, one), 200)
  assert.equal(fetches(), 1)
  server.clock.advance(600)
  // Keys between ten and twenty minutes old are used at once and fetched again in the background.
  assert.equal(await ask(server, one), 200)
  // Not only requested: keys that arrive after the clock has advanced would be fresh.
  await until('the keys are fetched again', () => received() > 1)
  server.clock.advance(1200)
  assert.equal(await ask(server, one), 200)
  assert.equal(fetches(), 3)
})

test('jwks_uri: a new kid is fetched immediately, and removed keys no longer work [OpenID Connect Core 1.0 §10.1.1]', async () => {
  const [one, two] = [newPair('one'), newPair('two')]
  const { server, path, fetches } = await openServer(one)
  assert.equal(await ask(server, one), 200)
  there.pages.set(path, { body: await setOf(two) })
  server.clock.advance(30)
  assert.equal(await ask(server, two), 200)
  assert.equal(await ask(server, one), 401)
  assert.equal(fetches(), 3)
})

test('jwks_uri: the keys of a client that rotated right after a fetch are fetched once more [OpenID Connect Core 1.0 §10.1.1]', async () => {
  const [one, two] = [newPair('one'), newPair('two')]
  const { server, path, fetches } = await openServer(one)
  assert.equal(await ask(server, one), 200)
  there.pages.set(path, { body: await setOf(two) })
  server.clock.advance(1)
  assert.deepEqual(await Promise.all([ask(server, two), ask(server, two)]), [200, 200])
  assert.equal(await ask(server, one), 401)
  assert.equal(fetches(), 2)
})

test('jwks_uri: unknown kids cause only a limited number of fetches', async () => {
  const one = newPair('one')
  const { server, fetches } = await openServer(one)
  assert.equal(await ask(server, one), 200)
  for (let guess = 0; guess < 20; guess++) assert.equal(await ask(server, newPair(`guess-${guess}`)), 401)
  assert.equal(fetches(), 2)
  server.clock.advance(30)
  for (let guess = 0; guess < 20; guess++) assert.equal(await ask(server, newPair(`more-${guess}`)), 401)
  assert.equal(fetches(), 4)
  assert.equal(await ask(server, one), 200)
})

for (const [what, page] of [
  ['answers 500', { status: 500, body: '{}' }],
  ['answers no JSON', { body: '<html>' }],
  ['answers no set', { body: '{"keys":"none"}' }],
  ['is too large', { body: JSON.stringify({ keys: [], more: 'x'.repeat(300_000) }) }],
  ['redirects', { status: 302, headers: { location: '/elsewhere' }, body: '' }],
] as const) {
  test(`jwks_uri: an address that ${what} yields no keys, and the previous ones are used for a day`, async () => {
    const one = newPair('one')
    const { server, path } = await openServer(one)
    const good = there.pages.get(path)!
    there.pages.set(path, page)
    assert.equal(await ask(server, one), 503)
    assert.ok(
      server.logged.some(({ event, level }) => event === 'client_keys_not_fetched' && level === 'warn'),
    )
    there.pages.set(path, good)
    server.clock.advance(30)
    assert.equal(await ask(server, one), 200)
    there.pages.set(path, page)
    server.clock.advance(80_000)
    assert.equal(await ask(server, one), 200)
    server.clock.advance(6400)
    assert.equal(await ask(server, one), 503)
  })
}

test('jwks_uri: a new kid can’t be checked while the host fails, and the keys in memory still work', async () => {
  const [one, two] = [newPair('one'), newPair('two')]
  const { server, path, fetches } = await openServer(one)
  assert.equal(await ask(server, one), 200)
  there.pages.set(path, { status: 500, body: '{}' })
  server.clock.advance(60)
  for (let times = 0; times < 3; times++) {
    assert.equal(await ask(server, two), 503)
    assert.equal(server.reason(), 'client_keys_unavailable')
    assert.equal(await ask(server, one), 200)
  }
  assert.equal(fetches(), 2)
  there.pages.set(path, { body: await setOf(one) })
  server.clock.advance(30)
  assert.equal(await ask(server, two), 401)
  assert.equal(server.reason(), 'client_assertion_invalid')
})

test('jwks_uri: symmetric and private keys are never accepted [RFC 8725 §3.1]', async () => {
  const one = newPair('one')
  const { server, path } = await openServer()
  const secret = { kty: 'oct', kid: 'secret', alg: 'HS256', k: Buffer.alloc(32, 1).toString('base64url') }
  const leaked = { ...(await exportJWK(one.keys.privateKey)), kid: 'one' }
  there.pages.set(path, { body: JSON.stringify({ keys: [secret, leaked, null, 'text'] }) })
  assert.equal(await ask(server, one), 401)
})

test('jwks_uri: an address in a private network that is not allowed is not called', async () => {
  const path = `/${randomUUID()}`
  const one = newPair('one')
  there.pages.set(path, { body: await setOf(one) })
  const server = await createTestServer({
    api_scopes: [{ name: 'api1' }],
    clients: [
      {
        client_id: 'signer',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: there.origin + path,
        grant_types: ['client_credentials'],
        scope: 'api1',
      },
    ],
  })
  assert.equal(await ask(server, one), 503)
  assert.ok(!there.asked.includes(path))
})

test('jwks_uri: a self-signed certificate is found there, and so is a new one [RFC 8705 §2.2]', async () => {
  const path = `/${randomUUID()}`
  const server = await createTestServer({
    ...allowLoopback,
    mtls: { certificate_header: 'x-client-cert', trusted_proxies: ['127.0.0.1'] },
    api_scopes: [{ name: 'api1' }],
    clients: [
      {
        client_id: 'bound',
        token_endpoint_auth_method: 'self_signed_tls_client_auth',
        jwks_uri: there.origin + path,
        grant_types: ['client_credentials'],
        scope: 'api1',
      },
    ],
  })
  const [first, second] = [firstCertificate, secondCertificate]
  const publish = (...certificates: readonly string[]) =>
    there.pages.set(path, {
      body: JSON.stringify({ keys: certificates.map(one => ({ kty: 'EC', x5c: [one] })) }),
    })
  const call = async (certificate: string): Promise<number> => {
    const form = { grant_type: 'client_credentials', client_id: 'bound' }
    return (await server.token(form, { certificate })).status
  }
  assert.equal((await server.token({ grant_type: 'client_credentials', client_id: 'bound' })).status, 401)
  assert.equal(server.reason(), 'client_certificate_missing')
  assert.ok(!there.asked.includes(path))
  assert.equal(await call(first), 503)
  assert.equal(server.reason(), 'client_keys_unavailable')
  server.clock.advance(30)
  publish(first)
  assert.equal(await call(first), 200)
  assert.equal(await call(second), 401)
  publish(second)
  server.clock.advance(30)
  assert.equal(await call(second), 200)
})
