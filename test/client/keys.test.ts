import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issuerKeys, verifyJwt } from '@tessera/client'
import { SignJWT } from 'jose'
import { createKey, type KeyPair, now, sign, startTokenServer } from './token-server.ts'

const [first, second] = await Promise.all([createKey('ES256'), createKey('ES256')])
const forged = await createKey('ES256')
const withoutKid = { kid: undefined }

type Server = ReturnType<typeof startTokenServer>

/** Verifies a token of a key. Returns the code of the error, or `verified`. */
async function verify({ issuer }: Server, key: KeyPair, header?: object): Promise<string> {
  const token = await sign({ sub: 'alice' }, key, header)
  const verified = await verifyJwt(token, issuerKeys(issuer), { algorithms: ['ES256', 'RS256'], now })
  return verified.ok ? 'verified' : verified.error.code
}

test('keys: one request serves all tokens', async () => {
  const server = startTokenServer([first.jwk])
  const verified = await Promise.all([1, 2, 3].map(() => verify(server, first)))
  assert.deepEqual([...verified, await verify(server, first)], Array(4).fill('verified'))
  assert.equal(server.requests, 1)
})

test('keys: a token with a new key makes the client request the keys again', async () => {
  const server = startTokenServer([first.jwk])
  await verify(server, first)
  server.keys = [first.jwk, second.jwk]
  assert.equal(await verify(server, second), 'verified')
  assert.equal(server.requests, 2)
})

test('keys: tokens that arrive while the keys are requested wait for them', async () => {
  const server = startTokenServer([first.jwk])
  const source = issuerKeys(server.issuer)
  const header = { alg: 'ES256', kid: second.jwk.kid ?? '' }
  const find = async () => {
    const found = await source.find(header)
    return found.ok && found.value.length
  }
  await verify(server, first)
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  server.keys = async () => {
    await released
    return Response.json({ keys: [second.jwk] })
  }
  const waiting = [find(), find(), find()]
  release()
  assert.deepEqual(await Promise.all(waiting), [1, 1, 1])
  assert.equal(server.requests, 2)
})

test('keys: the first tokens wait for one request', async () => {
  const server = startTokenServer([first.jwk])
  const source = issuerKeys(server.issuer)
  const header = { alg: 'ES256', kid: first.jwk.kid ?? '' }
  const found = await Promise.all([source.find(header), source.find(header), source.find(header)])
  assert.deepEqual(found, Array(3).fill({ ok: true, value: [first.jwk] }))
  assert.equal(server.requests, 1)
})

test('keys: a secret in the set of a server is never used', async () => {
  const secret = Buffer.alloc(32, 1)
  const server = startTokenServer([{ kty: 'oct', k: secret.toString('base64url') }])
  const token = await new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'HS256' }).sign(secret)
  const verified = await verifyJwt(token, issuerKeys(server.issuer), { algorithms: ['HS256'], now })
  assert.equal(!verified.ok && verified.error.code, 'key_not_found')
})

test('keys: tokens with unknown keys cause one request in 30 seconds', async () => {
  const server = startTokenServer([first.jwk])
  await verify(server, first)
  for (let attempt = 0; attempt < 5; attempt++) assert.equal(await verify(server, forged), 'key_not_found')
  assert.equal(server.requests, 2)
  server.now += 30
  for (let attempt = 0; attempt < 5; attempt++) assert.equal(await verify(server, forged), 'key_not_found')
  assert.equal(server.requests, 3)
})

test('keys: a token whose key is not in a set that was requested for it causes no second request', async () => {
  const server = startTokenServer([first.jwk])
  assert.equal(await verify(server, forged), 'key_not_found')
  assert.equal(server.requests, 1)
})

test('keys: a key with the same kid that was replaced is found after one request', async () => {
  const server = startTokenServer([first.jwk])
  await verify(server, first)
  const replaced = { ...second, jwk: { ...second.jwk, kid: first.jwk.kid ?? '' } }
  server.keys = [replaced.jwk]
  assert.equal(await verify(server, replaced), 'verified')
  assert.equal(server.requests, 2)
})

test('keys: keys that another call requested meanwhile are used, with no request of their own', async () => {
  const server = startTokenServer([first.jwk])
  await verify(server, first)
  const replaced = { ...second, jwk: { ...second.jwk, kid: first.jwk.kid ?? '' } }
  const source = issuerKeys(server.issuer)
  const header = { alg: 'ES256', kid: first.jwk.kid ?? '' }
  const old = await source.find(header)
  server.keys = [replaced.jwk]
  assert.equal(await verify(server, replaced), 'verified')
  assert.ok(old.ok)
  const newer = await source.refresh?.(header, old.value)
  assert.deepEqual(newer, { ok: true, value: [replaced.jwk] })
  assert.equal(server.requests, 2)
})

test('keys: forged signatures with a known kid cause one request in 30 seconds', async () => {
  const server = startTokenServer([first.jwk])
  await verify(server, first)
  const kid = first.jwk.kid
  for (let attempt = 0; attempt < 5; attempt++)
    assert.equal(await verify(server, forged, { kid }), 'signature_invalid')
  assert.equal(server.requests, 2)
})

test('keys: all keys are tried for a token without a kid', async () => {
  const unnamed = await Promise.all([createKey('ES256', withoutKid), createKey('ES256', withoutKid)])
  const server = startTokenServer([first.jwk, ...unnamed.map(({ jwk }) => jwk)])
  for (const key of [first, ...unnamed]) assert.equal(await verify(server, key, withoutKid), 'verified')
  assert.equal(await verify(server, forged, withoutKid), 'signature_invalid')
})

test('keys: a token without a kid is verified with a key that was added', async () => {
  const server = startTokenServer([first.jwk])
  await verify(server, first, withoutKid)
  server.keys = [first.jwk, second.jwk]
  assert.equal(await verify(server, second, withoutKid), 'verified')
  assert.equal(server.requests, 2)
})

test('keys: a token with a kid is not verified with a key that has another one', async () => {
  const server = startTokenServer([first.jwk])
  assert.equal(await verify(server, first, { kid: 'other' }), 'key_not_found')
})

test('keys: what is not understood in a set is ignored [RFC 7517 §5]', async () => {
  const unknown = [{ kty: 'XYZ', kid: first.jwk.kid }, null, 7, 'key', [], {}, { kty: 'EC', kid: 7 }]
  const broken = { ...first.jwk, x: 'AA' }
  assert.equal(await verify(startTokenServer([{ ...first.jwk, kid: 7 }]), first, withoutKid), 'key_not_found')
  const server = startTokenServer([...unknown, broken, first.jwk])
  assert.equal(await verify(server, first), 'verified')
})

test('keys: they are requested again when they are old, so that a removed key is no longer accepted', async () => {
  const server = startTokenServer([first.jwk])
  await verify(server, first)
  server.keys = [second.jwk]
  server.now += 599
  assert.equal(await verify(server, first), 'verified')
  server.now += 1
  assert.equal(await verify(server, first), 'key_not_found')
  assert.equal(server.requests, 2)
})

test('keys: the policy of the issuer says how long they are cached', async () => {
  const server = startTokenServer([first.jwk], {}, { jwksMaxAge: 60 })
  await verify(server, first)
  server.now += 59
  await verify(server, first)
  assert.equal(server.requests, 1)
  server.now += 1
  await verify(server, first)
  assert.equal(server.requests, 2)
})

test('keys: a set of another host is refused if the policy does not list it', async () => {
  const server = startTokenServer(
    [first.jwk],
    { jwks_uri: 'https://cdn.example/jwks' },
    { endpointHosts: [] },
  )
  assert.equal(await verify(server, first), 'endpoint_host_not_allowed')
  assert.equal(server.requests, 0)
})

test('keys: old ones are used while the server fails, for a day', async () => {
  const server = startTokenServer([first.jwk])
  await verify(server, first)
  server.keys = async () => new Response('', { status: 503 })
  server.now += 600
  for (let attempt = 0; attempt < 5; attempt++) assert.equal(await verify(server, first), 'verified')
  assert.equal(server.requests, 2)
  server.now += 86_400
  for (let attempt = 0; attempt < 2; attempt++) assert.equal(await verify(server, first), 'http_503')
})

test('keys: a clock that was set back does not make them last longer', async () => {
  const server = startTokenServer([first.jwk])
  await verify(server, first)
  server.now -= 86_400
  await verify(server, first)
  await verify(server, first)
  assert.equal(server.requests, 2)
})

const failures: Readonly<Record<string, () => Promise<Response>>> = {
  http_500: async () => new Response('', { status: 500 }),
  keys_invalid: async () => Response.json({ keys: {} }),
  network_error: () => Promise.reject(new TypeError('no network')),
  unexpected_redirect: async () =>
    new Response(null, { status: 302, headers: { location: 'https://x.example' } }),
}

for (const [code, respond] of Object.entries(failures))
  test(`keys: a first request that fails is reported as ${code}, and repeated for the next token`, async () => {
    const server = startTokenServer(respond)
    assert.equal(await verify(server, first), code)
    server.keys = [first.jwk]
    assert.equal(await verify(server, first), 'verified')
  })

test('keys: a failed request for an unknown key is reported as what it is', async () => {
  const server = startTokenServer([first.jwk])
  await verify(server, first)
  server.keys = failures.http_500 as never
  assert.equal(await verify(server, second), 'http_500')
  assert.equal(await verify(server, first), 'verified')
})

test('keys: metadata without a key set is reported', async () => {
  const server = startTokenServer([first.jwk], { jwks_uri: undefined })
  assert.equal(await verify(server, first), 'endpoint_missing')
})
