import assert from 'node:assert/strict'
import { test } from 'node:test'
import { thumbprintOf } from '../../packages/server/src/model/jose.ts'
import { one } from '../support/certificates.ts'
import { createProver } from '../support/dpop.ts'
import { assertRefused } from '../support/refused.ts'
import { type Answer, basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const client = ['custom', secret] as const
const decisions: Record<string, any> = {}

/** A grant whose decision each test chooses; `custom_credential` is required. */
const custom = {
  grantType: 'custom',
  parameters: { custom_credential: { required: true, maxLength: 20 }, extra_claim: {} },
  decide: (request: any, context: any) => decisions.custom(request, context),
}

const configured = (changes: object = {}) => ({
  ...world,
  grants: [custom],
  clients: [
    ...world.clients,
    {
      client_id: 'custom',
      client_secrets: [{ value: secret }],
      grant_types: ['custom', 'refresh_token'],
      scope: 'api1 api2 openid offline_access',
      client_claims_prefix: 'client_',
      ...changes,
    },
  ],
})

async function decide(
  decision: unknown,
  form: Record<string, string> = {},
  changes: object = {},
): Promise<Answer & { server: TestServer }> {
  const server = await createTestServer(configured(changes))
  decisions.custom = typeof decision === 'function' ? decision : () => decision
  const answer = await server.token(
    { grant_type: 'custom', custom_credential: 'x', scope: 'api1', ...form },
    { client },
  )
  return { ...answer, server }
}

const sub = '818727'
const subject = { sub, amr: ['custom'] }

test('extension: the token is the subject’s, without refresh or ID token [token-ext-001]', async () => {
  const { status, json } = await decide({ ok: true, subject })
  assert.equal(status, 200)
  assert.equal(json.refresh_token, undefined)
  assert.equal(json.id_token, undefined)
  const claims = claimsOf(json.access_token)
  assert.equal(claims.sub, sub)
  assert.equal(claims.idp, 'local')
  assert.deepEqual(claims.amr, ['custom'])
  assert.equal(claims.aud, 'urn:api')
})

test('extension: after a revocation of everything, a grant issues tokens for a user who signed in elsewhere before', async () => {
  const form = { grant_type: 'custom', custom_credential: 'x', scope: 'api1 offline_access' }
  const { server, json: before } = await decide({ ok: true, subject: { ...subject, auth_time: 1 } }, form)
  const refresh = (refresh_token: string) =>
    server.token({ grant_type: 'refresh_token', refresh_token }, { client })
  await server.revokeTenant()
  assertRefused(await refresh(before.refresh_token), 'invalid_grant', 'authorization_revoked')
  server.clock.advance(2)
  const { json: after } = await server.token(form, { client })
  assert.equal(claimsOf(after.access_token).auth_time, 1)
  assert.equal((await refresh(after.refresh_token)).status, 200)
})

test('extension: claims of the grant are included if the API requests them, and after a refresh [token-ext-002] [token-ext-003]', async () => {
  const { json, server } = await decide(
    { ok: true, subject: { ...subject, claims: { role: 'extra', unasked: 'x' } } },
    { scope: 'api1 offline_access' },
  )
  assert.equal(claimsOf(json.access_token).role, 'extra')
  assert.equal(claimsOf(json.access_token).unasked, undefined)
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: json.refresh_token },
    { client },
  )
  assert.equal(claimsOf(refreshed.json.access_token).role, 'extra')
  assert.deepEqual(claimsOf(refreshed.json.access_token).amr, ['custom'])
})

test('extension: without a subject the token is the client’s own [token-ext-004] [token-ext-014]', async () => {
  const { json } = await decide({ ok: true, client_claims: [{ type: 'extra', value: 'extra_claim' }] })
  const claims = claimsOf(json.access_token)
  assert.equal(claims.sub, 'custom')
  assert.equal(claims.amr, undefined)
  assert.equal(claims.idp, undefined)
  assert.equal(claims.client_extra, 'extra_claim')
})

test('extension: lifetime and token type by request; the lifetime is at most the client’s [token-ext-009] [token-ext-010] [token-ext-011]', async () => {
  const long = await decide({ ok: true, lifetime: 5000 }, {}, { access_token_lifetime: 6000 })
  assert.equal(long.json.expires_in, 5000)
  const { exp, iat } = claimsOf(long.json.access_token)
  assert.equal(exp - iat, 5000)
  assert.equal((await decide({ ok: true, lifetime: 5000 })).json.expires_in, 3600)
  assert.equal((await decide({ ok: true, access_token_type: 'jwt' })).json.access_token.split('.').length, 3)
  assert.match((await decide({ ok: true, access_token_type: 'reference' })).json.access_token, /^ta_/)
})

test('extension: a grant may issue to another registered client, and to no other [token-ext-012]', async () => {
  const { json } = await decide({ ok: true, client_id: 'roclient' })
  assert.equal(claimsOf(json.access_token).client_id, 'roclient')
  assertRefused(await decide({ ok: true, client_id: 'nobody' }), 'invalid_grant', 'extension_client_unknown')
})

test('extension: a token for another client has no scope that this client may not have', async () => {
  const { json } = await decide({ ok: true, client_id: 'device2', scope: ['api1'] })
  assert.equal(claimsOf(json.access_token).client_id, 'device2')
  const wider = await decide({ ok: true, client_id: 'device2', scope: ['api1', 'api2'] })
  assertRefused(wider, 'invalid_scope', 'scope_not_allowed')
})

test('extension: tokens for another client are bound like its own [RFC 8705 §3.4]', async () => {
  const bound = world.clients.map(one =>
    one.client_id === 'roclient' ? { ...one, tls_client_certificate_bound_access_tokens: true } : one,
  )
  const tls = {
    client_id: 'tls',
    token_endpoint_auth_method: 'tls_client_auth',
    tls_client_auth_subject_dn: 'CN=tls',
    grant_types: ['client_credentials'],
    scope: 'api1',
  }
  const mtls = { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] }
  const { clients, ...rest } = configured()
  const server = await createTestServer({ ...rest, mtls, clients: [...bound, tls, ...clients.slice(-1)] })
  decisions.custom = () => ({ ok: true, client_id: 'roclient' })
  const form = { grant_type: 'custom', custom_credential: 'x', scope: 'api1' }
  assertRefused(await server.token(form, { client }), 'invalid_request', 'binding_certificate_missing')
  const { json } = await server.token(form, { client, certificate: one })
  assert.deepEqual(claimsOf(json.access_token).cnf, { 'x5t#S256': thumbprintOf(one) })
  decisions.custom = () => ({ ok: true, client_id: 'tls' })
  assertRefused(await server.token(form, { client }), 'invalid_client', 'client_certificate_missing')
  const own = await server.token(form, { client, certificate: one })
  assert.deepEqual(claimsOf(own.json.access_token).cnf, { 'x5t#S256': thumbprintOf(one) })
})

test('extension: tokens for a client that is not bound have the key of the requesting client', async () => {
  const { clients, ...rest } = configured({ tls_client_certificate_bound_access_tokens: true })
  const mtls = { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] }
  const server = await createTestServer({ ...rest, mtls, clients })
  decisions.custom = () => ({ ok: true, client_id: 'roclient' })
  const form = { grant_type: 'custom', custom_credential: 'x', scope: 'api1' }
  const { json } = await server.token(form, { client, certificate: one })
  assert.equal(claimsOf(json.access_token).client_id, 'roclient')
  assert.deepEqual(claimsOf(json.access_token).cnf, { 'x5t#S256': thumbprintOf(one) })
})

test('extension: custom members are added to the response and never replace standard ones [token-ext-015]', async () => {
  const standard = [
    ...['access_token', 'token_type', 'expires_in', 'scope', 'refresh_token', 'refresh_token_timeout'],
    ...['authorization_expires_in', 'id_token', 'error', 'error_description'],
  ]
  const { status, json } = await decide({
    ok: true,
    members: { dto: { nested: [1] }, ...Object.fromEntries(standard.map(name => [name, 'forged'])) },
  })
  assert.equal(status, 200)
  assert.deepEqual(json.dto, { nested: [1] })
  assert.equal(json.token_type, 'Bearer')
  assert.equal(Object.values(json).includes('forged'), false)
})

test('extension: a refusal has its own error, description and members [token-ext-016] [token-ext-020]', async () => {
  const refused = await decide({
    ok: false,
    error: 'invalid_grant',
    description: 'invalid_credential',
    members: { custom: 1, error: 'x' },
  })
  assert.equal(refused.status, 400)
  assertRefused(refused, 'invalid_grant', 'extension_refused')
  const { error, ...more } = refused.json
  assert.deepEqual(more, { custom: 1, error_description: 'invalid_credential' })
  const own = await decide({ ok: false, error: 'com.example.out_of_stock' })
  assert.equal(own.status, 400)
  assert.equal(own.json.error, 'com.example.out_of_stock')
})

test('extension: a user who is not active is invalid_grant [token-ext-018]', async () => {
  assertRefused(await decide({ ok: true, subject: { sub: '2' } }), 'invalid_grant', 'user_inactive')
})

test('extension: an exception is invalid_grant, and only the log has the details [token-ext-019]', async () => {
  const { server, ...refused } = await decide(() => {
    throw new Error('database on fire')
  })
  assert.equal(refused.status, 400)
  assertRefused(refused, 'invalid_grant', 'extension_grant_threw')
  assert.deepEqual(Object.keys(refused.json), ['error'])
  assert.ok(server.logged.some(({ problem }) => String(problem).includes('on fire')))
})

test('extension: its parameters are required and limited before it runs', async () => {
  let ran = false
  const spy = () => {
    ran = true
    return { ok: true }
  }
  assertRefused(await decide(spy, { custom_credential: '' }), 'invalid_request', 'parameter_missing')
  assertRefused(
    await decide(spy, { custom_credential: 'x'.repeat(21) }),
    'invalid_request',
    'parameter_too_long',
  )
  assert.equal(ran, false)
})

test('extension: a parameter that a standard grant also reads has this grant’s limit', async () => {
  const parameters = { custom_credential: { required: true }, code: { maxLength: 20 } }
  const server = await createTestServer({ ...configured(), grants: [{ ...custom, parameters }] })
  decisions.custom = () => ({ ok: true })
  const ask = (code: string) =>
    server.token({ grant_type: 'custom', custom_credential: 'x', scope: 'api1', code }, { client })
  assert.equal((await ask('x'.repeat(20))).status, 200)
  assertRefused(await ask('x'.repeat(21)), 'invalid_request', 'parameter_too_long')
  const standard = {
    grant_type: 'authorization_code',
    code: 'x'.repeat(21),
    redirect_uri: 'https://app.example/cb',
  }
  assertRefused(await server.token(standard, { client: ['web', secret] }), 'invalid_grant', 'code_unknown')
})

test('extension: a parameter without its own limit has at most 4096 characters', async () => {
  const long = (length: number) => decide({ ok: true }, { extra_claim: 'x'.repeat(length) })
  assert.equal((await long(4096)).status, 200)
  assertRefused(await long(4097), 'invalid_request', 'parameter_too_long')
})

test('extension: a lifetime of less than a second is refused', async () => {
  assert.equal((await decide({ ok: true, lifetime: 1.9 })).json.expires_in, 1)
  for (const lifetime of [0.9, 0, -1])
    assertRefused(await decide({ ok: true, lifetime }), 'invalid_grant', 'extension_lifetime_invalid')
})

test('extension: the scope is checked again against the client; omitted, it never includes offline_access', async () => {
  assert.equal((await decide({ ok: true, scope: ['other_api'] })).json.error, 'invalid_scope')
  assert.equal((await decide({ ok: true, scope: [] })).json.error, 'invalid_scope')
  assert.equal((await decide({ ok: true }, { scope: 'api1 other_api' })).json.error, 'invalid_scope')
  assert.equal((await decide({ ok: true }, { scope: 'api1 offline_access' })).json.error, 'invalid_scope')
  assert.equal((await decide({ ok: true, subject }, { scope: '' })).json.scope, 'api1 api2')
})

test('extension: audience must own the scope', async () => {
  assert.equal((await decide({ ok: true, audience: ['urn:other'] })).json.error, 'invalid_target')
  const { json } = await decide({ ok: true, audience: ['urn:api'] })
  assert.equal(claimsOf(json.access_token).aud, 'urn:api')
})

test('extension: the tenant is that of the user’s record, and claims never replace the registered ones', async () => {
  const { json } = await decide({
    ok: true,
    subject: { sub: '3', tenant: 'globex' },
    claims: { iss: 'forged', sub: 'forged', act: { sub: 'a' } },
  })
  const claims = claimsOf(json.access_token)
  assert.equal(claims.tenant, 'acme')
  assert.equal(claims.sub, '3')
  assert.notEqual(claims.iss, 'forged')
  assert.deepEqual(claims.act, { sub: 'a' })
})

test('extension: a token is derived from a bound one only with the key of that one, whatever the grant checks [RFC 9449 §7]', async () => {
  const { clients, ...rest } = configured({ grant_types: ['custom', 'client_credentials'] })
  const server = await createTestServer({ ...rest, clients })
  const [prover, other] = [await createProver(), await createProver()]
  const ask = (form: object, dpop?: string) =>
    server.token({ scope: 'api1', ...form }, { client, headers: dpop === undefined ? {} : { dpop } })
  const bound = (await ask({ grant_type: 'client_credentials' }, prover.proof())).json.access_token
  decisions.custom = async (_: unknown, { verifyAccessToken }: any) => ({
    ok: true,
    derivedFrom: await verifyAccessToken(bound),
  })
  const form = { grant_type: 'custom', custom_credential: 'x' }
  for (const dpop of [undefined, other.proof()])
    assertRefused(await ask(form, dpop), 'invalid_request', 'extension_token_bound_to_another_key')
  const { json } = await ask(form, prover.proof())
  assert.deepEqual(claimsOf(json.access_token).cnf, { jkt: prover.jkt })
})

test('extension: a token of a user ends with the access of the user, also if it is derived from a token of a client', async () => {
  const { clients, ...rest } = configured({ grant_types: ['custom', 'client_credentials'] })
  const server = await createTestServer({ ...rest, clients })
  const own = await server.token({ grant_type: 'client_credentials', scope: 'api1' }, { client })
  decisions.custom = async (_: unknown, { verifyAccessToken }: any) => ({
    ok: true,
    subject,
    derivedFrom: await verifyAccessToken(own.json.access_token),
  })
  const { json } = await server.token(
    { grant_type: 'custom', custom_credential: 'x', scope: 'api1' },
    { client },
  )
  const isActive = async (token: string): Promise<boolean> =>
    (
      await server.send('POST', '/connect/introspect', {
        form: { token },
        headers: basic('urn:api', 'api-secret'),
      })
    ).json.active
  assert.equal(await isActive(json.access_token), true)
  await server.endAccess(sub)
  assert.equal(await isActive(json.access_token), false)
  assert.equal(await isActive(own.json.access_token), true)
})

test('extension: a one-use id that one grant consumed is still valid for another', async () => {
  const decide = () => ({ ok: true, uses: { id: 'shared', expires_at: 4_000_000_000 } })
  const grants = ['custom', 'other'].map(grantType => ({ grantType, parameters: {}, decide }))
  const { clients, ...rest } = configured({ grant_types: ['custom', 'other'] })
  const server = await createTestServer({ ...rest, clients, grants })
  for (const grant_type of ['custom', 'other']) {
    const ask = () => server.token({ grant_type, scope: 'api1' }, { client })
    assert.equal((await ask()).status, 200, grant_type)
    assertRefused(await ask(), 'invalid_grant', 'assertion_replayed')
  }
})

test('extension: a one-use id is accepted once, even in a hundred concurrent requests', async () => {
  const server = await createTestServer(configured())
  decisions.custom = () => ({ ok: true, uses: { id: 'ticket-1', expires_at: server.clock.now() + 60 } })
  const form = { grant_type: 'custom', custom_credential: 'x', scope: 'api1' }
  const answers = await Promise.all(Array.from({ length: 100 }, () => server.token(form, { client })))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  for (const answer of answers)
    if (answer.status !== 200) assertRefused(answer, 'invalid_grant', 'assertion_replayed')
})
