/** Who may call the admin API, and requests that it refuses. The rows come from the descriptions of the operations. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { ok } from '@tessera/protocol/result'
import { authenticateCaller } from '../../packages/server/src/endpoints/admin/caller.ts'
import type { Descriptions } from '../../packages/server/src/endpoints/admin/operation.ts'
import { adminOperations } from '../../packages/server/src/endpoints/admin/operations.ts'
import { problems } from '../../packages/server/src/endpoints/admin/problem.ts'
import { type AdminScope, adminScopes } from '../../packages/server/src/model/admin-api.ts'
import { adminToken, adminWorld, startAdmin } from '../support/admin.ts'
import { readText } from '../support/repository.ts'
import { type Answer, claimsOf, createTestServer, type SendOptions } from '../support/tessera.ts'

const { server, call, token } = await startAdmin({
  ...adminWorld,
  users: [...adminWorld.users, { sub: '7', username: 'alice', password: 'wonderland', claims: {} }],
  mtls: { certificate_header: 'x-client-cert', trusted_proxies: ['10.0.0.0/8'] },
  tenants: [
    {
      ...{ name: 'acme', issuer: 'path', admin_api: { enabled: true } },
      clients: [adminWorld.clients[0]],
    },
  ],
  clients: [
    ...adminWorld.clients,
    { ...adminWorld.clients[0], client_id: 'bound', tls_client_certificate_bound_access_tokens: true },
    { ...adminWorld.clients[0], client_id: 'opaque', access_token_type: 'reference' },
  ],
})
const base = '/admin/api/v1'
const operations = Object.entries(adminOperations)
const pathOf = (path: string): string => path.replaceAll(/\{\w+\}/g, 'x')

const sendWith = (
  bearer: string | undefined,
  method = 'GET',
  path = '/users',
  options: SendOptions = {},
): Promise<Answer> =>
  server.send(method, base + path, {
    ...options,
    headers: { ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }), ...options.headers },
  })

/** Asserts a refusal and its logged reason. */
function assertProblem(answer: Answer, status: number, reason: string, logged: string = reason): void {
  assert.deepEqual(
    { status: answer.status, reason: answer.json?.reason, logged: answer.reason },
    { status, reason, logged },
    answer.body,
  )
  assert.equal(answer.headers['content-type'], 'application/problem+json')
  assert.equal(answer.json.type, `urn:tessera:problem:${reason}`)
  assert.match(String(answer.headers['cache-control']), /no-store/)
  assert.equal(answer.headers['set-cookie'], undefined)
}

test('admin callers: each operation needs its own scope, and no other one suffices', async () => {
  for (const [id, { method, path, scope }] of operations) {
    const others = adminScopes.filter(name => name !== scope)
    const refused = await sendWith(await adminToken(server, others), method, pathOf(path))
    assertProblem(refused, 403, 'admin_scope_missing')
    assert.equal(
      refused.headers['www-authenticate'],
      `Bearer realm="tessera", error="insufficient_scope", error_description="the scope ${scope} is required", scope="${scope}"`,
    )
    const allowed = await sendWith(await adminToken(server, scope), method, pathOf(path))
    assert.ok(![401, 403].includes(allowed.status), `${id}: ${allowed.body}`)
    assertProblem(await sendWith(undefined, method, pathOf(path)), 401, 'admin_token_missing')
    // One operation revokes everything that was issued until now, the token that it is sent with among it.
    server.clock.advance(2)
  }
})

test('admin callers: tokens that are not for this API alone are refused', async () => {
  const ofClient = (scope: string, more: object = {}) =>
    server
      .token(
        { grant_type: 'client_credentials', scope, ...more },
        { client: ['operator', 'a-secret-of-an-operator'] },
      )
      .then(({ json }) => json.access_token as string)
  const both = await ofClient('api1 admin:users.read')
  assert.deepEqual(claimsOf(both).aud, ['urn:api', 'urn:tessera:admin'])
  const narrowed = await ofClient('api1 admin:users.read', { resource: 'urn:tessera:admin' })
  assert.equal((await sendWith(narrowed)).status, 200)
  const invalid: readonly (readonly [string, string])[] = [
    [both, 'admin_token_audience_wrong'],
    [await ofClient('api1'), 'admin_token_audience_wrong'],
    [`${token.slice(0, -4)}AAAA`, 'token_signature_invalid'],
    ['ta_unknown', 'token_unknown'],
    [randomBytes(20).toString('hex'), 'token_signature_invalid'],
  ]
  for (const [bearer, reason] of invalid) {
    const refused = await sendWith(bearer)
    assertProblem(refused, 401, 'admin_token_invalid', reason)
    assert.match(
      String(refused.headers['www-authenticate']),
      /^Bearer realm="tessera", error="invalid_token"/,
    )
  }
})

test('admin callers: a token of another issuer of this server is refused', async () => {
  const { json } = await server.send('POST', '/t/acme/connect/token', {
    form: {
      ...{ grant_type: 'client_credentials', scope: 'admin:users.read' },
      ...{ client_id: 'operator', client_secret: 'a-secret-of-an-operator' },
    },
  })
  assertProblem(await sendWith(json.access_token), 401, 'admin_token_invalid', 'token_signature_invalid')
  const headers = { authorization: `Bearer ${json.access_token}` }
  const own = await server.send('GET', `/t/acme${base}/users`, { headers })
  assert.deepEqual([own.status, own.json], [200, { items: [] }])
  const other = await server.send('GET', `/t/acme${base}/users`, {
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(other.status, 401)
})

test('admin callers: users get no scope of this API, by any grant', async () => {
  const client = ['web', 'a-secret-of-an-operator'] as const
  const user = { grant_type: 'password', username: 'alice', password: 'wonderland' }
  const asked = await server.token({ ...user, scope: 'openid admin:users.read' }, { client })
  assert.deepEqual([asked.json.error, asked.reason], ['invalid_scope', 'scope_of_wrong_kind'])
  const omitted = await server.token(user, { client })
  assert.equal(omitted.json.scope, 'api1 offline_access openid')
  const query = new URLSearchParams({
    ...{ client_id: 'web', response_type: 'code', redirect_uri: 'https://app.example/cb' },
    ...{ scope: 'openid admin:users.read', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' },
  })
  const page = await server.send('GET', `/connect/authorize?${query}`)
  assert.match(String(page.headers.location), /error=invalid_scope/)
})

test('admin callers: a token of a user, or for another API too, is refused in any order of its audience', async () => {
  const claims = {
    client_id: 'web',
    scope: [...adminScopes],
    audience: ['urn:tessera:admin'],
    claims: {},
    expires_at: 1,
  }
  const reasonOf = async (more: object) => {
    const token = { ...claims, sub: 'web', ...more } as never
    const request = { method: 'GET', headers: { authorization: 'Bearer x' }, peer: {} } as never
    const outcome = await authenticateCaller(request, {
      verifier: { verifyAccessToken: async () => ok(token) },
      clients: { find: () => undefined },
      senderConstraints: {
        checkPossession: async () => ok(undefined),
        headersFor: () => ({}),
        proofAlgorithms: [],
      },
    })
    return outcome.ok ? outcome.value.scope.size : outcome.log?.reason
  }
  assert.equal(await reasonOf({ sub: '7' }), 'admin_token_of_user')
  assert.equal(await reasonOf({ authorization_id: 'a' }), 'admin_token_of_user')
  for (const audience of [
    [],
    ['urn:api'],
    ['urn:api', 'urn:tessera:admin'],
    ['urn:tessera:admin', 'urn:api'],
  ])
    assert.equal(await reasonOf({ audience }), 'admin_token_audience_wrong')
  // The client is unknown by now.
  assert.equal(await reasonOf({}), 0)
})

test('admin callers: a client must ask for each scope, and be allowed it', async () => {
  const client = ['operator', 'a-secret-of-an-operator'] as const
  const omitted = await server.token({ grant_type: 'client_credentials' }, { client })
  assert.equal(omitted.json.scope, 'api1')
  const resource = await server.token(
    { grant_type: 'client_credentials', resource: 'urn:tessera:admin' },
    { client },
  )
  assert.equal(resource.json.error, 'invalid_scope')
  const registered = await createTestServer({ ...adminWorld, registration: { mode: 'open' } })
  const { json } = await registered.send('POST', '/connect/register', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      redirect_uris: ['https://app.example/cb'],
      scope: `openid ${adminScopes.join(' ')}`,
    }),
  })
  assert.equal(json.scope, 'openid')
  await registered.close()
  await assert.rejects(
    createTestServer({
      ...adminWorld,
      registration: { mode: 'open', allowed_scope: 'openid admin:users.read' },
    }),
    /not a known scope/,
  )
  for (const taken of [
    { api_scopes: [{ name: 'api1' }, { name: 'admin:users.read' }] },
    { api_resources: [{ name: 'urn:tessera:admin' }] },
    { api_resources: [{ name: 'urn:api', scopes: ['admin:users.read'] }] },
  ])
    await assert.rejects(createTestServer({ ...adminWorld, ...taken }), /admin API|not a known API scope/)
})

test('admin callers: bound, opaque and revoked tokens are checked', async () => {
  const certificate = Buffer.from('one certificate').toString('base64')
  const bound = await adminToken(server, adminScopes, { client: 'bound', certificate })
  assertProblem(await sendWith(bound), 401, 'admin_token_invalid', 'token_certificate_missing')
  const other = { certificate: Buffer.from('another').toString('base64') }
  const wrong = await sendWith(bound, 'GET', '/users', other)
  assertProblem(wrong, 401, 'admin_token_invalid', 'token_bound_to_another_certificate')
  assert.equal((await sendWith(bound, 'GET', '/users', { certificate })).status, 200)
  for (const client of ['operator', 'opaque']) {
    const own = await adminToken(server, adminScopes, { client })
    assert.equal((await sendWith(own)).status, 200)
    await server.send('POST', '/connect/revocation', {
      form: { token: own, client_id: client, client_secret: 'a-secret-of-an-operator' },
    })
    assert.equal((await sendWith(own)).status, 401)
  }
  const short = await adminToken(server)
  server.clock.advance(3600)
  assertProblem(await sendWith(short), 401, 'admin_token_invalid', 'token_expired')
})

test('admin callers: a scope that the client has lost since is not accepted', async () => {
  const own = await startAdmin()
  const [operator, ...others] = adminWorld.clients
  await own.server.reconfigure({
    ...adminWorld,
    clients: [{ ...operator, scope: 'admin:keys.read' }, ...others],
  })
  assert.equal((await own.call('GET', '/keys')).status, 200)
  assertProblem(await own.call('GET', '/users'), 403, 'admin_scope_missing')
  await own.server.reconfigure({ ...adminWorld, clients: [{ ...operator, enabled: false }, ...others] })
  assertProblem(await own.call('GET', '/keys'), 401, 'admin_token_invalid', 'token_client_disabled')
  await own.server.close()
})

test('admin requests: only the header carries the token, and no method is overridden', async () => {
  const fresh = await adminToken(server)
  const form = { access_token: fresh, username: 'x' }
  const inForm = await server.send('POST', `${base}/users`, { form })
  assertProblem(inForm, 401, 'admin_token_missing')
  const inQuery = await server.send('GET', `${base}/users?access_token=${fresh}`)
  assertProblem(inQuery, 401, 'admin_token_missing')
  const headers = { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE', 'if-match': '*' }
  const overridden = await sendWith(fresh, 'GET', '/users/file-1?_method=DELETE', { headers })
  assertProblem(overridden, 400, 'admin_query_malformed')
  const options = await sendWith(fresh, 'OPTIONS', '/users', { headers: { origin: 'https://evil.example' } })
  assert.equal(options.status, 405)
  const cross = await sendWith(fresh, 'GET', '/users', { headers: { origin: 'https://evil.example' } })
  assert.equal(cross.headers['access-control-allow-origin'], undefined)
  const head = await sendWith(fresh, 'HEAD', '/users')
  assert.deepEqual([head.status, head.body], [200, ''])
})

test('admin requests: unknown paths and methods, media types and malformed bodies are refused', async () => {
  const fresh = await adminToken(server)
  const json = { 'content-type': 'application/json' }
  const send = (method: string, path: string, body: string, headers: Record<string, string> = json) =>
    sendWith(fresh, method, path, { body, headers })
  for (const path of [
    '/',
    '/nothing',
    '/users/',
    '/users/a/b',
    '/users/%ZZ',
    '/openapi.json/x',
    '/users/../keys',
  ])
    assertProblem(await send('GET', path, ''), 404, 'admin_path_unknown')
  const method = await send('PATCH', '/keys', '')
  assertProblem(method, 405, 'admin_method_not_allowed')
  assert.equal(method.headers.allow, 'GET, HEAD')
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/merge-patch+json', ''])
    assertProblem(
      await send('POST', '/users', '{"username":"x"}', { 'content-type': type }),
      415,
      'admin_media_type_unsupported',
    )
  const deep = `{"username":"x","claims":{"a":${'['.repeat(5000)}${']'.repeat(5000)}}}`
  const bodies = ['', '[]', 'null', '"x"', '{', '{"a":1}x', deep]
  const harmful = ['{"__proto__":{"active":true}}', '{"claims":{"__proto__":{"admin":true}}}']
  for (const body of [...bodies, ...harmful])
    assertProblem(await send('POST', '/users', body), 400, 'admin_body_malformed')
  assertProblem(await send('GET', '/users', '{}'), 400, 'admin_body_malformed')
  for (const key of ['constructor', 'toString', 'hasOwnProperty', 'id']) {
    const refused = await send('POST', '/users', JSON.stringify({ username: 'x', [key]: 1 }))
    assertProblem(refused, 422, 'admin_entry_invalid')
    assert.equal(refused.json.errors[0].path, key)
  }
  const queries = [
    'limit=0',
    'limit=101',
    'limit=1e1',
    'active=1',
    'unknown=1',
    'constructor=1',
    'tenant=a&tenant=b',
  ]
  for (const query of queries)
    assertProblem(await send('GET', `/users?${query}`, ''), 400, 'admin_query_malformed')
})

test('admin requests: ids with control characters, or longer than any id, are refused by every operation', async () => {
  const fresh = await adminToken(server)
  const descriptions = Object.values(adminOperations as Descriptions)
  const withIds = descriptions.filter(({ path }) => path.includes('{'))
  assert.ok(withIds.length > 20)
  for (const { method, path } of withIds)
    for (const id of ['%00', 'a%0Ab', '%C2%85', 'a'.repeat(1025)]) {
      const refused = await sendWith(fresh, method, path.replaceAll(/\{\w+\}/g, id), {})
      assertProblem(refused, 400, 'admin_path_malformed')
    }
  const sent = { body: '{"username":"x"}', headers: { 'content-type': 'application/json' } }
  for (const id of ['%C3%BC', 'a'.repeat(256), `fed_${'a'.repeat(43)}`]) {
    const refused = await sendWith(fresh, 'PUT', `/users/${id}`, sent)
    assertProblem(refused, 422, 'admin_entry_invalid', 'sub_malformed')
    assert.equal(refused.json.errors[0].path, 'sub')
  }
})

test('admin requests: no user and no entry gets an id that programs remove from a path', async () => {
  // `POST /users/../revocation` is sent as `POST /revocation`, which revokes everything.
  const fresh = await adminToken(server)
  const create = (path: string, entry: object) =>
    sendWith(fresh, 'POST', path, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(entry),
    })
  for (const id of ['.', '..']) {
    assert.notEqual(
      new URL(`https://id.example/users/${encodeURIComponent(id)}/x`).pathname,
      `/users/${id}/x`,
    )
    const user = await create('/users', { sub: id, username: `dots${id.length}` })
    assertProblem(user, 422, 'admin_entry_invalid', 'sub_malformed')
    for (const [path, entry] of [
      [
        '/clients?generate_secret=true',
        { client_id: id, grant_types: ['client_credentials'], scope: 'api1' },
      ],
      ['/api-scopes', { name: id }],
      ['/api-resources', { name: id, scopes: ['api1'] }],
      ['/identity-resources', { name: id, claims: ['team'] }],
      [
        '/identity-providers',
        {
          name: id,
          type: 'oidc',
          issuer: 'https://x.example',
          client_id: 'x',
          client_secret: 'a-long-secret-of-x',
        },
      ],
      ['/tenants', { name: id }],
    ] as const) {
      const made = await create(path, entry)
      assertProblem(made, 422, 'admin_entry_invalid')
      assert.equal(made.json.errors[0].expected, 'an id other than . and ..', made.body)
    }
  }
})

test('admin requests: a changed cursor, or one of another list, is refused', async () => {
  const own = await startAdmin()
  for (const sub of ['a', 'b', 'c']) await own.call('PUT', `/users/${sub}`, { username: sub })
  const { json } = await own.call('GET', '/users?limit=1')
  const [after, mac] = json.next_cursor.split('.')
  const changed = [
    `${Buffer.from('b').toString('base64url')}.${mac}`,
    `${after}.${mac.slice(1)}`,
    `${after}.`,
    'x',
    `${json.next_cursor}.`,
  ]
  for (const cursor of changed) {
    const refused = await own.call('GET', `/users?cursor=${cursor}`)
    assertProblem(refused, 400, 'admin_cursor_invalid')
  }
  assert.equal((await own.call('GET', `/users?cursor=${json.next_cursor}`)).status, 200)
  assert.equal((await own.call('GET', `/users?active=true&cursor=${json.next_cursor}`)).status, 400)
  await own.server.close()
})

test('admin: docs/reasons.md has each reason of a problem', () => {
  const page = readText('docs/reasons.md')
  const missing = Object.keys(problems).filter(reason => !page.includes(`| \`${reason}\` |`))
  assert.deepEqual(missing, [])
})

test('admin: a scope of each operation exists, and each scope is of an operation', () => {
  const used = new Set<AdminScope>(operations.map(([, { scope }]) => scope))
  assert.deepEqual([...used].toSorted(), [...adminScopes].toSorted())
  assert.equal(typeof call, 'function')
})
