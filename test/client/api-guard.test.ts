/** Decisions of the guard of an API, with the challenge of each refusal (RFC 6750 §3, RFC 9470 §3). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { type ApiGuardOptions, createApiGuard, type Requirements } from '@tessera/client/api'
import { readText } from '../support/repository.ts'
import { guardOf, type Request, refusalOf, startApi, startIssuer } from './api-world.ts'
import { now } from './token-server.ts'

const api = await startApi()
const server = startIssuer()

test('API guard: a JWT of the server is allowed, with its claims, subject, client and scopes', async () => {
  const { check, events } = guardOf(api.trusted)
  const decision = await check({ token: await api.tokenOf('machine', 'read write') }, { scope: 'read' })
  assert.ok(decision.ok)
  const { access } = decision
  assert.equal(access.issuer, api.issuer)
  assert.equal(access.subject, 'machine')
  assert.equal(access.client_id, 'machine')
  assert.deepEqual(access.scopes, ['read', 'write'])
  assert.equal(access.claims.aud, 'urn:api')
  assert.equal(access.expires_at, api.server.clock.now() + 3600)
  assert.equal(access.source, 'jwt')
  assert.deepEqual(decision.headers, {})
  const known = { issuer: api.issuer, subject: 'machine', client_id: 'machine', source: 'jwt' }
  assert.deepEqual(events, [{ reason: 'allowed', method: 'GET', url: '/orders', ...known }])
})

test('API guard: an access contains its token for token exchange, but neither a log nor JSON of it does', async () => {
  const { check } = guardOf(api.trusted)
  const token = await api.tokenOf('machine')
  const decision = await check({ token })
  assert.ok(decision.ok)
  assert.equal(decision.access.token, token)
  for (const text of [
    JSON.stringify(decision),
    inspect(decision, { depth: 9 }),
    inspect({ ...decision.access }),
  ])
    assert.ok(!text.includes(token))
})

test('API guard: an access can not be changed', async () => {
  const { check } = guardOf(server.issuer)
  const decision = await check({ token: await server.token({ roles: ['user'] }) })
  assert.ok(decision.ok)
  const { access } = decision
  assert.throws(() => (access.claims.roles as string[]).push('admin'), TypeError)
  assert.throws(() => (access.scopes as string[]).push('admin'), TypeError)
})

const bearer = (parameters: string): string => `Bearer ${parameters}`
const invalidToken = (description: string): string =>
  bearer(`error="invalid_token", error_description="${description}"`)
const invalidRequest = (description: string): string =>
  bearer(`error="invalid_request", error_description="${description}"`)

const refusedRequests: Readonly<
  Record<string, readonly [Request, reason: string, status: number, challenge: string]>
> = {
  'without a token [RFC 6750 §3.1]': [{}, 'token_missing', 401, bearer('realm="urn:api"')],
  'with another scheme [RFC 6750 §3.1]': [
    { headers: { authorization: 'Basic bWFjaGluZTpzZWNyZXQ=' } },
    'scheme_unsupported',
    401,
    bearer('realm="urn:api"'),
  ],
  'with several Authorization headers': [
    { headers: { authorization: ['Bearer one', 'Bearer two'] } },
    'authorization_repeated',
    400,
    invalidRequest('the request has several Authorization headers'),
  ],
  'with several Authorization headers that were joined': [
    { headers: { authorization: 'Bearer one, Bearer two' } },
    'authorization_repeated',
    400,
    invalidRequest('the request has several Authorization headers'),
  ],
  'with a scheme but no token': [
    { headers: { authorization: 'Bearer' } },
    'authorization_malformed',
    400,
    invalidRequest('the Authorization header is malformed'),
  ],
  'with an empty Authorization header': [
    { headers: { authorization: '' } },
    'authorization_malformed',
    400,
    invalidRequest('the Authorization header is malformed'),
  ],
  'with a token of other characters [RFC 6750 §2.1]': [
    { headers: { authorization: 'Bearer a"b' } },
    'token_malformed',
    401,
    invalidToken('the access token contains characters that are not allowed'),
  ],
  'with a token that is too long': [
    { headers: { authorization: `Bearer ${'x'.repeat(8193)}` } },
    'token_too_long',
    401,
    invalidToken('the access token is too long'),
  ],
  'with an Authorization header that is too long': [
    { headers: { authorization: 'x'.repeat(1_000_000) } },
    'token_too_long',
    401,
    invalidToken('the access token is too long'),
  ],
  'with a token in its query [RFC 6750 §2.3]': [
    { url: '/orders?access_token=one' },
    'token_in_query',
    400,
    invalidRequest('the access token must be in the Authorization header, not in the query'),
  ],
  'with a token in its query under an encoded name': [
    { url: '/orders?a=b&access%5Ftoken=one' },
    'token_in_query',
    400,
    invalidRequest('the access token must be in the Authorization header, not in the query'),
  ],
  'with a token in its form [RFC 6750 §2.2]': [
    {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: { access_token: 'one' },
    },
    'token_in_body',
    400,
    invalidRequest('the access token must be in the Authorization header, not in the body'),
  ],
}

for (const [name, [request, ...expected]] of Object.entries(refusedRequests))
  test(`API guard: a request is refused ${name}`, async () => {
    const { check, events } = guardOf(server.issuer)
    const decision = await check(request)
    assert.deepEqual(refusalOf(decision), expected)
    assert.equal(events[0]?.reason, expected[0])
    assert.equal(events[0]?.status, expected[1])
    assert.doesNotMatch(events[0]?.url ?? '', /access/)
  })

test('API guard: a JSON member with the name of a token is no token', async () => {
  const { check } = guardOf(server.issuer)
  const request = { headers: { 'content-type': 'application/json' }, body: { access_token: 'one' } }
  assert.equal(refusalOf(await check(request))[0], 'token_missing')
})

test('API guard: a token in the query or in a form is accepted if the API says so, but only one token', async () => {
  const { check } = guardOf(server.issuer, { bearer_methods_supported: ['header', 'query', 'body'] })
  const token = await server.token()
  const inQuery = await check({ url: `/events?access_token=${token}` })
  assert.ok(inQuery.ok)
  assert.equal(inQuery.headers['cache-control'], 'private')
  const form = {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: { access_token: token },
  }
  assert.ok((await check(form)).ok)
  for (const twice of [
    { token, url: `/events?access_token=${token}` },
    { url: `/events?access_token=${token}&access_token=${token}` },
    { ...form, body: { access_token: [token, token] } },
    { ...form, url: `/events?access_token=${token}` },
  ])
    assert.equal(refusalOf(await check(twice))[0], 'token_repeated')
})

test('API guard: a token in the header is not read if the API accepts tokens elsewhere only', async () => {
  const { check } = guardOf(server.issuer, { bearer_methods_supported: ['query'] })
  const token = await server.token()
  assert.ok((await check({ url: `/events?access_token=${token}` })).ok)
  assert.equal(refusalOf(await check({ token }))[0], 'token_missing')
})

const refusedTokens: Readonly<
  Record<string, readonly [claims: object, header: object, reason: string, challenge: string]>
> = {
  'that has expired': [{ exp: now - 31 }, {}, 'token_expired', invalidToken('the access token has expired')],
  'of another issuer': [
    { iss: 'https://evil.example' },
    {},
    'issuer_untrusted',
    invalidToken('the access token is from another issuer'),
  ],
  'without an issuer': [
    { iss: undefined },
    {},
    'issuer_untrusted',
    invalidToken('the access token is from another issuer'),
  ],
  'for another API': [
    { aud: ['urn:other'] },
    {},
    'audience_mismatch',
    invalidToken('the access token is for another resource'),
  ],
  'of another type, such as an ID token [RFC 9068 §4]': [
    {},
    { typ: 'JWT' },
    'token_type_mismatch',
    invalidToken('the token is not an access token'),
  ],
  'with a claim of the wrong type': [
    { sub: 7 },
    {},
    'token_invalid',
    invalidToken('the access token is not valid'),
  ],
  'that is not valid yet': [
    { nbf: now + 31 },
    {},
    'token_invalid',
    invalidToken('the access token is not valid'),
  ],
  'that is bound to a certificate that is missing [RFC 8705 §3]': [
    { cnf: { 'x5t#S256': 'x' } },
    {},
    'certificate_missing',
    invalidToken('the access token is bound to a client certificate'),
  ],
  'that is bound to a key of DPoP, as a bearer token [RFC 9449 §7.2]': [
    { cnf: { jkt: 'x' } },
    {},
    'confirmation_unsupported',
    invalidToken('the access token is bound to a key in a way that is not supported'),
  ],
  'that is bound to a key in an unknown way': [
    { cnf: { jwk: { kty: 'EC' } } },
    {},
    'confirmation_unsupported',
    invalidToken('the access token is bound to a key in a way that is not supported'),
  ],
  'with an empty confirmation': [
    { cnf: {} },
    {},
    'confirmation_unsupported',
    invalidToken('the access token is bound to a key in a way that is not supported'),
  ],
}

for (const [name, [claims, header, reason, challenge]] of Object.entries(refusedTokens))
  test(`API guard: a token is refused ${name}`, async () => {
    const { check } = guardOf(server.issuer)
    const decision = await check({ token: await server.token(claims, header) })
    assert.deepEqual(refusalOf(decision), [reason, 401, challenge])
    assert.ok(!decision.ok)
    assert.equal(JSON.parse(decision.response.body).error, 'invalid_token')
  })

test('API guard: an opaque token is refused if the API does not introspect', async () => {
  const decision = await guardOf(api.trusted).check({ token: await api.tokenOf('opaque') })
  assert.deepEqual(refusalOf(decision), [
    'token_unrecognized',
    401,
    invalidToken('the access token is not valid'),
  ])
})

const insufficient = (parameters: string): string =>
  bearer(
    `error="insufficient_scope", error_description="the access token lacks a required scope", scope="${parameters}"`,
  )
const stepUp = (description: string, parameters: string): string =>
  bearer(`error="insufficient_user_authentication", error_description="${description}", ${parameters}`)
const otherLevel = 'a different authentication level is required'
const moreRecent = 'a more recent authentication is required'
const user = { acr: 'pwd', auth_time: now - 100 }

const unmet: Readonly<
  Record<string, readonly [Requirements, claims: object, reason: string, status: number, challenge: string]>
> = {
  'a scope [RFC 6750 §3.1]': [
    { scope: 'read admin' },
    {},
    'scope_insufficient',
    403,
    insufficient('read admin'),
  ],
  'a scope, if the token has none': [
    { scope: ['read'] },
    { scope: undefined },
    'scope_insufficient',
    403,
    insufficient('read'),
  ],
  'a scope that the scope of the token only starts like': [
    { scope: 'read' },
    { scope: 'reader' },
    'scope_insufficient',
    403,
    insufficient('read'),
  ],
  'one of several scopes': [
    { scope: 'read', anyScope: 'admin support' },
    {},
    'scope_insufficient',
    403,
    insufficient('read admin'),
  ],
  'an authentication context class [RFC 9470 §3]': [
    { acr_values: ['mfa', 'hwk'], max_age: 60 },
    user,
    'acr_insufficient',
    401,
    stepUp(otherLevel, 'acr_values="mfa hwk", max_age="60"'),
  ],
  'an authentication context class, if the token has none': [
    { acr_values: 'mfa' },
    {},
    'acr_insufficient',
    401,
    stepUp(otherLevel, 'acr_values="mfa"'),
  ],
  'a recent authentication [RFC 9470 §3]': [
    { max_age: 69 },
    user,
    'authentication_too_old',
    401,
    stepUp(moreRecent, 'max_age="69"'),
  ],
  'a recent authentication, if no user signed in': [
    { max_age: 3600 },
    {},
    'authentication_too_old',
    401,
    stepUp(moreRecent, 'max_age="3600"'),
  ],
  'another client': [{ client_ids: ['web'] }, {}, 'client_not_allowed', 403, bearer('realm="urn:api"')],
  'no client at all': [{ client_ids: [] }, {}, 'client_not_allowed', 403, bearer('realm="urn:api"')],
  'a check of the application': [
    { check: ({ subject }) => subject === 'bob' },
    {},
    'check_failed',
    403,
    bearer('realm="urn:api"'),
  ],
  'a check of the application that returns nothing': [
    { check: async () => undefined },
    {},
    'check_failed',
    403,
    bearer('realm="urn:api"'),
  ],
  'what a check of the application requires in addition': [
    { scope: 'read', check: () => ({ acr_values: 'mfa', check: () => true }) },
    {},
    'acr_insufficient',
    401,
    bearer(
      `error="insufficient_user_authentication", error_description="${otherLevel}", scope="read", acr_values="mfa"`,
    ),
  ],
}

for (const [name, [requirements, claims, ...expected]] of Object.entries(unmet))
  test(`API guard: a token is refused if the route requires ${name}`, async () => {
    const { check, events } = guardOf(server.issuer)
    const decision = await check({ token: await server.token(claims) }, requirements)
    assert.deepEqual(refusalOf(decision), expected)
    assert.equal(events[0]?.client_id, 'app')
    assert.equal(events[0]?.subject, 'alice')
  })

const met: readonly (readonly [Requirements, claims: object])[] = [
  [{}, {}],
  [{ scope: 'write read' }, {}],
  [{ scope: 'read' }, { scope: ['read', 'write'] }],
  [{ anyScope: 'admin write' }, {}],
  [{ acr_values: 'mfa pwd', max_age: 100 }, user],
  [{ max_age: 70 }, user],
  [{ client_ids: ['web', 'app'] }, {}],
  [{ check: (access, { method }) => access.subject === 'alice' && method === 'GET' }, {}],
  [{ check: async () => ({ scope: 'write' }) }, {}],
]

for (const [index, [requirements, claims]] of met.entries())
  test(`API guard: a token that meets the requirements of a route is allowed (${index})`, async () => {
    const { check } = guardOf(server.issuer, { typ: 'any' })
    const decision = await check({ token: await server.token(claims) }, requirements)
    assert.ok(decision.ok, decision.ok ? '' : decision.reason)
  })

test('API guard: the sign-in of a user of the server is checked [RFC 9470 §3]', async () => {
  const { check } = guardOf(api.trusted)
  const { access_token: token } = await api.signIn({ acr: 'pwd', auth_time: api.server.clock.now() - 100 })
  const allowed = await check({ token }, { acr_values: 'pwd', max_age: 100 })
  assert.ok(allowed.ok)
  assert.equal(allowed.access.subject, '88421113')
  assert.equal(refusalOf(await check({ token }, { acr_values: 'mfa' }))[0], 'acr_insufficient')
  assert.equal(refusalOf(await check({ token }, { max_age: 60 }))[0], 'authentication_too_old')
})

test('API guard: a check of the application that throws lets the call fail instead of allowing it', async () => {
  const { check } = guardOf(server.issuer)
  const requirements = {
    check: () => {
      throw new Error('database unreachable')
    },
  }
  await assert.rejects(check({ token: await server.token() }, requirements), /database unreachable/)
})

test('API guard: a hook that throws lets the call fail instead of allowing it', async () => {
  const hooks = {
    decided: () => {
      throw new Error('the log is full')
    },
  }
  const { check } = guardOf(server.issuer, { hooks })
  await assert.rejects(check({ token: await server.token() }), /the log is full/)
  await assert.rejects(check({}), /the log is full/)
})

test('API guard: each reason is documented with its status, and no other one', () => {
  const [, table = ''] =
    /^## Reasons\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(readText('docs/client/protect-apis.md')) ?? []
  const documented = [...table.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(
    ([, reason, status]) => `${reason} ${status}`,
  )
  const source = readText('packages/client/src/api/refusal.ts')
  const definitions = source.slice(source.indexOf('const definitions'), source.indexOf('as const satisfies'))
  const statuses: Readonly<Record<string, number>> = { request: 400, token: 401 }
  const defined = [...definitions.matchAll(/^ {2}(\w+): (?:(request|token)\(|\{\s*status: (\d+))/gm)].map(
    ([, reason, kind = '', status]) => `${reason} ${status ?? statuses[kind]}`,
  )
  assert.ok(defined.length > 20, `only ${defined.length} reasons were found`)
  assert.deepEqual(documented.toSorted(), defined.toSorted())
})

test('API guard: without a token, the challenge names the scope of the route and the realm of the API', async () => {
  const { check } = guardOf(server.issuer, { realm: 'Orders "live"' })
  const [, , challenge] = refusalOf(await check({}, { scope: 'read', anyScope: 'write' }))
  assert.equal(challenge, 'Bearer realm="Orders \\"live\\"", scope="read write"')
})

test('API guard: an option or requirement that can not work is a TypeError when the guard is made', () => {
  const options: readonly Partial<ApiGuardOptions>[] = [
    { audience: '' },
    { audience: [] },
    { audience: undefined as never },
    { resource: 'http://api.example' },
    { resource: 'https://api.example/#part' },
    { resource: 'urn:api' },
    { validation: 'introspection' },
    { validation: 'jwt-and-introspection' },
    { validation: 'jwt', introspection: { client: api.introspection } },
    { introspection: { client: [] } },
    { introspection: { client: api.introspection } },
    { schemes: [{ name: 'bearer', confirmation: 'jkt', verify: async () => ({ ok: true }) }] },
    { schemes: [{ name: 'A, B', confirmation: 'jkt', verify: async () => ({ ok: true }) }] },
  ]
  for (const one of options) assert.throws(() => guardOf(server.issuer, one), TypeError, JSON.stringify(one))
  assert.throws(() => createApiGuard([], { audience: 'urn:api' }), TypeError)
  const { guard } = guardOf(server.issuer)
  for (const one of [
    { scope: '' },
    { scope: [] },
    { anyScope: ['a b'] },
    { scope: ['read"\r\nset-cookie: a=b'] },
    { acr_values: ['\n'] },
    { max_age: -1 },
    { max_age: Number.NaN },
  ])
    assert.throws(() => guard.requires(one), TypeError, JSON.stringify(one))
})
