/** The guard of an API with DPoP (RFC 9449 §7), given proofs of the library and proofs that jose signs. */

import assert from 'node:assert/strict'
import { hash, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import {
  type DpopSchemeOptions,
  dpopScheme,
  memoryReplays,
  type ReplayStore,
  type TokenScheme,
} from '@tessera/client/api'
import { createDpop, generateDpopKey } from '@tessera/client/dpop'
import { exportJWK, SignJWT } from 'jose'
import { guardOf, type Request, refusalOf, startIssuer } from './api-world.ts'
import { now } from './token-server.ts'

const origin = 'https://api.example'
const server = startIssuer()
const pair = await generateDpopKey({ extractable: true })
const jwk = await exportJWK(pair.publicKey)
const clock = { now: () => now }
const key = await createDpop(pair, clock)
const other = await createDpop(undefined, clock)
const bound = await server.token({ cnf: { jkt: key.jkt } })

const dpop = (options: Partial<DpopSchemeOptions> = {}): TokenScheme =>
  dpopScheme({ url: origin, ...clock, ...options })
const guardWith = (options?: Partial<DpopSchemeOptions>) =>
  guardOf(server.issuer, { schemes: [dpop(options)] })

/** A request with a proof of one of the keys. */
async function proven(token: string, by = key, url = '/orders'): Promise<Request> {
  const proof = await by.headers({ method: 'GET', url: `${origin}${url}`, accessToken: token })
  return { headers: { authorization: `DPoP ${token}`, ...proof } }
}

/** A request with a proof that jose signs, in which claims and header are changed. */
async function signed(claims: object = {}, header: object = {}): Promise<Request> {
  const ath = hash('sha256', bound, 'base64url')
  const valid = { jti: randomUUID(), htm: 'GET', htu: `${origin}/orders`, iat: now, ath }
  const proof = await new SignJWT({ ...valid, ...claims })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header })
    .sign(pair.privateKey)
  return withProof(proof)
}
const withProof = (proof: string | readonly string[]): Request => ({
  headers: { authorization: `DPoP ${bound}`, dpop: proof },
})

test('API guard with DPoP: a bound token with its proof is allowed', async () => {
  const { check } = guardWith()
  const decision = await check(await proven(bound), { scope: 'read' })
  assert.ok(decision.ok)
  assert.equal(decision.access.subject, 'alice')
  assert.equal(decision.access.token, bound)
  assert.deepEqual(decision.headers, {})
  assert.ok((await check(await signed())).ok)
})

test('API guard with DPoP: without a token, there is a challenge for each scheme', async () => {
  const { check } = guardWith({ algorithms: ['ES256', 'Ed25519'] })
  assert.deepEqual(refusalOf(await check({}, { scope: 'read' })), [
    'token_missing',
    401,
    'Bearer scope="read", DPoP scope="read", algs="ES256 Ed25519"',
  ])
})

const refusedTokens: Readonly<
  Record<string, readonly [request: () => Promise<Request>, reason: string, scheme: string]>
> = {
  'as a bearer token [RFC 9449 §7.2]': [async () => ({ token: bound }), 'bound_token_as_bearer', 'Bearer'],
  'as a bearer token with its proof': [
    async () => ({ headers: { ...(await proven(bound)).headers, authorization: `Bearer ${bound}` } }),
    'bound_token_as_bearer',
    'Bearer',
  ],
  'that is not bound': [async () => proven(await server.token()), 'token_unbound', 'DPoP'],
  'that is bound to a certificate instead': [
    async () => proven(await server.token({ cnf: { 'x5t#S256': 'x' } })),
    'token_unbound',
    'DPoP',
  ],
  'that is bound to a certificate as well': [
    async () => proven(await server.token({ cnf: { jkt: key.jkt, 'x5t#S256': 'x' } })),
    'certificate_missing',
    'DPoP',
  ],
}

for (const [name, [request, reason, scheme]] of Object.entries(refusedTokens))
  test(`API guard with DPoP: a token is refused ${name}`, async () => {
    const [actual, status, challenge = ''] = refusalOf(await guardWith().check(await request()))
    assert.deepEqual([actual, status], [reason, 401])
    assert.ok(challenge.includes(`${scheme} error="invalid_token"`), challenge)
    assert.equal(challenge.split('error=').length, 2, challenge)
  })

const [, payload = '', signature = ''] = `${(await signed()).headers?.dpop}`.split('.')
const encoded = (header: object): string => Buffer.from(JSON.stringify(header)).toString('base64url')
const exported = await crypto.subtle.exportKey('jwk', pair.privateKey)

const refusedProofs: Readonly<Record<string, readonly [code: string, request: () => Promise<Request>]>> = {
  'is missing': ['proof_missing', async () => ({ headers: { authorization: `DPoP ${bound}` } })],
  'is repeated': [
    'proof_repeated',
    async () => withProof([await signed(), await signed()].map(({ headers }) => `${headers?.dpop}`)),
  ],
  'is repeated in one line': [
    'proof_repeated',
    async () =>
      withProof([await signed(), await signed()].map(({ headers }) => `${headers?.dpop}`).join(', ')),
  ],
  'is too long': ['proof_too_long', async () => withProof('a'.repeat(12_289))],
  'is no JWT': ['token_malformed', async () => withProof('a.b')],
  'is by another key': ['proof_key_mismatch', () => proven(bound, other)],
  'has no key': ['proof_key_invalid', () => signed({}, { jwk: undefined })],
  'has a symmetric key': ['proof_key_invalid', () => signed({}, { jwk: { kty: 'oct', k: 'a' } })],
  'has a private key': ['proof_key_private', () => signed({}, { jwk: exported })],
  'has a key with a large exponent': [
    'proof_key_invalid',
    () => signed({}, { jwk: { kty: 'RSA', n: 'n', e: 'AAAAAAAAAQAB' } }),
  ],
  'is of another type': ['type_mismatch', () => signed({}, { typ: 'JWT' })],
  'needs an extension': [
    'critical_header',
    async () =>
      withProof(
        `${encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk, crit: ['x'], x: 1 })}.${payload}.${signature}`,
      ),
  ],
  'is not signed': [
    'algorithm_not_allowed',
    async () => withProof(`${encoded({ typ: 'dpop+jwt', alg: 'none', jwk })}.${payload}.`),
  ],
  'is signed with a secret': [
    'algorithm_not_allowed',
    async () => withProof(`${encoded({ typ: 'dpop+jwt', alg: 'HS256', jwk })}.${payload}.${signature}`),
  ],
  'has a wrong signature': [
    'signature_invalid',
    async () => withProof(`${`${(await signed()).headers?.dpop}`.replace(/[^.]+$/, signature)}`),
  ],
  'is for another method': ['proof_method_mismatch', () => signed({ htm: 'POST' })],
  'is for a method in lower case': ['proof_method_mismatch', () => signed({ htm: 'get' })],
  'is for another path': ['proof_url_mismatch', () => proven(bound, key, '/other')],
  'is for another origin': ['proof_url_mismatch', () => signed({ htu: 'https://other.example/orders' })],
  'is for another scheme': ['proof_url_mismatch', () => signed({ htu: 'http://api.example/orders' })],
  'is for no URL': ['proof_url_mismatch', () => signed({ htu: '/orders' })],
  'has expired': ['proof_expired', () => signed({ iat: now - 91 })],
  'is from the future': ['issued_in_future', () => signed({ iat: now + 31 })],
  'has no time': ['proof_expired', () => signed({ iat: undefined })],
  'has no id': ['proof_id_invalid', () => signed({ jti: '' })],
  'has a long id': ['proof_id_invalid', () => signed({ jti: 'a'.repeat(257) })],
  'is for another token': ['proof_token_mismatch', () => signed({ ath: hash('sha256', 'a', 'base64url') })],
  'is for no token': ['proof_token_mismatch', () => signed({ ath: undefined })],
}

for (const [name, [code, request]] of Object.entries(refusedProofs))
  test(`API guard with DPoP: a proof is refused that ${name} [RFC 9449 §4.3]`, async () => {
    const { check, events } = guardWith()
    const [reason, status, challenge = ''] = refusalOf(await check(await request()))
    assert.deepEqual([reason, status, events[0]?.cause?.code], ['proof_refused', 401, code])
    assert.match(challenge, /DPoP error="invalid_dpop_proof",.* algs="/)
    assert.ok(!`${events[0]?.cause?.message}`.includes(bound))
  })

test('API guard with DPoP: URLs are compared in their normal form [RFC 9449 §4.3]', async () => {
  const { check } = guardWith({ url: ['https://API.example:443/', 'https://proxy.example/api/'] })
  for (const [htu, url] of [
    ['HTTPS://api.example:443/orders', '/orders'],
    ['https://api.example/orders?a=b#c', '/orders?d=e'],
    ['https://api.example/%6frders/%c3%A4', '/orders/%C3%a4'],
    ['https://api.example/a/../orders', '/orders'],
    ['https://proxy.example/api/orders', 'http://127.0.0.1:8080/orders'],
    ['https://api.example', '*'],
  ] as const) {
    const decision = await check({ ...(await signed({ htu })), url })
    assert.ok(decision.ok, htu)
  }
  for (const [htu, url] of [
    ['https://api.example/a%2Fb', '/a/b'],
    ['https://api.example/Orders', '/orders'],
    ['https://api.example/orders/', '/orders'],
    ['https://evil.example/orders', '//evil.example/orders'],
  ] as const)
    assert.equal(refusalOf(await check({ ...(await signed({ htu })), url }))[0], 'proof_refused', htu)
})

test('API guard with DPoP: a proof is accepted once, also of requests at the same time [RFC 9449 §11.1]', async () => {
  const { check, events } = guardWith()
  const request = await proven(bound)
  const decisions = await Promise.all([check(request), check(request), check(request)])
  assert.equal(decisions.filter(({ ok }) => ok).length, 1)
  assert.equal(events.filter(({ cause }) => cause?.code === 'proof_replayed').length, 2)
  // The same id is another proof for another URL.
  const [first, second] = [await signed({ jti: 'a' }), await signed({ jti: 'a', htu: `${origin}/b` })]
  assert.ok((await check(first)).ok)
  assert.ok((await check({ ...second, url: '/b' })).ok)
  // And for another key: whoever sees an id can't use it up for its sender.
  const stranger = await generateDpopKey({ extractable: true })
  const token = await server.token({ cnf: { jkt: (await createDpop(stranger, clock)).jkt } })
  const ath = hash('sha256', token, 'base64url')
  const proof = await new SignJWT({ jti: 'a', htm: 'GET', htu: `${origin}/orders`, iat: now, ath })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: await exportJWK(stranger.publicKey) })
    .sign(stranger.privateKey)
  assert.ok((await check({ headers: { authorization: `DPoP ${token}`, dpop: proof } })).ok)
})

test('API guard with DPoP: processes with a common store accept a proof once, and a store that fails allows nothing', async () => {
  const known = new Map<string, number>()
  const replays: ReplayStore = {
    add: async (id, expires_at) => !known.has(id) && known.set(id, expires_at) !== undefined,
  }
  const request = await proven(bound)
  assert.ok((await guardWith({ replays }).check(request)).ok)
  assert.equal(refusalOf(await guardWith({ replays }).check(request))[0], 'proof_refused')
  // As long as the proof would be accepted.
  assert.deepEqual([...known.values()], [now + 90])
  const failing = guardWith({ replays: { add: () => Promise.reject(new Error('store')) } })
  await assert.rejects(failing.check(await proven(bound)), /store/)
})

test('API guard with DPoP: the memory of proofs is limited, and forgets those that have expired', () => {
  let at = now
  const { add } = memoryReplays({ maxEntries: 2, now: () => at })
  assert.deepEqual([add('a', now + 5), add('b', now + 10), add('c', now + 10)], [true, true, false])
  at = now + 6
  assert.deepEqual([add('c', now + 20), add('d', now + 20), add('b', now + 20)], [true, false, false])
})

test('API guard with DPoP: a key that floods the memory is refused alone, and no proof can be used twice', async () => {
  let at = now
  const replays = memoryReplays({ maxEntries: 1000, now: () => at })
  const flood = (jkt: string): number => {
    const ids = Array.from({ length: 2000 }, (_, index) => `${jkt} ${index}`)
    return ids.filter(id => replays.add(id, now + 90, jkt)).length
  }
  assert.deepEqual(['a', 'b', 'a', 'c'].map(flood), [900, 1, 0, 1])
  assert.equal(replays.add('a 0', now + 90, 'a'), false)
  assert.equal(replays.add('a 0', now + 90, 'd'), false)
  // Other clients are not refused, nor are their proofs forgotten.
  const { check } = guardWith({ replays })
  const request = await proven(bound)
  assert.ok((await check(request)).ok)
  assert.equal(refusalOf(await check(request))[0], 'proof_refused')
  for (let other = 0; other < 97; other++) assert.equal(flood(`other ${other}`), 1)
  // Full: nothing is accepted, and nothing is forgotten.
  assert.equal(flood('e'), 0)
  assert.equal(refusalOf(await check(request))[0], 'proof_refused')
  at += 91
  assert.deepEqual(['a', 'b'].map(flood), [900, 1])
})

test('API guard with DPoP: the client gets a nonce, and uses it [RFC 9449 §9]', async () => {
  let at = now
  const options = { nonceSecret: 'a secret of thirty-two characters', now: () => at }
  const { check, events } = guardWith(options)
  const client = await createDpop(pair, { now: () => at })
  const about = { method: 'GET', url: `${origin}/orders`, accessToken: bound }
  const refused = await check(await proven(bound, client))
  assert.ok(!refused.ok)
  const { status, headers, body } = refused.response
  assert.match(headers['www-authenticate'] ?? '', /DPoP error="use_dpop_nonce"/)
  assert.equal(events[0]?.cause?.code, 'proof_nonce_invalid')
  assert.ok(await client.received?.(about, { status, headers: new Headers(headers), body }))
  const second = await check(await proven(bound, client))
  assert.deepEqual(second.ok && second.headers, {})

  // Another process with the same secret accepts it. An aging nonce is accepted, and replaced.
  at += 240
  const third = await guardWith(options).check(await proven(bound, client))
  assert.ok(third.ok)
  assert.ok(third.headers['dpop-nonce'])
  assert.notEqual(third.headers['dpop-nonce'], headers['dpop-nonce'])
  at += 60
  assert.equal(refusalOf(await check(await proven(bound, client)))[0], 'proof_refused')
})

test('API guard with DPoP: options that are malformed are refused', () => {
  for (const url of ['', '/orders', 'ftp://api.example', `${origin}?a=b`, []])
    assert.throws(() => dpopScheme({ url }), TypeError)
  assert.throws(() => dpopScheme({ url: origin, nonceSecret: 'short' }), /32 characters/)
})

test('API guard: without another scheme, its credentials count as none, and its tokens are refused as bearer', async () => {
  const { check } = guardOf(server.issuer)
  assert.equal(refusalOf(await check({ token: bound }))[0], 'confirmation_unsupported')
  assert.equal(refusalOf(await check(await proven(bound)))[0], 'scheme_unsupported')
})
