/** Attacks on the guard of an API: each one is refused, for the reason that is expected. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientSecretBasic, createClient, createIssuer } from '@tessera/client'
import { exportSPKI, importJWK, SignJWT } from 'jose'
import { one, two } from '../support/certificates.ts'
import { readText } from '../support/repository.ts'
import { guardOf, refusalOf, startApi, startIssuer, thumbprintOf } from './api-world.ts'
import { createKey, sign, startTokenServer, url } from './token-server.ts'

const api = await startApi()
const server = startIssuer()
const { check, events } = guardOf(server.issuer)

/** The reason of the refusal, and the code of the failure that led to it. */
async function refusedBy(token: string): Promise<readonly [string, string | undefined]> {
  const [reason, status] = refusalOf(await check({ token }))
  assert.equal(status, 401)
  return [reason, events.at(-1)?.cause?.code]
}

const partsOf = (token: string): readonly string[] => token.split('.')
const headerOf = (header: object): string => Buffer.from(JSON.stringify(header)).toString('base64url')

test('API guard attack: a token that is signed with the public key as a secret is refused [RFC 8725 §2.1]', async () => {
  const [, claims = ''] = partsOf(await server.token())
  const pem = await exportSPKI((await importJWK(server.key.jwk, 'ES256')) as CryptoKey)
  const secrets = [pem, JSON.stringify(server.key.jwk)].map(text => new TextEncoder().encode(text))
  for (const secret of secrets) {
    const token = await new SignJWT(JSON.parse(Buffer.from(claims, 'base64url').toString()))
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: `${server.key.jwk.kid}` })
      .sign(secret)
    assert.deepEqual(await refusedBy(token), ['token_invalid', 'algorithm_not_allowed'])
  }
})

test('API guard attack: a token without a signature is refused [RFC 8725 §3.2]', async () => {
  const [, claims = '', signature = ''] = partsOf(await server.token())
  for (const alg of ['none', 'None', 'NONE', '']) {
    const header = headerOf({ alg, typ: 'at+jwt', kid: server.key.jwk.kid })
    for (const end of ['', signature])
      assert.deepEqual(await refusedBy(`${header}.${claims}.${end}`), [
        'token_invalid',
        'algorithm_not_allowed',
      ])
  }
})

test('API guard attack: a token with a changed claim or a foreign signature is refused', async () => {
  const [header = '', , signature = ''] = partsOf(await server.token())
  const [, changed = ''] = partsOf(await server.token({ sub: 'admin', scope: 'admin' }))
  assert.deepEqual(await refusedBy(`${header}.${changed}.${signature}`), [
    'token_invalid',
    'signature_invalid',
  ])
})

test('API guard attack: a token with a key of its own in its header is refused [RFC 8725 §3.10]', async () => {
  const own = await createKey('ES256')
  const claims = { iss: url, sub: 'admin', aud: 'urn:api', exp: server.now + 300, iat: server.now }
  const more = { jti: '1', client_id: 'app' }
  const headers = [
    { jwk: own.jwk },
    { jwk: own.jwk, kid: undefined },
    { jku: 'https://evil.example/jwks', kid: server.key.jwk.kid },
    { x5u: 'https://evil.example/cert', kid: server.key.jwk.kid },
  ]
  for (const header of headers) {
    const token = await sign({ ...claims, ...more }, own, { typ: 'at+jwt', ...header })
    const [reason, code] = await refusedBy(token)
    assert.equal(reason, 'token_invalid')
    assert.match(`${code}`, /^(?:key_not_found|signature_invalid)$/)
  }
})

test('API guard attack: a token of one trusted issuer that claims to be of another one is refused', async () => {
  const key = await createKey('ES256')
  const other = startTokenServer([key.jwk])
  const otherUrl = 'https://second.example'
  const second = createIssuer(otherUrl, {
    metadata: { issuer: otherUrl, jwks_uri: `${url}/jwks` },
    fetch: async () => Response.json({ keys: [key.jwk] }),
    now: () => other.now,
  })
  const both = guardOf([server.issuer, second])
  const claims = { sub: 'alice', aud: 'urn:api', exp: server.now + 300, iat: server.now, jti: '1' }
  const signed = (iss: string) => sign({ ...claims, iss, client_id: 'app' }, key, { typ: 'at+jwt' })
  const allowed = await both.check({ token: await signed(otherUrl) })
  assert.ok(allowed.ok)
  assert.equal(allowed.access.issuer, otherUrl)
  assert.equal(refusalOf(await both.check({ token: await signed(url) }))[0], 'token_invalid')
  assert.equal(both.events.at(-1)?.cause?.code, 'key_not_found')
})

test('API guard attack: an issuer that is spelled almost like a trusted one causes no request and is refused', async () => {
  for (const iss of [`${url}/`, `${url}.evil.example`, url.toUpperCase(), `${url}@evil.example`, [url]]) {
    const requests = server.requests
    assert.deepEqual(await refusedBy(await server.token({ iss })), ['issuer_untrusted', 'issuer_untrusted'])
    assert.equal(server.requests, requests)
  }
})

test('API guard attack: an ID token of the server is no access token [RFC 9068 §5]', async () => {
  const { access_token, id_token } = await api.signIn()
  const guarded = guardOf(api.trusted, { audience: ['urn:api', 'web'] })
  assert.ok((await guarded.check({ token: access_token })).ok)
  assert.equal(refusalOf(await guarded.check({ token: id_token }))[0], 'token_type_mismatch')
})

test('API guard attack: a token for another API of the same server is refused, as JWT and as reference token', async () => {
  const introspection = { client: api.introspection }
  const guarded = guardOf(api.trusted, { introspection })
  const jwt = await api.tokenOf('machine', 'other')
  assert.equal(refusalOf(await guarded.check({ token: jwt }))[0], 'audience_mismatch')
  const reference = await api.tokenOf('opaque', 'other')
  assert.equal(refusalOf(await guarded.check({ token: reference }))[0], 'token_inactive')
})

test('API guard attack: a refresh token is no access token, even if its client introspects it', async () => {
  const { refresh_token } = await api.signIn()
  const web = createClient({
    issuer: api.trusted,
    client_id: 'web',
    authentication: clientSecretBasic('secret'),
    fetch: api.fetch,
  })
  const introspection = { client: web, allowMissingAudience: true }
  const guarded = guardOf(api.trusted, { introspection })
  assert.equal(refusalOf(await guarded.check({ token: refresh_token }))[0], 'token_type_mismatch')
})

test('API guard attack: a token that expired at the server is refused after the clock tolerance', async () => {
  const world = await startApi()
  const guarded = guardOf(world.trusted)
  const token = await world.tokenOf('machine')
  world.server.clock.advance(3600 + 29)
  assert.ok((await guarded.check({ token })).ok)
  world.server.clock.advance(1)
  assert.equal(refusalOf(await guarded.check({ token }))[0], 'token_expired')
})

test('API guard attack: a stolen certificate-bound token is refused without its certificate [RFC 8705 §3]', async () => {
  const guarded = guardOf(api.trusted, { requireBound: true })
  const token = await api.tokenOf('bound', 'read', one)
  const certificateOf = (text: string): Uint8Array => Buffer.from(text, 'base64')
  const allowed = await guarded.check({ token, certificate: certificateOf(one) })
  assert.ok(allowed.ok)
  assert.deepEqual(allowed.access.claims.cnf, { 'x5t#S256': thumbprintOf(one) })
  assert.equal(refusalOf(await guarded.check({ token }))[0], 'certificate_missing')
  const other = await guarded.check({ token, certificate: certificateOf(two) })
  assert.equal(refusalOf(other)[0], 'certificate_mismatch')
  const unbound = await api.tokenOf('machine')
  const refused = await guarded.check({ token: unbound, certificate: certificateOf(one) })
  assert.equal(refusalOf(refused)[0], 'token_unbound')
})

test('API guard attack: nothing of a request gets into the challenge', async () => {
  const marks = ['evil', '\r\nset-cookie: evil=1', '"', '\\', '\u0000', 'é']
  for (const mark of marks)
    for (const request of [
      { headers: { authorization: mark } },
      { headers: { authorization: `Bearer ${mark}` } },
      { headers: { authorization: `${mark} token` } },
      { url: `/orders?access_token=${mark}`, method: mark },
      { token: `evil.${mark}` },
    ]) {
      const decision = await check(request)
      assert.ok(!decision.ok)
      const { headers, body } = decision.response
      for (const text of [...Object.values(headers), body]) {
        assert.match(text, /^[\x20-\x7E]*$/)
        assert.doesNotMatch(text, /evil/)
      }
    }
  const decision = await check({ token: await server.token({ aud: '"evil"\r\n', sub: 'evil' }) })
  assert.ok(!decision.ok)
  assert.doesNotMatch(JSON.stringify(decision.response), /evil/)
})

test('API guard attack: line breaks and other characters outside ASCII in the realm become question marks', async () => {
  const { check } = guardOf(server.issuer, { realm: 'é\r\nset-cookie: evil=1' })
  assert.equal(refusalOf(await check({}))[2], 'Bearer realm="???set-cookie: evil=1"')
})

test('API guard attack: a server can not make the clients of the API wait for long', async () => {
  const failing = startIssuer()
  const headers = { 'retry-after': '1000000' }
  const client = createClient({
    issuer: 'https://id.example',
    metadata: { issuer: 'https://id.example', introspection_endpoint: 'https://id.example/introspect' },
    client_id: 'api',
    fetch: async () => new Response('', { status: 503, headers }),
  })
  const guarded = guardOf([failing.issuer, client.issuer], { introspection: { client } })
  const decision = await guarded.check({ token: 'opaque-token' })
  assert.ok(!decision.ok)
  assert.equal(decision.response.status, 503)
  assert.equal(decision.response.headers['retry-after'], '300')
})

test('API guard attack: many tokens at the same time cause one request for the keys', async () => {
  const fresh = startIssuer()
  const guarded = guardOf(fresh.issuer)
  const tokens = await Promise.all(Array.from({ length: 50 }, (_, index) => fresh.token({ jti: `${index}` })))
  const decisions = await Promise.all(tokens.map(token => guarded.check({ token })))
  assert.ok(decisions.every(({ ok }) => ok))
  assert.equal(fresh.requests, 1)
})

test('API guard attack: after a key rotation, new tokens are allowed, and those of a removed key are refused', async () => {
  const rotating = startIssuer()
  const guarded = guardOf(rotating.issuer)
  const before = await rotating.token()
  assert.ok((await guarded.check({ token: before })).ok)
  const next = await createKey('ES256')
  rotating.keys = [next.jwk]
  const claims = { iss: url, sub: 'alice', aud: 'urn:api', exp: rotating.now + 3000, iat: rotating.now }
  const after = await sign({ ...claims, jti: '2', client_id: 'app' }, next, { typ: 'at+jwt' })
  assert.ok((await guarded.check({ token: after })).ok)
  assert.equal(refusalOf(await guarded.check({ token: before }))[0], 'token_invalid')
  assert.equal(guarded.events.at(-1)?.cause?.code, 'key_not_found')
})

const failures: Readonly<Record<string, () => Promise<Response>>> = {
  'the network fails': async () => {
    throw new TypeError('unreachable')
  },
  'the server is overloaded': async () => new Response('', { status: 503, headers: { 'retry-after': '7' } }),
  'there are no keys': async () => new Response('', { status: 404 }),
  'the keys are no JSON': async () => new Response('<html>'),
  'the keys are elsewhere': async () =>
    new Response('', { status: 302, headers: { location: 'https://evil.example' } }),
  'the keys are too large': async () => new Response('x'.repeat(2_000_000)),
}

for (const [name, respond] of Object.entries(failures))
  test(`API guard attack: while no token can be checked because ${name}, each request gets 503`, async () => {
    const failing = startIssuer()
    failing.keys = respond
    const guarded = guardOf(failing.issuer)
    const token = await failing.token()
    const decision = await guarded.check({ token })
    assert.deepEqual(refusalOf(decision), ['issuer_unavailable', 503, undefined])
    assert.ok(!decision.ok)
    assert.match(decision.response.headers['retry-after'] ?? '', /^\d+$/)
    failing.keys = [failing.key.jwk]
    failing.now += 60
    assert.ok((await guarded.check({ token: await failing.token({ exp: failing.now + 60 }) })).ok)
  })

test('API guard attack: while the metadata of the issuer can not be loaded, each request gets 503', async () => {
  const world = await startApi()
  const guarded = guardOf(world.trusted)
  const token = await world.tokenOf('machine')
  world.network.down = true
  assert.equal(refusalOf(await guarded.check({ token }))[1], 503)
  const wrong = createIssuer('https://id.example', {
    fetch: async () =>
      Response.json({ issuer: 'https://evil.example', jwks_uri: 'https://evil.example/jwks' }),
    now: world.server.clock.now,
  })
  const misled = guardOf(wrong)
  assert.equal(refusalOf(await misled.check({ token }))[1], 503)
  assert.equal(misled.events[0]?.cause?.code, 'issuer_mismatch')
})

/** Requirements that the guard checks itself, and the issuer that it has chosen by the token. */
const neverReached = [
  'issuer_mismatch',
  'client_mismatch',
  'authentication_too_old',
  'acr_mismatch',
  'insufficient_scope',
]

test('API guard: each code of a token that is not valid has a reason, so that no bad token gets 503', () => {
  const source = 'packages/client/src'
  const files = ['jwt/decode', 'jwt/verify', 'validation/access-token', 'validation/claims']
  const pattern = /(?:invalidToken\(|new ClientError\(\s*'\w+',)\s*'(\w+)'/g
  const codes = files.flatMap(file =>
    [...readText(`${source}/${file}.ts`).matchAll(pattern)].map(([, code = '']) => code),
  )
  assert.ok(codes.length > 15, `only ${codes.length} codes were found`)
  const table = readText(`${source}/api/token-check.ts`)
  const missing = codes.filter(code => !neverReached.includes(code) && !table.includes(`  ${code}: '`))
  assert.deepEqual(missing, [])
})
